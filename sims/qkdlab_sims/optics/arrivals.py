"""What could be absorbed in each detector: stage 1 of the engine hands it to stage 2.

A source (with channel and receiver optics) draws arrivals; the pass of a detector's
technology turns them into tags. Neither knows the other.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrivalSource", "Arrivals", "poisson_bound"]


def poisson_bound(mean: float) -> int:
    """Return what a Poissonian number exceeds in no run: 12 standard deviations."""
    return math.ceil(mean + 12.0 * math.sqrt(mean) + 64.0)


class Arrivals:
    """Arrays that sources fill, one row per detector, for a stretch of ticks.

    t_ps:   int64[n_det + 1, capacity], instant of absorption, sorted in each tick
    chance: float64, same shape, uniform in [0, 1): the event is seen when it is below
            the detector's momentary efficiency relative to rest (efficiency at rest,
            mismatch and analysers are in the rate of arrivals already)
    number: int64, same shape, below 2**32 and unique in its tick over all detectors:
            it keys every later draw about the event
    ends:   int64[n_det, n_ticks + 1], tick i of the stretch has [ends[i], ends[i + 1])

    The last row is waste space of the kernels that fill the others.
    """

    def __init__(self, n_detectors: int) -> None:
        self._n_rows = n_detectors + 1
        self._reshape(0, 0)

    def _reshape(self, capacity: int, n_ticks: int) -> None:
        self.t_ps: NDArray[np.int64] = np.empty((self._n_rows, capacity), np.int64)
        self.chance: NDArray[np.float64] = np.empty((self._n_rows, capacity))
        self.number: NDArray[np.int64] = np.empty((self._n_rows, capacity), np.int64)
        self.ends: NDArray[np.int64] = np.zeros(
            (self._n_rows - 1, n_ticks + 1), np.int64
        )

    def make_room(self, capacity: int, n_ticks: int) -> None:
        """Let rows hold `capacity` events of `n_ticks`; what was in them is lost.

        They never shrink: new memory costs more than the simulation of a short
        stretch.
        """
        known, known_ticks = self.t_ps.shape[1], self.ends.shape[1] - 1
        if capacity > known or n_ticks > known_ticks:
            self._reshape(max(capacity, known), max(n_ticks, known_ticks))

    def alike(self) -> Arrivals:
        """Return room for as much, with anything in it."""
        made = Arrivals(self._n_rows - 1)
        made.make_room(self.t_ps.shape[1], self.ends.shape[1] - 1)
        return made


class ArrivalSource(Protocol):
    """Light as a bank of detectors meets it."""

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals of a tick at all detectors, or a bound on it."""
        ...

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` with ticks [tick, tick_end); return the first not drawn.

        arrival_ps: int64[n_det + 1], from the opening of a slot at the source to the
        pulse at each detector. What is drawn for a tick depends on the tick alone.
        Raises OverflowError when one tick holds more than its bound.
        """
        ...
