"""Compiled kernels that bring delayed events in order, across the edges of ticks too.

What a source draws for a tick may arrive after the tick's end. Such events wait here,
and `hand_over` gives them to the next tick, in order of time with its own. Other
kernels have these compiled in: numba does not notice a change here, so remove its
caches after one.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel

__all__ = [
    "FROM_TICK_BEFORE",
    "Pending",
    "carry",
    "drop_before",
    "hand_over",
    "new_pending",
    "put",
]

FROM_TICK_BEFORE = 1 << 30
"""Added to the number of an event of the tick before, so that none comes twice."""

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


class Pending(NamedTuple):
    """Events by detector, sorted by time; the last row takes those that none sees.

    t_ps, chance, number: [n_det + 1, capacity], as of `arrivals.Arrivals`
    filled: int64[n_det + 1], filled length of each row
    """

    t_ps: Integers
    chance: Floats
    number: Integers
    filled: Integers


@kernel
def new_pending(n_detectors: int, capacity: int) -> Pending:
    """Return empty rows."""
    n = n_detectors + 1
    return Pending(
        np.empty((n, capacity), np.int64),
        np.empty((n, capacity)),
        np.empty((n, capacity), np.int64),
        np.zeros(n, np.int64),
    )


@kernel
def put(rows: Pending, d: int, t_ps: int, chance: float, number: int) -> None:
    """Insert an event in order of time; behind those of the same instant."""
    row = rows.t_ps[d]
    j = rows.filled[d]
    rows.filled[d] = j + 1
    while j > 0 and row[j - 1] > t_ps:
        row[j] = row[j - 1]
        rows.chance[d, j] = rows.chance[d, j - 1]
        rows.number[d, j] = rows.number[d, j - 1]
        j -= 1
    row[j] = t_ps
    rows.chance[d, j] = chance
    rows.number[d, j] = number


@kernel
def carry(rows: Pending, d: int, first: int) -> None:
    """Keep the events from `first` on as those of the tick before."""
    left = rows.filled[d] - first
    for j in range(left):
        rows.t_ps[d, j] = rows.t_ps[d, first + j]
        rows.chance[d, j] = rows.chance[d, first + j]
        rows.number[d, j] = rows.number[d, first + j] + FROM_TICK_BEFORE
    rows.filled[d] = left


@kernel
def drop_before(rows: Pending, start_ps: int, arrival_ps: Integers) -> None:
    """Carry what arrives in the tick that starts at `start_ps`; forget all else.

    With the tick before drawn anew this begins a call as if it went on from there.
    """
    for d in range(rows.filled.shape[0] - 1):
        j = rows.filled[d]
        while j > 0 and rows.t_ps[d, j - 1] >= start_ps + arrival_ps[d]:
            j -= 1
        carry(rows, d, j)
    rows.filled[-1] = 0


@kernel
def hand_over(
    rows: Pending,
    end_ps: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    starts: Integers,
    ends: Integers,
) -> bool:
    """Move what arrives before the tick's end to the detectors; carry the rest.

    starts, ends: int64[n_det], of the tick in each row of `Arrivals`; `ends` is
    written. False when a row is full.
    """
    for d in range(ends.shape[0]):
        begin, n, end = starts[d], 0, end_ps + arrival_ps[d]
        while n < rows.filled[d] and rows.t_ps[d, n] < end:
            n += 1
        if begin + n > t_ps.shape[1]:
            return False
        t_ps[d, begin : begin + n] = rows.t_ps[d, :n]
        chance[d, begin : begin + n] = rows.chance[d, :n]
        number[d, begin : begin + n] = rows.number[d, :n]
        ends[d] = begin + n
        carry(rows, d, n)
    rows.filled[-1] = 0
    return True
