"""What drivers of a receiver's instruments must do, by role; see role_conformance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab.errors import InstrumentError


def angle_between(a_deg, b_deg):
    """Return the difference of two directions, -180 to 180."""
    return (a_deg - b_deg + 180.0) % 360.0 - 180.0


class RotatorConformance:
    """For the role Rotator; `true_angle_deg(mounted)` is where it really stands."""

    def true_angle_deg(self, mounted):
        raise AssertionError("give the class a method `true_angle_deg`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.rotator_capabilities()
        assert 0 < capabilities.resolution_deg < 1
        assert capabilities.accuracy_deg > 0

    @pytest.mark.parametrize("angle_deg", [0.0, 12.34, 181.0, 359.9, 725.0, -10.0])
    def test_it_has_arrived_when_setting_returns(self, mounted, angle_deg):
        mounted.driver.set_angle_deg(angle_deg)
        capabilities = mounted.driver.rotator_capabilities()
        asked = mounted.driver.get_angle_deg()
        assert 0 <= asked < 360
        assert abs(angle_between(asked, angle_deg)) <= capabilities.resolution_deg
        off = angle_between(self.true_angle_deg(mounted), angle_deg)
        assert abs(off) < 6 * capabilities.accuracy_deg

    def test_homing_goes_to_the_zero(self, mounted):
        mounted.driver.set_angle_deg(100.0)
        mounted.driver.home()
        assert abs(angle_between(mounted.driver.get_angle_deg(), 0.0)) < 0.1

    def test_opening_does_not_move_it(self, mounted):
        before = self.true_angle_deg(mounted)
        mounted.driver.identify()
        assert self.true_angle_deg(mounted) == before


class BiasSourceConformance:
    """For the role BiasSource.

    `true_bias_ua(mounted)` are the currents, `give_counts(mounted, rates_hz)` makes
    the detectors click at these rates.
    """

    def true_bias_ua(self, mounted):
        raise AssertionError("give the class a method `true_bias_ua`")

    def give_counts(self, mounted, rates_hz):
        raise AssertionError("give the class a method `give_counts`")

    def currents(self, mounted):
        capabilities = mounted.driver.bias_capabilities()
        n = capabilities.n_detectors
        return [0.5 * capabilities.max_bias_ua * (k + 1) / n for k in range(n)]

    def test_bias_is_set_when_setting_returns(self, mounted):
        wanted = self.currents(mounted)
        mounted.driver.set_enabled(True)
        mounted.driver.set_bias_ua(wanted)
        assert self.true_bias_ua(mounted) == pytest.approx(wanted, abs=0.02)
        assert mounted.driver.get_bias_ua() == pytest.approx(wanted, abs=0.02)

    def test_no_current_flows_while_switched_off(self, mounted):
        mounted.driver.set_bias_ua(self.currents(mounted))
        for enabled in (True, False):
            mounted.driver.set_enabled(enabled)
            assert any(self.true_bias_ua(mounted)) is enabled

    def test_safe_state_takes_the_bias_away(self, mounted):
        mounted.driver.set_enabled(True)
        mounted.driver.set_bias_ua(self.currents(mounted))
        mounted.driver.safe_state()
        assert not any(self.true_bias_ua(mounted))
        assert not any(mounted.driver.get_bias_ua())

    def test_vectors_that_break_a_limit_are_refused_before_anything_is_sent(
        self, mounted
    ):
        capabilities = mounted.driver.bias_capabilities()
        good = self.currents(mounted)
        for bad in (
            good[:-1],
            [*good, 1.0],
            [capabilities.max_bias_ua * 1.01, *good[1:]],
            [-capabilities.max_bias_ua * 1.01, *good[1:]],
            [math.nan, *good[1:]],
        ):
            with pytest.raises(InstrumentError) as caught:
                mounted.driver.set_bias_ua(bad)
            assert caught.value.hint
        assert mounted.heard() == []

    def test_one_voltage_per_detector(self, mounted):
        n = mounted.driver.bias_capabilities().n_detectors
        assert len(mounted.driver.get_voltages_mv()) == n

    def test_count_rates_are_those_of_the_time_after_asking(self, mounted):
        n = mounted.driver.bias_capabilities().n_detectors
        self.give_counts(mounted, [9e6] * n)
        mounted.driver.get_bias_ua()
        mounted.clock.sleep_until(mounted.clock.now_ps() + 350_000_000_000)
        wanted = [1000.0 * (k + 1) for k in range(n)]
        self.give_counts(mounted, wanted)
        rates = mounted.driver.count_rates_hz(0.5)
        assert rates == pytest.approx(wanted, rel=0.02)


class TimeTaggerConformance:
    """For the role TimeTagger, four inputs, reference every 800 us.

    `give(mounted, times_ps)` lets pulses come at the inputs, by input from 0, at these
    times after the first reference that follows the start of the acquisition;
    references come by themselves.
    """

    PERIOD_PS = 800_000_000

    def give(self, mounted, times_ps):
        raise AssertionError("give the class a method `give`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.tagger_capabilities()
        assert capabilities.n_inputs == 4
        assert capabilities.resolution_ps >= 1
        assert capabilities.max_rate_hz > 0

    def test_tags_come_with_their_input_and_time(self, mounted):
        rng = np.random.default_rng(5)
        given = [
            np.sort(rng.integers(50_000, 95_000_000_000, 3000)).astype(np.int64)
            for _ in range(4)
        ]
        given = [t[np.diff(t, prepend=-(10**9)) > 100_000] for t in given]
        self.give(mounted, given)
        mounted.driver.start(self.PERIOD_PS, 1e5)
        blocks = [mounted.driver.read(20_000_000_000) for _ in range(5)]
        resolution_ps = mounted.driver.tagger_capabilities().resolution_ps
        for number in range(4):
            t = np.concatenate([b.t[b.ch == number] for b in blocks])
            assert t.size == given[number].size
            # own time base, jitter and bin; within a period of 800 us
            assert np.max(np.abs(t - given[number])) < 20_000 + 3 * resolution_ps

    def test_blocks_follow_each_other_without_gap(self, mounted):
        self.give(mounted, [np.empty(0, np.int64)] * 4)
        mounted.driver.start(self.PERIOD_PS, 1e5)
        end = 0
        for seq, duration_ps in enumerate((10_000_000_000, 1, 33_000_000_000)):
            block = mounted.driver.read(duration_ps)
            assert (block.t_begin, block.t_end) == (end, end + duration_ps)
            assert block.seq == seq
            end = block.t_end

    def test_a_silent_input_does_not_hold_the_others_back(self, mounted):
        t = np.arange(100, dtype=np.int64) * 400_000_000 + 50_000
        self.give(mounted, [t, np.empty(0, np.int64), t + 7000, t[:1]])
        mounted.driver.start(self.PERIOD_PS, 1e4)
        block = mounted.driver.read(30_000_000_000)
        assert np.bincount(block.ch, minlength=4).tolist() == [75, 0, 75, 1]

    def test_too_high_a_rate_is_refused_before_anything_is_sent(self, mounted):
        capabilities = mounted.driver.tagger_capabilities()
        before = len(mounted.heard())
        with pytest.raises(InstrumentError) as caught:
            mounted.driver.start(self.PERIOD_PS, capabilities.max_rate_hz * 1.01)
        assert caught.value.hint
        assert len(mounted.heard()) == before

    def test_an_acquisition_starts_anew(self, mounted):
        t = np.arange(10, dtype=np.int64) * 1_000_000_000 + 50_000
        for _ in range(2):
            self.give(mounted, [t] * 4)
            mounted.driver.start(self.PERIOD_PS, 1e4)
            block = mounted.driver.read(9_500_000_000)
            assert len(block) == 40
            assert block.t_begin == 0
            mounted.driver.stop()

    def test_reading_without_acquisition_is_refused(self, mounted):
        with pytest.raises(InstrumentError):
            mounted.driver.read(1_000_000_000)

    def test_stopping_twice_is_allowed(self, mounted):
        mounted.driver.stop()
        self.give(mounted, [np.empty(0, np.int64)] * 4)
        mounted.driver.start(self.PERIOD_PS, 1e4)
        mounted.driver.stop()
        mounted.driver.stop()
