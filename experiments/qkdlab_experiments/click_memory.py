"""How long detectors remember a click, from the slots that follow it.

Gates are masked for a time after any click, of whatever detector, so that nothing of
the click is left behind it. What may be left matters as far as it tells the detectors
apart: an efficiency that all of them lose alike is loss of the line. So what is judged
is the ratio of two efficiencies, so many slots after the last click of either, over
that long after it.

By the hazard: of all clicks after which so many slots went by without another, how many
are followed by one now. Neither dead time nor the rate of the light enters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured
from qkdlab.timetags.slots import SlotClicks

__all__ = ["ClickMemory", "click_memory"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClickMemory:
    """Clicks of two detectors by slots since the last click.

    seen, expected: float64[2, 2, lags + 1], by the detector that clicked last, the one
        that clicks now, and the slots between; expected of detectors that remember
        nothing
    far: slots from which on what is expected was learnt
    """

    seen: Array
    expected: Array
    far: int

    def efficiency(self, last: int, detector: int, first: int, end: int) -> Measured:
        """Return a detector's efficiency, first <= slots < end after a click of `last`.

        Relative to that long after it. Raises ValueError where nothing was to be seen.
        """
        seen = float(self.seen[last, detector, first:end].sum())
        expected = float(self.expected[last, detector, first:end].sum())
        if not expected > 0:
            raise ValueError("no clicks so long after another")
        variance = max(seen, 1.0) + seen**2 / self._learnt(detector)
        return Measured(seen / expected, math.sqrt(variance) / expected)

    def difference(self, last: int, first: int, end: int) -> Measured:
        """Return by how much a click of `last` parts the efficiencies, as a logarithm.

        Of detector 0 over detector 1. Raises ValueError as `efficiency`, and where a
        detector saw nothing.
        """
        found = [self.efficiency(last, d, first, end) for d in (0, 1)]
        if min(one.value for one in found) <= 0:
            raise ValueError("a detector saw nothing so long after a click")
        relative = [one.uncertainty / one.value for one in found]
        return Measured(
            math.log(found[0].value / found[1].value), math.hypot(*relative)
        )

    def _learnt(self, detector: int) -> float:
        return max(1.0, float(self.seen[:, detector, self.far :].sum()))


def click_memory(
    clicks: SlotClicks,
    *,
    frame_slots: int,
    header_slots: int,
    kinds: int,
    far: int,
    lags: int,
) -> ClickMemory:
    """Sort the clicks of two detectors by the slots since the last click.

    clicks:       of all slots, none masked; bits 0 and 1 of their masks
    frame_slots:  of Alice's public frame: a header, and `kinds` symbols over and over
    far, lags:    from the one to the other, slots after a click, nothing is left of it

    Clicks of both detectors at once end a wait and begin none.
    """
    place = clicks.slot[:-1] % frame_slots - header_slots
    # what follows within `lags` lies in the same stretch of the frame
    whole = (place >= 0) & (place < frame_slots - header_slots - lags)
    waited = np.minimum(np.diff(clicks.slot), lags + 1)
    kind = place % kinds
    now = clicks.mask[1:]
    waiting = np.zeros((2, kinds, lags + 1))
    seen = np.zeros((2, 2, kinds, lags + 1))
    for last in (0, 1):
        mine = whole & (clicks.mask[:-1] == 1 << last)
        ended = _table(kind[mine], waited[mine], kinds, lags + 2)
        waiting[last] = np.cumsum(ended[:, ::-1], axis=1)[:, :0:-1]
        for detector in (0, 1):
            hit = mine & ((now >> detector & 1) == 1) & (waited <= lags)
            seen[last, detector] = _table(kind[hit], waited[hit], kinds, lags + 1)
    return ClickMemory(seen.sum(axis=2), _expected(seen, waiting, far), far)


def _table(
    kind: NDArray[np.int64], waited: NDArray[np.int64], kinds: int, lags: int
) -> Array:
    """Return how often each kind waited so long, float64[kinds, lags]."""
    counts = np.bincount(kind * lags + waited, minlength=kinds * lags)
    return counts.reshape(kinds, lags).astype(np.float64)


def _expected(seen: Array, waiting: Array, far: int) -> Array:
    """Return what detectors without memory would have seen, float64[2, 2, lags + 1].

    How readily each detector clicks at each kind of symbol is learnt from `far` on.
    """
    kinds, lags = waiting.shape[1:]
    # the kind of symbol that stands so many slots after one of each kind
    then = (np.arange(kinds)[:, None] + np.arange(lags)) % kinds
    late = np.broadcast_to(then[:, far:], (2, kinds, lags - far))

    def by_kind(table: Array) -> Array:
        weights = table[..., far:].ravel()
        return np.bincount(late.ravel(), weights, minlength=kinds).astype(np.float64)

    waits = np.maximum(by_kind(waiting), 1.0)
    expected = np.zeros((2, 2, lags))
    for detector in (0, 1):
        readiness = by_kind(seen[:, detector]) / waits
        expected[:, detector] = (waiting * readiness[then]).sum(axis=1)
    return expected
