"""Clock, laser driver and bias source move the light: seen in power and in clicks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from world_stubs import TICK_PS, StubBench

from qkdlab_sims.bench.truth_report import report

V_PI = 0.8
FULL_W = 1e-4 * 10**-0.75 * 0.1
"""At the tap meter, modulator open, pulses of the labels."""
LINEAR = {name: {"saturation_v": 1e6} for name in ("amplifier_im", "amplifier_pm")}


def bench(seed: int = 1, **changes: object) -> StubBench:
    made = StubBench(seed, **(LINEAR | changes))
    made.generator.play([V_PI] * 640, [0.0] * 640)
    made.attenuator.is_open = False
    return made


def shine(made: StubBench, db: float) -> None:
    made.attenuator.db, made.attenuator.is_open = db, True


def power_w(made: StubBench, n_ticks: int = 40) -> float:
    """Run on, and return what the tap meter sees once nothing moves any more."""
    now_ps = made.tagger.complete_ps + n_ticks * TICK_PS
    made.run(now_ps)
    return made.world.power_w("tap_meter", now_ps - 2 * TICK_PS, now_ps)


# -- laser


def test_the_labels_hold_at_the_labels_bias() -> None:
    assert power_w(bench()) == pytest.approx(FULL_W, rel=1e-9)


def test_without_current_the_pulses_alone_lift_the_diode() -> None:
    made = bench()
    made.laser.set(ma=0.0)
    # 35 mA on top of 0 against 35 on top of 10, threshold 12.
    assert power_w(made) == pytest.approx(FULL_W * 23.0 / 33.0, rel=1e-6)


def test_a_sweep_of_the_current_finds_threshold_and_slope() -> None:
    made = bench(laser={"threshold_ma": 13.7, "slope_mw_per_ma": 0.12})
    made.clock.set(is_on=False)
    currents = np.linspace(10.0, 40.0, 16)
    shown = []
    for ma in currents:
        made.laser.set(ma=float(ma))
        power_w(made)
        shown.append(made.laser.photodiode_ma(made.tagger.complete_ps))
    lasing = np.array(shown) > 0.0
    slope, offset = np.polyfit(currents[lasing], np.array(shown)[lasing], 1)
    assert -offset / slope == pytest.approx(13.7, rel=1e-9)
    assert slope == pytest.approx(0.12, rel=1e-9)


@pytest.mark.parametrize(
    ("field", "value"),
    [("is_on", False), ("dbm", 7.0), ("hz", 100.2e6), ("hz", 50e6)],
)
def test_without_the_clock_there_are_no_pulses(field: str, value: float) -> None:
    made = bench()
    made.clock.set(**{field: value})
    assert power_w(made) == 0.0


def test_the_pulses_grow_with_the_amplitude_of_the_clock() -> None:
    made = bench()
    made.clock.set(dbm=11.0)
    above_ma = 10.0 + 35.0 * 10 ** (-2 / 20) - 12.0
    assert power_w(made) == pytest.approx(FULL_W * above_ma / 33.0, rel=1e-6)


def test_threshold_and_wavelength_follow_the_thermistor() -> None:
    made = bench()
    beta, warm_k = 3950.0, 308.15
    made.laser.set(ohm=10_000.0 * math.exp(beta * (1 / warm_k - 1 / 298.15)))
    power_w(made)
    truth = report(made.true, made.true.wiring, made.world)
    assert truth["light"]["wavelength_nm"] == pytest.approx(1551.12, abs=1e-4)
    threshold_ma = 12.0 * math.exp(10 / 60.0)
    assert truth["laser_threshold_ma"] == pytest.approx(threshold_ma, rel=1e-5)


def test_below_threshold_each_pulse_begins_anew() -> None:
    made = bench()
    power_w(made)
    light = report(made.true, made.true.wiring, made.world)["light"]
    assert (light["phase_law"], light["continuous_w"]) == ("random", 0.0)


def test_above_threshold_phases_are_correlated_and_light_goes_on() -> None:
    made = bench()
    made.laser.set(ma=15.0)
    shine(made, 45.0)
    power_w(made)
    light = report(made.true, made.true.wiring, made.world)["light"]
    assert light["phase_law"] == "correlated"
    assert light["continuous_w"] == pytest.approx(3e-4)


def test_light_between_the_pulses_shows_in_clicks_out_of_the_gate() -> None:
    shares = []
    for ma in (10.0, 13.0):
        made = bench()
        made.laser.set(ma=ma)
        shine(made, 48.0)
        made.run(300 * TICK_PS)
        phase = (made.tagger.times(1) - 122_507_500 + 5_000) % 10_000 - 5_000
        shares.append(np.mean(np.abs(phase) > 1_000))
    # 0.1 mW go on beside 35 mA x 0.1 mW/mA x 303 ps = 1.06 pJ a pulse: 48.5 % of all,
    # of which four fifths lie more than 1 ns from the pulse.
    assert shares[0] < 0.02
    assert shares[1] == pytest.approx(0.485 * 0.8, abs=0.02)


def test_an_attenuated_continuous_laser_gives_the_rate_of_its_power() -> None:
    made = bench()
    made.clock.set(is_on=False)
    made.laser.set(ma=13.0)
    shine(made, 48.0)
    made.rates_hz(0.02)
    rates = made.rates_hz(0.3)
    photons_hz = 1e-4 / (6.62607015e-34 * 299792458.0 / 1550.12e-9)
    loss_db = 7.5 + 30.0 + 48.0 + 5.0 + 2.0 + 3.5 - 10 * math.log10(0.9)
    seen_hz = photons_hz * 10 ** (-loss_db / 10) * 0.8
    assert rates.sum() == pytest.approx(seen_hz + 400.0, rel=0.03)


# -- time


@pytest.mark.parametrize("degrees", [36.0, -36.0, 396.0])
def test_a_greater_phase_makes_pulses_earlier(degrees: float) -> None:
    made = bench()
    shine(made, 40.0)
    made.clock.set(degrees=degrees)
    made.run(50 * TICK_PS)
    phase = (made.tagger.times(1) - 122_500_000) % 10_000
    expected = (7_500 - degrees / 360 * 10_000) % 10_000
    assert np.median(phase) == pytest.approx(expected, abs=10)


def test_a_frequency_a_little_off_lets_pulses_slide() -> None:
    made = bench()
    shine(made, 40.0)
    made.clock.set(hz=100e6 * (1 + 1e-8))
    made.run(300 * TICK_PS)
    times = made.tagger.times(1)
    phase = (times - 122_500_000) % 10_000
    keep = np.abs(phase - 6_500) < 1_500
    slope = np.polyfit(times[keep] * 1e-12, phase[keep], 1)[0]
    # 1e-8 faster: 10 ns earlier every second.
    assert slope == pytest.approx(-10_000, rel=0.02)


def test_tags_stay_in_order_while_the_phase_turns() -> None:
    made = bench()
    shine(made, 35.0)
    for step in range(30):
        made.clock.set(degrees=37.0 * step * (-1) ** step)
        made.run((step + 1) * 3 * TICK_PS)
    for tagger_input in (1, 2, 3, 4):
        assert np.all(np.diff(made.tagger.times(tagger_input)) >= 0)


def test_a_pulse_on_a_transition_loses_contrast_at_the_tap_and_in_the_states() -> None:
    levels = np.tile([V_PI, 0.0], 320)
    shown = {}
    for degrees in (0.0, 162.0):
        # 162 degrees: 4.5 ns earlier, 3 ns after the edge: half-way up.
        made = bench()
        made.generator.play(levels, np.zeros(640))
        made.clock.set(degrees=degrees)
        power_w(made)
        stokes = made.world.moment.conditions.light.stokes()[:, 0]
        shown[degrees] = stokes.max() / stokes.min()
    assert shown[0.0] > 500
    assert shown[162.0] < 2


# -- modulator


def test_a_sweep_of_the_bias_finds_null_and_v_pi() -> None:
    made = bench(
        modulator_phase_rad=1.1,
        mzm={
            "dc_v_pi_v": 5.3,
            "walk_rad_per_sqrt_s": 0.0,
            "relaxation_shares": (0.0, 0.0),
        },
    )
    made.generator.rest()
    volts = np.linspace(-6.0, 6.0, 13)
    shown = []
    for v in volts:
        made.modulator_bias.set(volts=float(v))
        shown.append(power_w(made))

    def fringe(
        v: NDArray[np.float64], mean: float, contrast: float, null_v: float, v_pi: float
    ) -> NDArray[np.float64]:
        return mean * (1 - contrast * np.cos(np.pi * (v - null_v) / v_pi))

    relative = np.array(shown) / np.mean(shown)
    guess = 1.0, 0.9, volts[relative.argmin()], 5.0
    (_, contrast, null_v, v_pi), _ = curve_fit(fringe, volts, relative, guess)
    assert v_pi == pytest.approx(5.3, rel=1e-4)
    assert null_v == pytest.approx(-1.1 * 5.3 / math.pi, abs=1e-3)
    extinction_db = 10 * math.log10((1 + contrast) / (1 - contrast))
    assert extinction_db == pytest.approx(35.0, abs=0.05)


def test_the_truth_names_the_null() -> None:
    made = bench(modulator_phase_rad=-0.7)
    power_w(made)
    truth = report(made.true, made.true.wiring, made.world)
    null_v = truth["modulator_null_v"]["mzm"]
    assert null_v == pytest.approx(0.7 * 5.0 / math.pi, abs=1e-6)
    made.generator.rest()
    made.modulator_bias.set(volts=null_v)
    assert power_w(made) == pytest.approx(FULL_W * 10**-3.5, rel=0.02)


def test_after_a_step_of_the_bias_part_of_it_fades() -> None:
    shares = (0.02, 0.01)
    made = bench(
        mzm={
            "relaxation_shares": shares,
            "relaxation_s": (0.2, 4.0),
            "walk_rad_per_sqrt_s": 0.0,
        }
    )
    made.generator.rest()
    made.modulator_bias.set(volts=2.5)
    seen = []
    for seconds in (0.002, 1.2, 13.0):
        made.run(round(seconds * 1e12))
        share = made.world.power_w("tap_meter", *_last_tick(made)) / FULL_W
        seen.append(math.acos(1 - 2 * share) / (math.pi / 2))
    # At half transmission the phase is 90 degrees, less what has faded.
    expected = [
        1.0,
        1.0 - shares[0] * (1 - math.exp(-6.0)) - shares[1] * (1 - math.exp(-0.3)),
        1.0 - shares[0] - shares[1] * (1 - math.exp(-3.25)),
    ]
    assert seen == pytest.approx(expected, abs=1e-3)


def _last_tick(made: StubBench) -> tuple[int, int]:
    now_ps = made.tagger.complete_ps
    return now_ps - TICK_PS, now_ps


def test_the_phase_wanders_as_a_random_walk() -> None:
    steps = []
    for seed in range(12):
        made = bench(seed, mzm={"walk_rad_per_sqrt_s": 0.02})
        made.run(round(4e12))
        truth = report(made.true, made.true.wiring, made.world)
        steps.append(truth["modulator_phase_rad"]["mzm"])
    # chi-squared of 12: within a factor of two to p > 1e-4
    assert 0.5 < np.std(steps) / 0.04 < 1.9


def test_a_bench_at_rest_gives_the_same_light_object() -> None:
    made = bench(mzm={"walk_rad_per_sqrt_s": 0.0})
    made.run(10 * TICK_PS)
    first = made.world.moment.conditions.light
    made.run(2000 * TICK_PS)
    assert made.world.moment.conditions.light is first
