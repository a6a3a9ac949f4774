"""A modulator's null, V_pi and extinction from sweeps of its power."""

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab.calibration.measured import Measured
from qkdlab.calibration.modulator_sweep import extinction_db, fit_bias, fit_drive

BIAS_V = np.linspace(-9.0, 9.0, 37)
DRIVE_V = np.linspace(0.0, 1.05, 15)
PEAK_W = 2e-6


def fringe(null_v=1.3, v_pi_v=5.2, leak=3e-4):
    phase = np.pi * (BIAS_V - null_v) / v_pi_v
    return PEAK_W * (leak + (1 - leak) * 0.5 * (1 - np.cos(phase)))


def driven(v_pi_v=0.81, phase_rad=0.01, compression=0.002, leak=3e-4):
    u = DRIVE_V / v_pi_v
    phase = phase_rad + np.pi * u * (1 + compression * (1 - u * u))
    return PEAK_W * (leak + (1 - leak) * 0.5 * (1 - np.cos(phase)))


def errors(power):
    return 1e-3 * power + 1e-10


@pytest.mark.parametrize(
    ("null_v", "v_pi_v"), [(0.0, 5.0), (1.3, 5.2), (-4.7, 6.9), (2.1, 3.3)]
)
def test_null_and_v_pi_of_exact_powers(null_v, v_pi_v):
    power = fringe(null_v, v_pi_v)
    fit = fit_bias(BIAS_V, power, errors(power))
    assert fit.v_pi_v.value == pytest.approx(v_pi_v, rel=1e-4)
    assert fit.null_v.value == pytest.approx(null_v, abs=1e-3)


def test_of_several_nulls_the_one_nearest_to_zero_is_taken():
    power = fringe(null_v=7.0, v_pi_v=4.0)
    fit = fit_bias(BIAS_V, power, errors(power))
    assert fit.null_v.value == pytest.approx(-1.0, abs=1e-3)


def test_v_pi_of_the_drive_is_found_with_an_amplifier_that_compresses():
    power = driven()
    fit = fit_drive(DRIVE_V, power, errors(power), 0.8)
    assert fit.v_pi_v.value == pytest.approx(0.81, rel=1e-3)
    assert fit.phase_rad.value == pytest.approx(0.01, abs=3e-3)


@pytest.mark.parametrize("guess_v", [0.65, 0.95])
def test_the_guess_may_be_off_by_a_fifth(guess_v):
    power = driven()
    fit = fit_drive(DRIVE_V, power, errors(power), guess_v)
    assert fit.v_pi_v.value == pytest.approx(0.81, rel=1e-3)


def z_scores(seeds=80):
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        null_v, v_pi_v, drive_v = rng.normal([1.0, 5.0, 0.8], [0.5, 0.3, 0.01])
        power = fringe(null_v, v_pi_v)
        power = power + rng.normal(0, errors(power))
        bias = fit_bias(BIAS_V, power, errors(power))
        power = driven(drive_v, compression=rng.normal(0, 0.005))
        power = power + rng.normal(0, errors(power))
        drive = fit_drive(DRIVE_V, power, errors(power), 0.8, compression_prior=0.005)
        found.append(
            [
                (bias.null_v.value - null_v) / bias.null_v.uncertainty,
                (bias.v_pi_v.value - v_pi_v) / bias.v_pi_v.uncertainty,
                (drive.v_pi_v.value - drive_v) / drive.v_pi_v.uncertainty,
            ]
        )
    return np.array(found)


def test_the_uncertainties_are_those_of_the_scatter():
    z = z_scores()
    for column in z.T:
        assert 1e-4 < chi2.sf(np.sum(column**2), len(z)) < 1 - 1e-4
        # half the uncertainty would be seen
        assert chi2.sf(np.sum((2 * column) ** 2), len(z)) < 1e-4


@pytest.mark.parametrize(
    "power", [np.full(BIAS_V.size, 1e-6), np.linspace(0, 1e-6, BIAS_V.size) ** 0.5]
)
def test_a_power_that_does_not_swing_is_refused(power):
    rng = np.random.default_rng(2)
    noisy = power + rng.normal(0, 1e-8, power.size)
    with pytest.raises(ValueError, match="up and down"):
        fit_bias(BIAS_V, noisy, np.full(power.size, 1e-8))


def test_a_drive_that_never_reaches_the_maximum_is_refused():
    power = driven(v_pi_v=1.2)
    with pytest.raises(ValueError, match="maximum"):
        fit_drive(DRIVE_V, power, errors(power), 0.8)


def test_extinction_is_a_ratio_in_decibels():
    found = extinction_db(Measured(1e-9, 1e-11), Measured(1e-6, 1e-9))
    assert found.value == pytest.approx(30.0)
    assert found.uncertainty == pytest.approx(10 / np.log(10) * 0.01, rel=0.01)


def test_a_null_below_the_noise_has_no_extinction():
    with pytest.raises(ValueError, match="noise"):
        extinction_db(Measured(1e-12, 1e-11), Measured(1e-6, 1e-9))
