"""Backflash from the tags of a diode and of a second one that watches it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["BackflashFigures", "backflash_figures"]


@dataclass(frozen=True, slots=True)
class BackflashFigures:
    """What the watching diode sees after clicks of the other.

    share:      its clicks per click, accidental ones taken off
    earliest_ps: from click to the beginning of the flash, ways and cables in it
    decay_ps:   with which the flash fades
    """

    share: Measured
    earliest_ps: Measured
    decay_ps: Measured


def backflash_figures(
    clicks_ps: NDArray[np.int64],
    watched_ps: NDArray[np.int64],
    window_ps: tuple[int, int],
) -> BackflashFigures:
    """Return figures from the histogram of delays, by its moments.

    clicks_ps, watched_ps: sorted tags of the diode and of the one behind a circulator
    window_ps: delays that hold the flash; as long a stretch before it gives the
               accidental clicks, whose moments are taken off

    Of an exponential the mean lies one decay, and the deviation is one decay, behind
    the beginning; its relative uncertainties are those of kurtosis 9. Jitter of the
    watching diode and of the tagger counts into the decay in squares.
    Source: second diode through a circulator, histogram against detection
    (standards-attacks-ux.md section 1.3).

    Raises ValueError for fewer than 100 clicks in the window.
    """
    begin_ps, end_ps = window_ps
    length_ps = end_ps - begin_ps
    n, first, second = _moments(clicks_ps, watched_ps, begin_ps, end_ps)
    if n < 100:
        raise ValueError("backflash_figures wants 100 clicks in the window")
    dark, *_ = _moments(clicks_ps, watched_ps, begin_ps - length_ps, begin_ps)
    # accidental clicks lie evenly
    flashes = n - dark
    mean_ps = (first - dark * length_ps / 2.0) / flashes
    square = (second - dark * length_ps**2 / 3.0) / flashes
    decay_ps = math.sqrt(max(square - mean_ps**2, 0.0))
    apart = math.sqrt(n + dark) / flashes
    return BackflashFigures(
        Measured(flashes / len(clicks_ps), math.sqrt(n + dark) / len(clicks_ps)),
        Measured(begin_ps + mean_ps - decay_ps, decay_ps * apart),
        Measured(decay_ps, decay_ps * math.sqrt(2.0) * apart),
    )


def _moments(
    clicks_ps: NDArray[np.int64],
    watched_ps: NDArray[np.int64],
    begin_ps: int,
    end_ps: int,
) -> tuple[int, float, float]:
    """Return number, sum and sum of squares of delays, from the window's beginning.

    Delays are those from the last click that lies before the window's beginning.
    """
    before = np.searchsorted(clicks_ps, watched_ps - begin_ps, side="right") - 1
    later = watched_ps[before >= 0] - clicks_ps[before[before >= 0]] - begin_ps
    within = later[later < end_ps - begin_ps].astype(np.float64)
    return len(within), float(within.sum()), float((within**2).sum())
