"""A laser's threshold from light against current."""

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab.calibration.threshold import fit_threshold

CURRENT_MA = np.linspace(0.0, 30.0, 31)
ERROR = np.full(CURRENT_MA.size, 0.01)


def light(threshold_ma=10.0, slope=0.3, spontaneous=0.002, roundness=0.0, floor=0.001):
    above = CURRENT_MA - threshold_ma
    corner = 0.5 * (above + np.sqrt(above**2 + roundness))
    return floor + spontaneous * CURRENT_MA + slope * corner


@pytest.mark.parametrize("threshold_ma", [7.31, 10.0, 15.5])
def test_the_corner_of_exact_light_is_found(threshold_ma):
    fit = fit_threshold(CURRENT_MA, light(threshold_ma), ERROR)
    assert fit.threshold_ma.value == pytest.approx(threshold_ma, abs=1e-3)
    assert fit.slope.value == pytest.approx(0.3, rel=1e-3)


def test_a_rounded_corner_does_not_move_the_threshold():
    fit = fit_threshold(CURRENT_MA, light(10.3, roundness=0.5), ERROR)
    assert fit.threshold_ma.value == pytest.approx(10.3, abs=1e-3)


def test_the_fit_can_be_drawn():
    fit = fit_threshold(CURRENT_MA, light(), ERROR)
    assert fit.light(CURRENT_MA) == pytest.approx(light(), abs=1e-3)


def z_scores(n=100):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(n):
        threshold_ma = rng.uniform(8.0, 15.0)
        noisy = light(threshold_ma) + rng.normal(0, ERROR)
        fit = fit_threshold(CURRENT_MA, noisy, ERROR).threshold_ma
        found.append((fit.value - threshold_ma) / fit.uncertainty)
    return np.array(found)


def test_the_uncertainty_is_that_of_the_scatter():
    z = z_scores()
    assert 1e-4 < chi2.sf(np.sum(z**2), z.size) < 1 - 1e-4
    # half the uncertainty would be seen
    assert chi2.sf(np.sum((2 * z) ** 2), z.size) < 1e-4


@pytest.mark.parametrize(
    "dull",
    [
        np.full(CURRENT_MA.size, 0.5),
        0.01 * CURRENT_MA,
        light(threshold_ma=50.0),
        light(threshold_ma=29.0),
    ],
    ids=["dark", "a straight line", "no threshold below the limit", "just before it"],
)
def test_light_without_a_threshold_is_refused(dull):
    noise = np.random.default_rng(1).normal(0, ERROR)
    with pytest.raises(ValueError, match="no threshold"):
        fit_threshold(CURRENT_MA, dull + noise, ERROR)
