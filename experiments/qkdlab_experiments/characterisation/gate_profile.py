"""The gate of a detector from its dark counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["GateProfile", "gate_profile"]


@dataclass(frozen=True, slots=True)
class GateProfile:
    """Where in its period a gated detector counts.

    relative: float64[n], counts of each bin of the period over those of the plateau
    opening_ps: where the counts rise through half of the plateau
    width_ps: from there to where they fall through it
    """

    relative: NDArray[np.float64]
    opening_ps: Measured
    width_ps: Measured


def gate_profile(
    tags_ps: NDArray[np.int64], period_ps: int, bin_ps: int
) -> GateProfile:
    """Return the gate as dark counts, which come evenly, show it.

    bin_ps: divides `period_ps`
    Raises ValueError when it does not, and when the gate has no end in the period.
    """
    if period_ps % bin_ps:
        raise ValueError("gate_profile wants bins that divide the period")
    n = period_ps // bin_ps
    counts = np.bincount((tags_ps % period_ps) // bin_ps, minlength=n).astype(float)
    quiet = int(
        np.argmin(np.convolve(np.tile(counts, 2), np.ones(max(n // 10, 1)))[:n])
    )
    turned = np.roll(counts, -quiet)
    high = turned > 0.8 * turned.max()
    plateau = float(np.median(turned[high]))
    above = np.flatnonzero(turned > 0.5 * plateau)
    first, last = int(above[0]), int(above[-1])
    if first == 0 or last == n - 1:
        raise ValueError("the gate does not open and close within the period")
    rise = _crossing(turned, first - 1, 0.5 * plateau)
    fall = _crossing(turned, last, 0.5 * plateau)
    # half a bin of reading, and the noise of the two bins that make the crossing
    slope = max(abs(turned[first] - turned[first - 1]), 1.0)
    spread = bin_ps * float(np.hypot(0.29, plateau**0.5 / slope))
    opening_ps = ((rise + quiet + 0.5) * bin_ps) % period_ps
    return GateProfile(
        np.roll(turned, quiet) / plateau,
        Measured(opening_ps, spread),
        Measured((fall - rise) * bin_ps, 2.0**0.5 * spread),
    )


def _crossing(counts: NDArray[np.float64], left: int, level: float) -> float:
    """Return where counts go through `level` between bins `left` and `left` + 1."""
    low, high = float(counts[left]), float(counts[left + 1])
    return left + (level - low) / (high - low)
