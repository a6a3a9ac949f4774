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
    the beginning. Uncertainties are the sums of what single clicks, accidental ones
    too, do to the figures: those at the end of the window weigh most, so that it should
    be no longer than ten decays or so. Jitter of the watching diode and of the tagger
    counts into the decay in squares. Light of the laser that the diode's facet reflects
    may lie in the same window: take off the share found where no flash can be, with the
    diode's bias below breakdown and the same laser.
    Source: second diode through a circulator, histogram against detection
    (standards-attacks-ux.md section 1.3).

    Raises ValueError for fewer than 100 clicks in the window, and where accidental
    clicks leave no flashes or no width.
    """
    begin_ps, end_ps = window_ps
    length_ps = end_ps - begin_ps
    delays_ps = _delays_ps(clicks_ps, watched_ps, begin_ps, end_ps)
    n = len(delays_ps)
    if n < 100:
        raise ValueError("backflash_figures wants 100 clicks in the window")
    dark = len(_delays_ps(clicks_ps, watched_ps, begin_ps - length_ps, begin_ps))
    flashes = n - dark
    if flashes <= 0:
        raise ValueError("backflash_figures finds no flashes above accidental clicks")
    # accidental clicks lie evenly
    mean_ps = (float(delays_ps.sum()) - dark * length_ps / 2.0) / flashes
    off_ps = delays_ps - mean_ps
    even = length_ps / 2.0 - mean_ps
    even_square = even**2 + length_ps**2 / 12.0
    variance = (float((off_ps**2).sum()) - dark * even_square) / flashes
    if variance <= 0.0:
        raise ValueError("backflash_figures finds no width above accidental clicks")
    decay_ps = math.sqrt(variance)

    # by how much a click in the window, and one of the stretch before it, move figures
    by_click = (off_ps**2 - variance) / (2.0 * decay_ps)
    by_dark = (even_square - variance) / (2.0 * decay_ps)

    def error_ps(clicks: NDArray[np.float64], each_dark: float) -> float:
        return math.sqrt(float((clicks**2).sum()) + dark * each_dark**2) / flashes

    return BackflashFigures(
        Measured(flashes / len(clicks_ps), math.sqrt(n + dark) / len(clicks_ps)),
        Measured(
            begin_ps + mean_ps - decay_ps, error_ps(off_ps - by_click, even - by_dark)
        ),
        Measured(decay_ps, error_ps(by_click, by_dark)),
    )


def _delays_ps(
    clicks_ps: NDArray[np.int64],
    watched_ps: NDArray[np.int64],
    begin_ps: int,
    end_ps: int,
) -> NDArray[np.float64]:
    """Return delays from the window's beginning.

    Delays are those from the last click that lies before the window's beginning.
    """
    before = np.searchsorted(clicks_ps, watched_ps - begin_ps, side="right") - 1
    later = watched_ps[before >= 0] - clicks_ps[before[before >= 0]] - begin_ps
    return later[later < end_ps - begin_ps].astype(np.float64)
