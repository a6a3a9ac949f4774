"""Swapping two detectors' roles leaves the ratio of their efficiencies."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qkdlab.calibration.efficiency_balance import efficiency_ratio, greatest_mismatch
from qkdlab.calibration.measured import Measured


def counts(
    ratio: float,
    brightness: tuple[float, float],
    contrasts: tuple[float, float],
    seconds: float = 1.0,
) -> NDArray[np.float64]:
    """Return counts[bit, detector]; contrast +1 sends a bit wholly to detector 0."""
    rows = []
    for light, contrast in zip(brightness, contrasts, strict=True):
        rows.append([ratio * light * (1 + contrast) / 2, light * (1 - contrast) / 2])
    return 1e5 * seconds * np.array(rows)


def test_brightness_of_states_and_counting_time_cancel():
    aligned = counts(1.03, (1.0, 1.2), (1.0, -1.0))
    swapped = counts(1.03, (1.0, 1.2), (-1.0, 1.0), seconds=0.7)
    assert efficiency_ratio(aligned, swapped).value == pytest.approx(1.03, rel=1e-12)


def test_small_errors_of_angles_cancel_to_first_order():
    off = np.cos(np.deg2rad(6.0))
    aligned = counts(1.03, (1.0, 1.0), (1.0, -off))
    swapped = counts(1.03, (1.0, 1.0), (-1.0, off))
    # 6 degrees on the sphere change a bright count by 0.27 %
    assert efficiency_ratio(aligned, swapped).value == pytest.approx(1.03, rel=1e-12)


def test_the_uncertainty_is_that_of_four_counts():
    even = np.full((2, 2), 10_000.0)
    found = efficiency_ratio(even, even)
    assert found == (1.0, pytest.approx(0.01))


def test_a_detector_that_is_blind_is_refused():
    with pytest.raises(ValueError, match="no clicks"):
        efficiency_ratio(np.array([[0.0, 1.0], [5.0, 5.0]]), np.ones((2, 2)))


def test_the_worse_basis_counts():
    worst = greatest_mismatch([Measured(1.01, 0.002), Measured(0.97, 0.003)], 2.0)
    assert worst == (pytest.approx(-0.03), 0.003)


def test_a_basis_that_is_known_worse_may_hide_more():
    ratios = [Measured(0.985, 0.001), Measured(1.005, 0.01)]
    assert greatest_mismatch(ratios, 2.576) == (pytest.approx(0.005), 0.01)
    assert greatest_mismatch(ratios, 0.5) == (pytest.approx(-0.015), 0.001)
