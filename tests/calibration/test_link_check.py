"""Gains that do not follow the intensities are seen, and those that do are not."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.link_check import check_classes, error_rate
from qkdlab.calibration.measured import Measured

PHOTONS = [Measured(0.5, 0.005), Measured(0.2, 0.002), Measured(0.002, 5e-5)]
DARK = Measured(8e-7, 1e-7)
ETA, LIVE, PULSES = 0.07, 0.9, 4e6


def clicks(photons=(0.5, 0.2, 0.002)) -> list[float]:
    mu = np.array(photons)
    return list(PULSES * LIVE * (1 - np.exp(-ETA * mu) + DARK.value))


def test_exact_gains_do_not_deviate():
    eta, checks = check_classes(clicks(), [PULSES] * 3, PHOTONS, DARK, LIVE)
    assert eta.value == pytest.approx(ETA, rel=1e-9)
    assert [c.deviations for c in checks] == pytest.approx([0, 0, 0], abs=1e-6)


def test_noisy_gains_deviate_by_one_standard_deviation():
    rng = np.random.default_rng(1)
    exact = [Measured(m.value, 0.0) for m in PHOTONS]
    dark = Measured(DARK.value, 0.0)
    found = []
    for _ in range(300):
        noisy = rng.poisson(clicks()).astype(float).tolist()
        _, checks = check_classes(noisy, [PULSES] * 3, exact, dark, LIVE)
        found.append([c.deviations for c in checks[1:]])
    assert np.std(found, axis=0) == pytest.approx([1.0, 1.0], abs=0.15)


@pytest.mark.parametrize("k", [1, 2])
def test_an_intensity_that_is_not_what_it_was_stands_out(k):
    wrong = [0.5, 0.2, 0.002]
    wrong[k] *= 1.3
    _, checks = check_classes(clicks(tuple(wrong)), [PULSES] * 3, PHOTONS, DARK, LIVE)
    assert abs(checks[k].deviations) > 5


def test_no_light_is_an_error():
    with pytest.raises(ValueError, match="no clicks"):
        check_classes([0.0, 0.0, 0.0], [PULSES] * 3, PHOTONS, DARK, LIVE)


def test_no_wrong_click_is_not_certainty():
    assert error_rate(0, 100) == (0.0, 0.01)
    assert error_rate(0, 0) == (0.5, 0.5)
    assert error_rate(99, 9900).uncertainty == pytest.approx(0.001, rel=0.01)
