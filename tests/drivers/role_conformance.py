"""What every driver must do, by role: test classes to inherit.

A driver's test file subclasses `DriverConformance` and the class of its role and
gives them a method `mount(**faults)`; see test_driver_8156a.py.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from qkdlab.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentReplyError,
    InstrumentTimeout,
)


class DriverConformance:
    """For all roles.

    `mount(faults=())` returns a `drivers.mounted.Mounted`; `use(driver)` does
    something that needs the instrument; `spec` is the driver's `DriverSpec`.
    """

    spec = None

    def mount(self, faults=()):
        raise AssertionError("give the class a method `mount`")

    def use(self, driver):
        raise AssertionError("give the class a method `use`")

    @pytest.fixture
    def mounted(self):
        mounted = self.mount()
        yield mounted
        mounted.driver.close()

    @pytest.fixture
    def with_fault(self):
        made = []

        def make(**fault):
            made.append(self.mount(faults=[fault]))
            return made[-1]

        yield make
        for mounted in made:
            mounted.driver.close()

    def test_nothing_is_said_when_it_is_made(self, mounted):
        assert mounted.heard() == []

    def test_it_says_who_it_is(self, mounted):
        identity = mounted.driver.identify()
        assert {"vendor", "model"} <= set(identity)
        assert all(isinstance(value, str) for value in identity.values())

    def test_qcodes_can_ask_who_it_is(self, mounted):
        assert mounted.driver.get_idn()["model"]

    def test_a_snapshot_without_update_is_json_and_says_nothing(self, mounted):
        mounted.driver.identify()
        before = len(mounted.heard())
        snapshot = mounted.driver.snapshot(update=False)
        assert json.dumps(snapshot, default=str)
        assert len(mounted.heard()) == before

    def test_safe_state_may_come_first_and_twice(self, mounted):
        mounted.driver.safe_state()
        mounted.driver.safe_state()

    def test_closing_twice_is_allowed(self, mounted):
        mounted.driver.close()
        mounted.driver.close()

    def test_a_silent_instrument_is_named(self, with_fault):
        mounted = with_fault(kind="silent")
        with pytest.raises(InstrumentTimeout) as caught:
            mounted.driver.identify()
        assert mounted.driver.name in str(caught.value)
        assert caught.value.hint

    def test_garbage_is_told_from_answers(self, with_fault):
        mounted = with_fault(kind="garbage")
        with pytest.raises((InstrumentReplyError, InstrumentTimeout)):
            mounted.driver.identify()

    def test_a_cut_line_is_told(self, with_fault):
        mounted = with_fault(kind="drop_line", at_s=0.0)
        with pytest.raises(InstrumentDisconnected):
            mounted.driver.identify()

    def test_an_instrument_that_falls_silent_in_use_is_told(self, with_fault):
        mounted = with_fault(kind="silent", after_bytes=1)
        with pytest.raises((InstrumentTimeout, InstrumentReplyError)):
            self.use(mounted.driver)

    def test_garbage_in_use_is_told(self, with_fault):
        mounted = with_fault(kind="garbage", after_bytes=1)
        with pytest.raises((InstrumentReplyError, InstrumentTimeout)):
            self.use(mounted.driver)

    @pytest.mark.parametrize("kind", ["fragment", "coalesce"])
    def test_answers_may_come_in_pieces_or_late(self, with_fault, kind):
        mounted = with_fault(kind=kind)
        mounted.driver.identify()
        self.use(mounted.driver)

    def test_parameters_are_documented_attributes(self, mounted):
        for name, parameter in mounted.driver.parameters.items():
            if name not in ("IDN", "timeout"):
                assert getattr(mounted.driver, name) is parameter
                assert parameter.__doc__


class PatternGeneratorConformance:
    """For the role PatternGenerator; `output(mounted, channel)` is what leaves it.

    It returns (volts, sample_rate_hz, enabled, start_ps).
    """

    def output(self, mounted, channel):
        raise AssertionError("give the class a method `output`")

    def waveform(self, mounted, n=None):
        capabilities = mounted.driver.pattern_capabilities()
        n = 2 * capabilities.min_samples if n is None else n
        return np.linspace(-0.3, 0.7, n) * min(1.0, capabilities.max_amplitude_v)

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.pattern_capabilities()
        assert capabilities.n_channels >= 1
        assert 0 < capabilities.min_samples < capabilities.max_samples
        assert capabilities.dac_bits >= 8

    def test_what_it_returns_is_what_leaves_it(self, mounted):
        wanted = {1: self.waveform(mounted), 2: -2 * self.waveform(mounted)}
        given = mounted.driver.load_waveforms(wanted, 1e8)
        mounted.driver.start()
        for channel, volts in wanted.items():
            out, rate_hz, enabled, _ = self.output(mounted, channel)
            assert enabled
            assert rate_hz == pytest.approx(1e8)
            np.testing.assert_allclose(out, given[channel], atol=1e-9)
            step_v = np.ptp(volts) / 2 ** (
                mounted.driver.pattern_capabilities().dac_bits - 1
            )
            np.testing.assert_allclose(given[channel], volts, atol=step_v)

    def test_channels_start_in_step(self, mounted):
        volts = self.waveform(mounted)
        mounted.driver.load_waveforms({1: volts, 2: volts}, 1e8)
        mounted.driver.start()
        assert self.output(mounted, 1)[3] == self.output(mounted, 2)[3]

    def test_outputs_are_off_while_loading(self, mounted):
        volts = self.waveform(mounted)
        mounted.driver.load_waveforms({1: volts, 2: volts}, 1e8)
        mounted.driver.start()
        mounted.driver.load_waveforms({1: volts}, 1e8)
        assert not self.output(mounted, 1)[2]
        assert not self.output(mounted, 2)[2]

    @pytest.mark.parametrize("leave", ["stop", "safe_state"])
    def test_outputs_go_off(self, mounted, leave):
        volts = self.waveform(mounted)
        mounted.driver.load_waveforms({1: volts, 2: volts}, 1e8)
        mounted.driver.start()
        getattr(mounted.driver, leave)()
        assert not self.output(mounted, 1)[2]
        assert not self.output(mounted, 2)[2]

    def test_loading_again_replaces(self, mounted):
        mounted.driver.load_waveforms({1: self.waveform(mounted)}, 1e8)
        again = mounted.driver.load_waveforms({1: -self.waveform(mounted)}, 2e8)
        out, rate_hz, _, _ = self.output(mounted, 1)
        assert rate_hz == pytest.approx(2e8)
        np.testing.assert_allclose(out, again[1], atol=1e-9)

    @pytest.mark.parametrize("level_v", [0.0, 0.25, -1.0])
    def test_a_constant_waveform_is_allowed(self, mounted, level_v):
        volts = np.full(100, level_v)
        given = mounted.driver.load_waveforms({1: volts}, 1e8)
        np.testing.assert_allclose(given[1], level_v, atol=1e-4)

    def test_starting_without_waveforms_is_refused(self, mounted):
        with pytest.raises(InstrumentError):
            mounted.driver.start()

    def test_broken_limits_are_refused_before_anything_is_sent(self, mounted):
        capabilities = mounted.driver.pattern_capabilities()
        volts = self.waveform(mounted)
        bad = [
            ({1: volts}, capabilities.max_sample_rate_hz * 1.01),
            ({1: volts}, 0.0),
            ({}, 1e8),
            ({capabilities.n_channels + 1: volts}, 1e8),
            ({1: np.zeros(capabilities.min_samples - 1)}, 1e8),
            ({1: volts, 2: volts[:-1]}, 1e8),
            ({1: volts * math.nan}, 1e8),
            ({1: np.full(100, capabilities.max_amplitude_v * 1.01)}, 1e8),
            ({1: np.zeros(capabilities.max_samples + 1)}, 1e8),
        ]
        for waveforms, rate_hz in bad:
            with pytest.raises(InstrumentError) as caught:
                mounted.driver.load_waveforms(waveforms, rate_hz)
            assert caught.value.hint
        assert mounted.heard() == []


class AttenuatorConformance:
    """For the role Attenuator; `truth(mounted)` is (attenuation_db, shutter_open).

    Of a unit without shutter, `truth` gives None for it.
    """

    def truth(self, mounted):
        raise AssertionError("give the class a method `truth`")

    def test_it_is_at_rest_when_setting_returns(self, mounted):
        step_db = mounted.driver.attenuator_capabilities().resolution_db
        mounted.driver.set_attenuation_db(17.25)
        assert self.truth(mounted)[0] == pytest.approx(17.25, abs=step_db)
        assert mounted.driver.get_attenuation_db() == pytest.approx(17.25, abs=step_db)

    def test_both_ends_of_the_range_are_reached(self, mounted):
        capabilities = mounted.driver.attenuator_capabilities()
        for value_db in (capabilities.max_db, capabilities.min_db):
            mounted.driver.set_attenuation_db(value_db)
            assert self.truth(mounted)[0] == pytest.approx(value_db)

    def test_values_outside_the_range_are_refused_before_anything_is_sent(
        self, mounted
    ):
        capabilities = mounted.driver.attenuator_capabilities()
        for value_db in (capabilities.min_db - 1, capabilities.max_db + 1, math.nan):
            with pytest.raises(InstrumentError):
                mounted.driver.set_attenuation_db(value_db)
        assert mounted.heard() == []

    def test_the_shutter_has_moved_when_setting_returns(self, mounted):
        has_shutter = mounted.driver.attenuator_capabilities().has_shutter
        for is_open in (True, False) if has_shutter else ():
            mounted.driver.set_shutter_open(is_open)
            assert self.truth(mounted)[1] is is_open
            assert mounted.driver.get_shutter_open() is is_open

    def test_safe_state_closes_the_shutter_and_attenuates_fully(self, mounted):
        capabilities = mounted.driver.attenuator_capabilities()
        closed = None
        mounted.driver.set_attenuation_db(3.0)
        if capabilities.has_shutter:
            mounted.driver.set_shutter_open(True)
            closed = False
        mounted.driver.safe_state()
        assert self.truth(mounted) == (pytest.approx(capabilities.max_db), closed)


class PowerMeterConformance:
    """For the role PowerMeter; `shine(mounted, power_w)` is the light on the sensor."""

    def shine(self, mounted, power_w):
        raise AssertionError("give the class a method `shine`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.power_meter_capabilities()
        assert 0 < capabilities.min_power_w < capabilities.max_power_w
        assert 0 < capabilities.relative_uncertainty < 1

    @pytest.mark.parametrize("power_w", [1e-8, 2e-6, 1e-3])
    def test_it_reads_the_power(self, mounted, power_w):
        self.shine(mounted, 0.0)
        mounted.driver.zero()
        self.shine(mounted, power_w)
        mounted.driver.set_wavelength_nm(1550.12)
        (reading,) = mounted.driver.read_power_w()
        assert reading == pytest.approx(power_w, rel=0.01)

    def test_it_says_how_long_new_light_wants_to_be_read(self, mounted):
        assert 0 <= mounted.driver.settling_time_s() < 10

    def test_readings_are_separate(self, mounted):
        self.shine(mounted, 1e-6)
        readings = mounted.driver.read_power_w(5)
        assert len(set(readings)) == 5

    def test_darkness_can_be_read(self, mounted):
        self.shine(mounted, 0.0)
        mounted.driver.zero()
        floor_w = mounted.driver.power_meter_capabilities().min_power_w
        assert abs(mounted.driver.read_power_w()[0]) < floor_w

    def test_a_reading_above_the_range_is_refused(self, mounted):
        capabilities = mounted.driver.power_meter_capabilities()
        self.shine(mounted, 2 * capabilities.max_power_w)
        with pytest.raises(InstrumentError):
            mounted.driver.read_power_w()

    def test_wavelengths_outside_the_range_are_refused(self, mounted):
        capabilities = mounted.driver.power_meter_capabilities()
        for value_nm in (
            capabilities.min_wavelength_nm - 1,
            capabilities.max_wavelength_nm + 1,
        ):
            with pytest.raises(InstrumentError):
                mounted.driver.set_wavelength_nm(value_nm)
        assert mounted.heard() == []

    def test_zeroing_with_light_on_is_told(self, mounted):
        self.shine(mounted, 1e-3)
        with pytest.raises(InstrumentError):
            mounted.driver.zero()


class DelayGeneratorConformance:
    """For the role DelayGenerator.

    `truth(mounted, output)` is what leaves an output: (delay_ps from the trigger,
    width_ps, amplitude_v, offset_v); `trigger_at(mounted, rate_hz)` gives triggers.
    """

    def truth(self, mounted, output):
        raise AssertionError("give the class a method `truth`")

    def trigger_at(self, mounted, rate_hz):
        raise AssertionError("give the class a method `trigger_at`")

    def test_capabilities_are_sensible(self, mounted):
        capabilities = mounted.driver.delay_capabilities()
        assert capabilities.outputs
        assert 0 < capabilities.resolution_ps < capabilities.max_delay_ps
        assert capabilities.insertion_delay_ps >= 0
        assert capabilities.max_trigger_hz > 0

    def test_pulses_leave_when_they_should(self, mounted):
        capabilities = mounted.driver.delay_capabilities()
        step_ps = capabilities.resolution_ps
        for n, output in enumerate(capabilities.outputs):
            delay_ps, width_ps = (1234 + n) * step_ps, (4321 + n) * step_ps
            mounted.driver.set_pulse(output, delay_ps, width_ps)
            assert mounted.driver.get_pulse(output) == (delay_ps, width_ps)
            true_ps = capabilities.insertion_delay_ps + delay_ps
            assert self.truth(mounted, output)[:2] == (true_ps, width_ps)

    def test_a_pulse_may_move_past_where_it_ended(self, mounted):
        output = mounted.driver.delay_capabilities().outputs[0]
        for delay_ps in (10_000, 1_000_000, 0):
            mounted.driver.set_pulse(output, delay_ps, 100_000)
            assert mounted.driver.get_pulse(output) == (delay_ps, 100_000)

    def test_levels_are_set(self, mounted):
        output = mounted.driver.delay_capabilities().outputs[0]
        for levels in ((1.0, 0.0), (2.0, -1.0), (0.5, 1.0)):
            mounted.driver.set_level(output, *levels)
            assert mounted.driver.get_level(output) == pytest.approx(levels, abs=0.01)
            assert self.truth(mounted, output)[2:] == pytest.approx(levels, abs=0.01)

    def test_it_tells_whether_triggers_come(self, mounted):
        mounted.driver.set_external_trigger(0.5)
        assert not mounted.driver.is_triggered()
        self.trigger_at(mounted, 1250.0)
        assert mounted.driver.is_triggered()
        self.trigger_at(mounted, 0.0)
        assert not mounted.driver.is_triggered()

    def test_triggers_faster_than_the_delays_are_told(self, mounted):
        output = mounted.driver.delay_capabilities().outputs[0]
        mounted.driver.set_external_trigger(0.5)
        mounted.driver.set_pulse(output, 900_000_000, 100_000)
        self.trigger_at(mounted, 1250.0)
        with pytest.raises(InstrumentError, match="trigger"):
            mounted.driver.is_triggered()

    def test_broken_limits_are_refused_before_anything_is_sent(self, mounted):
        capabilities = mounted.driver.delay_capabilities()
        output, beyond_ps = capabilities.outputs[0], capabilities.max_delay_ps + 1000
        driver = mounted.driver
        for refused in (
            lambda: driver.set_pulse(output, -1000, 1000),
            lambda: driver.set_pulse(output, 0, -1000),
            lambda: driver.set_pulse(output, beyond_ps, 1000),
            lambda: driver.set_pulse("ZZ", 0, 1000),
            lambda: driver.get_pulse("ZZ"),
            lambda: driver.set_level(output, 1000.0),
            lambda: driver.set_level(output, math.nan),
            lambda: driver.set_level("ZZ", 1.0),
            lambda: driver.set_external_trigger(1000.0),
        ):
            with pytest.raises(InstrumentError) as caught:
                refused()
            assert caught.value.hint
        assert mounted.heard() == []
