"""The world with plain knobs: rates, states, times, seeds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from world_stubs import TICK_PS, UNPOLARIZED, StubBench

from qkdlab_sims.bench.truth_report import light_at_output, report
from qkdlab_sims.bench.world import LONGEST_WAIT_PS

V_PI = 0.8
PHOTONS = 1e-4 / (6.62607015e-34 * 299792458.0 / 1550.12e-9 * 1e8)
LINEAR = {name: {"saturation_v": 1e6} for name in ("amplifier_im", "amplifier_pm")}
EFFICIENCY = 0.4 * (1 + math.erf((22.0 - 14.0) / 3.0))
DARK_HZ = 99.0 * (1 + math.erf((22.0 - 14.0) / 3.0)) / 2 + 1.0


def bench(seed: int = 1, db: float = 50.0, **changes: Any) -> StubBench:
    made = StubBench(seed, **(LINEAR | changes))
    made.generator.play([V_PI] * 640, [0.0] * 640)
    made.attenuator.db = db
    return made


def photons_at_bob(db: float) -> float:
    """Mean photons a pulse at the splitter, from the labels alone."""
    before_db = 0.5 + 4.0 + 3.0
    after_db = 30.0 + db + 25 * 0.2 + 2.0 + 3.5
    return PHOTONS * 0.9 * 10 ** (-(before_db + after_db) / 10)


def within_5_sigma(rate_hz: float, expected_hz: float, duration_s: float) -> bool:
    return bool(abs(rate_hz - expected_hz) < 5 * math.sqrt(expected_hz / duration_s))


def test_constant_light_gives_the_rate_of_the_labels() -> None:
    duration_s = 0.5
    rates = bench(db=50.0).rates_hz(duration_s)
    seen = photons_at_bob(50.0) * EFFICIENCY * 1e8
    # Some 25 kHz in the X arm: recovery takes less than 0.1 %.
    assert within_5_sigma(rates[:2].sum(), 0.8 * seen + 2 * DARK_HZ, duration_s)
    assert within_5_sigma(rates[2:].sum(), 0.2 * seen + 2 * DARK_HZ, duration_s)


def test_a_wrong_loss_of_2_percent_would_be_seen() -> None:
    duration_s = 0.5
    rates = bench(db=45.0).rates_hz(duration_s)
    seen = photons_at_bob(45.0 + 0.088) * EFFICIENCY * 1e8
    assert not within_5_sigma(rates.sum(), seen + 4 * DARK_HZ, duration_s)


def test_a_closed_shutter_leaves_dark_counts() -> None:
    made = bench(db=0.0)
    made.attenuator.is_open = False
    rates = made.rates_hz(5.0)
    for rate in rates:
        assert within_5_sigma(rate, DARK_HZ, 5.0)


def test_without_bias_there_is_no_click() -> None:
    made = bench(db=30.0)
    made.bias.currents_ua = [0.0] * 4
    assert made.rates_hz(0.1).sum() == 0


def test_a_latched_wire_is_silent_and_shows_volts() -> None:
    made = bench(db=40.0)
    made.bias.currents_ua = [29.0, 22.0, 22.0, 22.0]
    rates = made.rates_hz(0.05)
    assert rates[0] == 0
    assert np.all(rates[1:] > 0)
    millivolts = made.world.voltages_mv(0)
    assert millivolts[0] > 1000.0
    assert max(millivolts[1:]) < 100.0


def test_a_latched_wire_stays_latched_until_its_bias_is_taken_away() -> None:
    made = bench(db=40.0)
    made.bias.currents_ua[0] = 29.0
    made.rates_hz(0.01)
    made.bias.currents_ua[0] = 22.0
    assert made.rates_hz(0.05)[0] == 0
    made.bias.currents_ua[0] = 0.0
    made.rates_hz(0.01)
    made.bias.currents_ua[0] = 22.0
    assert made.rates_hz(0.05)[0] > 0


def test_a_knob_acts_from_the_next_tick() -> None:
    made = bench(db=40.0)
    made.run(TICK_PS // 2)
    made.attenuator.is_open = False
    made.run(20 * TICK_PS)
    flight_ps = 122_507_500
    before = [made.tagger.times(i) for i in (1, 2, 3, 4)]
    late = sum(int(np.sum(t > TICK_PS + flight_ps + 2_000)) for t in before)
    early = sum(int(np.sum(t < TICK_PS + flight_ps)) for t in before)
    assert early > 100
    assert late < 0.1 * early


def test_pulses_arrive_after_the_delays_of_their_way() -> None:
    made = bench(db=40.0)
    made.run(50 * TICK_PS)
    for tagger_input, extra_ps in ((1, 0), (2, 310), (3, 740), (4, 150)):
        phase = (made.tagger.times(tagger_input) - 122_500_000) % 10_000
        assert np.median(phase) == pytest.approx(7_500 + extra_ps, abs=10)


def test_pulse_width_and_detector_jitter_add_in_quadrature() -> None:
    made = bench(db=35.0)
    made.run(100 * TICK_PS)
    phase = (made.tagger.times(1) - 122_507_500 + 5_000) % 10_000 - 5_000
    photons = phase[np.abs(phase) < 300]
    sigma_ps = math.hypot(50.0, 60.0) / (2 * math.sqrt(2 * math.log(2)))
    assert len(photons) > 10_000
    assert np.std(photons) == pytest.approx(sigma_ps, rel=0.05)


def tags(made: StubBench, cuts: list[int]) -> NDArray[np.int64]:
    for t_ps in cuts:
        made.run(t_ps)
    times = [made.tagger.times(i) for i in (1, 2, 3, 4)]
    return np.concatenate([*times, made.tagger.start_times()])


@pytest.mark.parametrize("step_ps", [TICK_PS // 7, TICK_PS, 5_000_000_000])
def test_tags_do_not_depend_on_the_steps_of_time(step_ps: int) -> None:
    end_ps = 30_000_000_000
    drift = {"fibre": {"drift_rad_per_sqrt_s": 0.5}}
    whole = tags(bench(db=35.0, **drift), [end_ps])
    steps = [*range(step_ps, end_ps, step_ps), end_ps]
    assert np.array_equal(whole, tags(bench(db=35.0, **drift), steps))


def test_a_seed_repeats_and_another_seed_differs() -> None:
    end_ps = 20 * TICK_PS
    assert np.array_equal(tags(bench(4), [end_ps]), tags(bench(4), [end_ps]))
    assert not np.array_equal(tags(bench(4), [end_ps]), tags(bench(5), [end_ps]))


def test_turning_a_plate_moves_clicks_between_detectors() -> None:
    made = bench(db=40.0)
    shares = []
    for angle_deg in (0.0, 22.5, 45.0, 67.5):
        made.motors.angles_deg[1] = angle_deg
        rates = made.rates_hz(0.05)
        shares.append(rates[0] / rates[:2].sum())
    assert max(shares) - min(shares) > 0.2


def test_rates_follow_the_true_analysers() -> None:
    made = bench(db=45.0)
    for angles in ((0, 0, 0), (20, 35, 70), (80, 10, 5)):
        made.motors.angles_deg = dict(enumerate(angles))
        made.rates_hz(0.01)
        rates = made.rates_hz(0.2)
        truth = report(made.true, made.true.wiring, made.world)
        stokes = light_at_output(made.world)[0]
        for rate, detector in zip(rates, truth["detectors"], strict=True):
            photons = 0.5 * np.dot(detector["analyser"], stokes)
            seen = photons * detector["efficiency"] * 1e8 + detector["dark_rate_hz"]
            assert within_5_sigma(rate, seen, 0.2)


def test_states_reach_the_detectors_as_they_were_sent() -> None:
    made = bench(db=42.0)
    made.generator.play([V_PI] * 640, np.repeat([0, 0.4, 0.8, 1.2], 160))
    made.run(200 * TICK_PS)
    truth = report(made.true, made.true.wiring, made.world)
    stokes = light_at_output(made.world)
    for detector in truth["detectors"]:
        times = made.tagger.times(detector["tagger_input"])
        symbol = (times - detector["arrival_ps"] + 5_000) // 10_000 % 640
        counts = np.bincount(symbol // 160, minlength=4)
        expected = 0.5 * stokes @ np.array(detector["analyser"])
        expected = expected.reshape(4, 160).sum(axis=1)
        expected *= detector["efficiency"] * 200 * 65536 / 640
        expected += detector["dark_rate_hz"] * 200 * TICK_PS * 1e-12 / 4
        # The first symbol of a block lies within the rise of the generator.
        assert counts == pytest.approx(
            expected, abs=5 * math.sqrt(expected.max()) + 0.01 * expected.max()
        )


def test_the_tap_shows_the_power_of_the_labels() -> None:
    made = bench()
    made.run(10 * TICK_PS)
    expected = 1e-4 * 10 ** (-0.75) * 0.1
    shown = made.world.power_w("tap_meter", 5 * TICK_PS, 9 * TICK_PS)
    assert shown == pytest.approx(expected, rel=1e-9)


def test_the_tap_averages_over_the_pattern() -> None:
    made = bench()
    made.generator.play([V_PI, 0.0] * 320, [0.0] * 640)
    made.run(10 * TICK_PS)
    full = 1e-4 * 10 ** (-0.75) * 0.1
    shown = made.world.power_w("tap_meter", 5 * TICK_PS, 9 * TICK_PS)
    assert shown == pytest.approx(full * (1 + 10**-3.5) / 2, rel=1e-6)


def test_shutter_and_attenuator_stand_behind_the_tap() -> None:
    made = bench(db=0.0)
    made.run(2 * TICK_PS)
    made.attenuator.is_open, made.attenuator.db = False, 60.0
    made.run(6 * TICK_PS)
    power = made.world.power_w
    before = power("tap_meter", TICK_PS, 2 * TICK_PS)
    assert power("tap_meter", 4 * TICK_PS, 6 * TICK_PS) == pytest.approx(before)


def test_the_light_at_the_output_is_the_tapped_power_times_the_ratio() -> None:
    made = bench(db=20.0, **UNPOLARIZED)
    made.run(10 * TICK_PS)
    watts = made.world.power_w("tap_meter", 5 * TICK_PS, 9 * TICK_PS)
    photons = watts / (1e-4 / PHOTONS)
    expected = photons * 9.0e-3 * 10 ** (-20.0 / 10)
    assert light_at_output(made.world)[:, 0].mean() == pytest.approx(expected)


def test_start_edges_come_exactly_once_a_frame() -> None:
    made = bench()
    made.delay.set(jitter_rms_ps=0.0)
    made.run(100 * TICK_PS)
    starts = made.tagger.start_times()
    assert np.all(np.diff(starts) == 6_400_000)
    assert starts[0] == 85_000


def test_a_tagger_gets_its_pulses_when_asked_for() -> None:
    made = bench(db=40.0)
    made.world.advance(30 * TICK_PS)
    assert made.tagger.complete_ps == 0
    made.world.deliver()
    assert made.tagger.complete_ps == 30 * TICK_PS
    assert made.tagger.times(1).size > 0


def test_a_tagger_is_not_forgotten_for_long() -> None:
    made = bench(db=40.0)
    for tick in range(0, 1000, 10):
        made.world.advance(tick * TICK_PS)
        waiting_ps = tick * TICK_PS - made.tagger.complete_ps
        assert waiting_ps < LONGEST_WAIT_PS


def test_counts_agree_with_the_tags() -> None:
    made = bench(db=40.0)
    made.run(20 * TICK_PS)
    counts = made.world.counts(15 * TICK_PS)
    for tagger_input in (1, 2, 3, 4):
        times = made.tagger.times(tagger_input)
        assert counts[tagger_input - 1] == int(np.sum(times < 15 * TICK_PS))


def test_drift_turns_the_polarization_slowly() -> None:
    made = bench(db=40.0, fibre={"drift_rad_per_sqrt_s": 1.0}, **UNPOLARIZED)
    made.run(TICK_PS)
    first = made.world.moment.conditions.analysers
    made.run(1000 * TICK_PS)
    later = made.world.moment.conditions.analysers
    assert np.max(np.abs(later - first)) > 0.05 * np.max(first)
    assert later[:, 0] == pytest.approx(first[:, 0])


def test_an_interceptor_halves_the_polarization() -> None:
    quiet = bench(db=42.0)
    eve = {"attack": "intercept_resend", "fraction": 1.0}
    attacked = bench(db=42.0, eve=eve)
    plain, resent = quiet.rates_hz(0.5), attacked.rates_hz(0.5)
    assert resent[:2].sum() == pytest.approx(plain[:2].sum(), rel=0.03)
    vectors = attacked.world.moment.conditions.analysers
    # D arrives half the time as D, else as R or L in equal parts.
    seen = vectors[:, 0] + 0.5 * vectors[:, 2]
    assert resent[0] / resent[1] == pytest.approx(seen[0] / seen[1], rel=0.05)
    assert resent[2] / resent[3] == pytest.approx(seen[2] / seen[3], rel=0.08)


def test_the_truth_is_that_of_the_last_pattern_recorded() -> None:
    made = bench(db=40.0)
    made.run(10 * TICK_PS)
    sent = light_at_output(made.world)
    made.attenuator.is_open = False
    made.generator.rest()
    made.run(20 * TICK_PS)
    assert np.array_equal(light_at_output(made.world), sent)


@pytest.mark.parametrize("length_km", [1e-6, 8e-4])
def test_near_the_laser_every_click_comes_once_in_order(length_km: float) -> None:
    found, counted = [], []
    # jitter lets clicks of the last pulses straddle the end of a tick
    for before_ends_ps in ((), (4_999, 2_500, 1, 0)):
        made = StubBench(
            fibre={"length_km": length_km, "drift_rad_per_sqrt_s": 0.0},
            pad={"loss_db": 15.0},
        )
        made.attenuator.db = 0.0
        for tick in range(1, 8):
            for before_end_ps in before_ends_ps:
                made.run(tick * TICK_PS - before_end_ps)
        made.run(8 * TICK_PS)
        found.append([made.tagger.times(n) for n in range(1, 5)])
        counted.append(made.world.counts(8 * TICK_PS))
    for whole, pieces in zip(*found, strict=True):
        assert len(whole) > 20_000
        assert np.array_equal(whole, pieces)
    for clicks in counted:
        assert clicks == pytest.approx([len(times) for times in found[0]], abs=2)
