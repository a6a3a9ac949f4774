"""The hazard of a click at a time after the last one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hazard", "inter_click_hazard"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hazard:
    """Rate of the next click at times after a click, given none in between.

    edges_ps: float64[n + 1], bins of the time since the last click
    gaps:     float64[n], gaps between clicks that ended in each bin
    waited_s: float64[n], time that all gaps together spent in each bin

    Light and dark counts at a rate r add r times the recovery, without the decay
    exp(-r t) of the plain histogram.
    """

    edges_ps: Array
    gaps: Array
    waited_s: Array

    @property
    def rate_hz(self) -> Array:
        """Return the hazard of each bin."""
        rate: Array = self.gaps / self.waited_s
        return rate

    @property
    def error_hz(self) -> Array:
        """Return its standard uncertainty, Poisson."""
        return self.error_of(self.rate_hz)

    def error_of(self, rate_hz: Array) -> Array:
        """Return the standard uncertainty if the hazard is `rate_hz`."""
        error: Array = np.sqrt(np.maximum(rate_hz * self.waited_s, 1.0)) / self.waited_s
        return error

    @property
    def centres_ps(self) -> Array:
        """Return the middle of each bin."""
        return 0.5 * (self.edges_ps[1:] + self.edges_ps[:-1])

    def between(self, begin_ps: float, end_ps: float) -> Hazard:
        """Return the bins that lie in [begin_ps, end_ps]."""
        low = int(np.searchsorted(self.edges_ps, begin_ps))
        high = int(np.searchsorted(self.edges_ps, end_ps, side="right")) - 1
        if high <= low:
            raise ValueError("no bin of the histogram lies in that stretch")
        return Hazard(
            self.edges_ps[low : high + 1],
            self.gaps[low:high],
            self.waited_s[low:high],
        )


def inter_click_hazard(
    tags_ps: NDArray[np.int64], edges_ps: Array, *, rested_ps: float = 0.0
) -> Hazard:
    """Return the hazard from one detector's sorted tags.

    edges_ps:  rising; under pulsed light each bin must hold whole periods
    rested_ps: only clicks count that come so long after the one before. Then what
               follows a click is its own doing; else afterpulses of its ancestors are
               in it, which adds the square of the afterpulse probability
    Raises ValueError for fewer than 100 tags.
    """
    if len(tags_ps) < 100:
        raise ValueError("too few tags for a histogram of gaps")
    gaps = np.diff(tags_ps)
    if rested_ps > 0.0:
        gaps = gaps[1:][gaps[:-1] >= rested_ps]
    gaps = np.sort(gaps).astype(np.float64)
    begun = len(gaps) - np.searchsorted(gaps, edges_ps)
    ended = (begun[:-1] - begun[1:]).astype(np.float64)
    total = np.concatenate(([0.0], np.cumsum(gaps)))
    below = np.searchsorted(gaps, edges_ps)
    within = np.diff(total[below])  # sum of the gaps that ended in each bin
    waited_ps = within - ended * edges_ps[:-1] + begun[1:] * np.diff(edges_ps)
    return Hazard(edges_ps, ended, np.maximum(waited_ps, 1.0) * 1e-12)
