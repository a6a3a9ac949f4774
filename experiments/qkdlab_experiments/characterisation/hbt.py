"""Second-order correlation at zero delay behind a beam splitter (HBT)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["g2_at_zero", "pulsed_coincidences"]


def pulsed_coincidences(
    one_ps: NDArray[np.int64],
    two_ps: NDArray[np.int64],
    period_ps: int,
    lags: int,
    half_gate_ps: int,
) -> NDArray[np.int64]:
    """Return int64[2 lags + 1]: pairs of clicks by the number of periods between.

    one_ps, two_ps: sorted tags of both detectors, their common delay taken out
    half_gate_ps:   a pair counts when its delay is so near to a whole number of periods
    """
    counts = np.zeros(2 * lags + 1, np.int64)
    for lag in range(-lags, lags + 1):
        centre = one_ps + lag * period_ps
        low = np.searchsorted(two_ps, centre - half_gate_ps)
        high = np.searchsorted(two_ps, centre + half_gate_ps)
        counts[lag + lags] = int((high - low).sum())
    return counts


def g2_at_zero(counts: NDArray[np.int64]) -> Measured:
    """Return g2(0): the middle peak over the mean of the others.

    counts: of `pulsed_coincidences`; 1 for coherent light, 2 for one thermal mode,
    0 for single photons. Raises ValueError without pairs in the other peaks.
    """
    middle = len(counts) // 2
    others = np.delete(counts, middle)
    mean = float(others.mean()) if len(others) else 0.0
    if mean <= 0.0:
        raise ValueError("no coincidences beside the middle peak")
    zero = float(counts[middle])
    relative = max(zero, 1.0) ** 0.5 / mean
    spread = np.hypot(relative, zero / mean / float(others.sum()) ** 0.5)
    return Measured(zero / mean, float(spread))
