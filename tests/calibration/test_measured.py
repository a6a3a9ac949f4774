"""Intervals of a coverage around a measured value."""

from __future__ import annotations

import pytest

from qkdlab.calibration.measured import coverage_factor


@pytest.mark.parametrize(
    ("coverage", "factor"), [(0.6827, 1.0), (0.95, 1.96), (0.99, 2.576)]
)
def test_the_coverage_factor_is_that_of_a_normal_law(coverage, factor) -> None:
    # GUM (JCGM 100:2008), table G.1
    assert coverage_factor(coverage) == pytest.approx(factor, abs=1e-3)


def test_no_interval_covers_everything() -> None:
    with pytest.raises(ValueError, match="range"):
        coverage_factor(1.0)
