"""From edges to timestamps: time since the last reference, and which one it was.

A timestamp counts from the last REF event, refIndex counts REF events; with REF
unlinked time runs from the start of the acquisition (user's manual [doc]). Before the
first REF event this unit counts from the start of the acquisition, too, with refIndex
0, so the first REF event is number 1 [guess].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["StartStop"]

Bins = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


class StartStop:
    """Holds edges back until no earlier one can come."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, begin_bin: int) -> None:
        """Start anew: edges before `begin_bin` do not count."""
        self._begin = begin_bin
        self._stops: Bins = _NONE
        self._refs: Bins = _NONE
        self._last_ref = begin_bin
        self._n_refs = 0

    def add(self, stops: Bins, refs: Bins) -> None:
        """Take edges; those of one kind come in order of time."""
        self._stops = _append(self._stops, stops)
        self._refs = _append(self._refs, refs)

    def until(self, limit_bin: int) -> tuple[Bins, Bins]:
        """Return bins since the last reference and refIndex of the stops before.

        A stop in the bin of a reference belongs to that reference.
        """
        stops, self._stops = _split(self._stops, limit_bin)
        refs, self._refs = _split(self._refs, limit_bin)
        stops = _from(stops, self._begin)
        refs = _from(refs, self._begin)
        before = np.concatenate((np.array([self._last_ref], np.int64), refs))
        place = np.searchsorted(refs, stops, side="right")
        since = stops - before[place]
        index = place + self._n_refs
        self._last_ref = int(before[-1])
        self._n_refs += refs.size
        return since, index.astype(np.int64, copy=False)


def _append(waiting: Bins, new: Bins) -> Bins:
    if not new.size:
        return waiting
    return np.concatenate((waiting, new)) if waiting.size else new


def _split(bins: Bins, limit: int) -> tuple[Bins, Bins]:
    n_due = int(np.searchsorted(bins, limit))
    return bins[:n_due], bins[n_due:]


def _from(bins: Bins, begin: int) -> Bins:
    if bins.size and bins[0] < begin:
        return bins[np.searchsorted(bins, begin) :]
    return bins
