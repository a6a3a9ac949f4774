"""Both sides of a pair source before one bank of detectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource, poisson_bound

__all__ = ["BothSides"]

_NUMBERS = 1 << 31
"""What Bob's events are counted from."""


class BothSides:
    """An `ArrivalSource` of Alice's and of Bob's arrivals.

    side: int64[n_det], 0 of Alice's detectors and 1 of Bob's
    """

    def __init__(
        self, alice: ArrivalSource, bob: ArrivalSource, side: NDArray[np.int64]
    ) -> None:
        self._sources = alice, bob
        self._rows = [np.flatnonzero(side == number) for number in (0, 1)]

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals of a tick, or a bound on it."""
        return sum(source.per_tick for source in self._sources)

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        found: list[Arrivals] = []
        for rows, source in zip(self._rows, self._sources, strict=True):
            made = Arrivals(len(rows))
            n_ticks = tick_end - tick
            # a source may hold back a tick for what delays carry over its edge
            room = poisson_bound(source.per_tick * (n_ticks + 2))
            made.make_room(room + 2 * poisson_bound(source.per_tick), n_ticks)
            its_ps = np.append(arrival_ps[rows], 0)
            tick_end = source.draw(tick, tick_end, its_ps, made)
            found.append(made)
        n_ticks = tick_end - tick
        for number, (rows, made) in enumerate(zip(self._rows, found, strict=True)):
            for row, d in enumerate(rows.tolist()):
                n = int(made.ends[row, n_ticks])
                out.t_ps[d, :n] = made.t_ps[row, :n]
                out.chance[d, :n] = made.chance[row, :n]
                out.number[d, :n] = made.number[row, :n] + number * _NUMBERS
                out.ends[d, : n_ticks + 1] = made.ends[row, : n_ticks + 1]
        return tick_end
