"""A measured number with its standard uncertainty, and intervals of a coverage."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

__all__ = ["Measured", "coverage_factor"]


class Measured(NamedTuple):
    """Value and standard uncertainty (k = 1), in one unit."""

    value: float
    uncertainty: float


def coverage_factor(coverage: float) -> float:
    """Return half the width of a normal interval, in standard uncertainties.

    coverage: probability of the interval

    Raises ValueError for 1 and above.
    """
    return NormalDist().inv_cdf(0.5 + coverage / 2)
