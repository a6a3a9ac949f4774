"""When in its slot the light of a detector arrives, and how sharply.

Arrival times modulo the symbol form a narrow peak on a flat floor of dark counts. The
peak's place and width come from its moments inside a window, iterated, with the floor
taken off; what the tagger's bins add to the width is taken off, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["ArrivalPeak", "fit_arrival", "without_common_offsets"]

_FWHM_IN_SIGMAS = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
_WINDOW_SIGMAS = 4.0


@dataclass(frozen=True, slots=True)
class ArrivalPeak:
    """Result of `fit_arrival`; times in ps.

    centre_ps: of the peak
    fwhm_ps:   2.355 standard deviations of the arrival, the tagger's bins taken off
    clicks:    in the peak
    floor:     clicks per ps beside the peak
    """

    centre_ps: Measured
    fwhm_ps: Measured
    clicks: float
    floor: float

    def share_within(self, half_ps: float) -> float:
        """Return the share of a normal peak within `half_ps` of its centre."""
        from scipy.special import erf

        sigma_ps = max(self.fwhm_ps.value / _FWHM_IN_SIGMAS, 1e-9)
        return float(erf(half_ps / (sigma_ps * 2.0**0.5)))


def fit_arrival(
    times_ps: NDArray[np.float64], period_ps: float, added_variance_ps2: float
) -> ArrivalPeak:
    """Fit the peak of arrival times modulo `period_ps`.

    times_ps:           float64[n], the peak within half a period of 0
    added_variance_ps2: what the tagger's bins add to the variance of a time

    Raises ValueError with fewer than 100 clicks, or when no peak stands out.
    """
    t = (times_ps + period_ps / 2) % period_ps - period_ps / 2
    if t.size < 100:
        raise ValueError("fewer than 100 clicks")
    phase = np.exp(2j * np.pi * t / period_ps)
    if abs(phase.mean()) < 0.2:
        raise ValueError("the clicks have no common phase")
    centre = float(np.angle(phase.mean()) * period_ps / (2 * np.pi))
    half, floor = period_ps / 4, 0.0
    variance, n_peak = half**2, float(t.size)
    for _ in range(12):
        offset = (t - centre + period_ps / 2) % period_ps - period_ps / 2
        inside = offset[np.abs(offset) <= half]
        n_outside = t.size - inside.size
        floor = n_outside / max(period_ps - 2 * half, 1e-9)
        n_peak = max(inside.size - floor * 2 * half, 1.0)
        shift = float(inside.sum()) / n_peak
        centre += shift
        second = float(np.sum((inside - shift) ** 2)) - floor * 2 * half**3 / 3
        variance = max(second / n_peak, 1e-6)
        half = min(period_ps / 4, max(_WINDOW_SIGMAS * variance**0.5, 1.0))
    n_floor = floor * 2 * half
    centre_variance = (variance * n_peak + n_floor * half**2 / 3) / n_peak**2
    # a normal variable's fourth moment; the floor's clicks are spread evenly
    spread = (2.0 * variance**2 * n_peak + n_floor * half**4 / 5) / n_peak**2
    own = max(variance - added_variance_ps2, 1e-6)
    fwhm = _FWHM_IN_SIGMAS * own**0.5
    return ArrivalPeak(
        Measured(centre, centre_variance**0.5),
        Measured(fwhm, _FWHM_IN_SIGMAS * spread**0.5 / (2.0 * own**0.5)),
        n_peak,
        floor,
    )


def without_common_offsets(
    times_ps: NDArray[np.float64],
    frame: NDArray[np.int64],
    window_ps: float,
) -> tuple[NDArray[np.float64], float]:
    """Take off what all clicks of a frame have in common, and return its rms.

    times_ps:  float64[n], about 0
    frame:     int64[n], to which reference (START) each belongs
    window_ps: clicks further from 0 are dark ones and say nothing of their frame

    The jitter and the bin of a frame's reference shift all its clicks alike: that is
    no width of a detector. Frames with fewer than ten clicks keep theirs. What is left
    is scaled for the mean that was taken from the same clicks.
    """
    order = np.unique(frame, return_inverse=True)[1]
    lit = np.abs(times_ps) <= window_ps
    clicks = np.bincount(order[lit], minlength=int(order.max(initial=0)) + 1)
    sums = np.bincount(order[lit], times_ps[lit], clicks.size)
    enough = clicks >= 10
    means = np.where(enough, sums / np.maximum(clicks, 1), 0.0)
    free = np.where(enough, 1.0 - 1.0 / np.maximum(clicks, 1), 1.0)
    left = (times_ps - means[order]) / np.sqrt(free[order])
    rms = float(np.std(means[enough])) if enough.any() else 0.0
    return np.where(lit, left, times_ps), rms
