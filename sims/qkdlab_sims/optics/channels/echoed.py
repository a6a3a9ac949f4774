"""Light and its echo as one source of arrivals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource, poisson_bound

__all__ = ["Echoed"]

_NUMBERS = 1 << 31
"""What the echo's events are counted from."""


class Echoed:
    """An `ArrivalSource` of two, the second of which comes `late_ps` later.

    late_ps: 0 to less than one period, so that no arrival leaves its tick; whole
             periods belong into the second light's first pulse

    Both must draw from keys of their own.
    """

    def __init__(self, light: ArrivalSource, echo: ArrivalSource, late_ps: int) -> None:
        self._sources = light, echo
        self._late_ps = late_ps

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals of a tick, or a bound on it."""
        return sum(source.per_tick for source in self._sources)

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        found: list[Arrivals] = []
        for number, source in enumerate(self._sources):
            made = Arrivals(len(out.ends))
            n_ticks = tick_end - tick
            room = poisson_bound(source.per_tick * n_ticks)
            made.make_room(room + poisson_bound(source.per_tick), n_ticks)
            late_ps = arrival_ps + self._late_ps * number
            # as many ticks as all have drawn so far
            tick_end = source.draw(tick, tick_end, late_ps, made)
            found.append(made)
        n_ticks = tick_end - tick
        for d in range(len(out.ends)):
            _merge(found, d, n_ticks, out)
        return tick_end


def _merge(found: list[Arrivals], d: int, n_ticks: int, out: Arrivals) -> None:
    """Put a detector's arrivals of both in order of time; ticks do not mix."""
    rows = [slice(0, int(made.ends[d, n_ticks])) for made in found]
    t_ps = np.concatenate([m.t_ps[d, r] for m, r in zip(found, rows, strict=True)])
    chance = np.concatenate([m.chance[d, r] for m, r in zip(found, rows, strict=True)])
    numbers = [m.number[d, r] for m, r in zip(found, rows, strict=True)]
    number = np.concatenate([n + i * _NUMBERS for i, n in enumerate(numbers)])
    order = np.argsort(t_ps, kind="stable")
    n = len(order)
    out.t_ps[d, :n] = t_ps[order]
    out.chance[d, :n] = chance[order]
    out.number[d, :n] = number[order]
    out.ends[d, : n_ticks + 1] = sum(m.ends[d, : n_ticks + 1] for m in found)
