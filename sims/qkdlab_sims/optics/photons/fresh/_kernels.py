"""Compiled kernel: arrivals of light with fresh settings, for few contexts.

The same numbers as `draw_arrivals` draws, and the same law. It is quicker because what
each context gives each detector stands in a table, and because all that has no branches
and needs no other pulse runs through short arrays, as vector code.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox, unit
from qkdlab_sims.optics.photons._kernels import CANDIDATE, PULSES_PER_TICK
from qkdlab_sims.optics.photons.states._kernels import noise_factor
from qkdlab_sims.optics.settings._kernels import Law, fill_contexts

__all__ = ["draw_fresh_arrivals"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.uint64(0)
_ROOM = 512
_STEP = 8  # candidates of one vector instruction, at most


@kernel
def _draw_gaps(
    tick: int,
    begin: int,
    bound: float,
    keys: Keys,
    drawn: NDArray[np.uint32],
    gaps: Floats,
    picks: Floats,
) -> None:
    """Draw candidates `begin` onwards: gap to the last one, and what picks its way."""
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    for i in range(gaps.shape[0]):
        n = np.uint64(begin) + np.uint64(i)
        a, b, _, _ = philox(n & _LOW, CANDIDATE, low, high, k0, k1)
        drawn[i] = a
        picks[i] = unit(b) * bound
    for i in range(gaps.shape[0]):
        gaps[i] = log_unit(drawn[i]) / bound


@kernel
def _place(
    position: float, gaps: Floats, pulse: NDArray[np.int32]
) -> tuple[float, int]:
    """Write the pulses after `position`; return the last position, how many fit."""
    for i in range(gaps.shape[0]):
        position -= gaps[i]
        gaps[i] = position
    n = 0
    for i in range(gaps.shape[0]):
        inside = gaps[i] < PULSES_PER_TICK
        pulse[i] = np.int32(gaps[i]) if inside else 0
        n += int(inside)
    return position, n


@kernel
def draw_fresh_arrivals(
    tick_begin: int,
    tick_end: int,
    table: Floats,
    law: Law,
    bound: float,
    noise: float,
    period_ps: int,
    keys: Keys,
    reserve: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> int:
    """Draw what light with fresh settings could give the detectors; see `Arrivals`.

    table: float64[n_contexts, 2 (n_det + 1)], detectable photons of all detectors
    before the one, from 0 to all of them; then 1 / those of the one, at last 0.
    bound: of all of them with any noise. Other arguments and result: `draw_arrivals`.
    """
    n_det = arrival_ps.shape[0] - 1
    drawn = np.empty(_ROOM, np.uint32)
    gaps = np.empty(_ROOM)
    picks = np.empty(_ROOM)
    pulse = np.empty(_ROOM, np.int32)
    context = np.empty(_ROOM, np.int32)
    steps, width = table.reshape(-1), np.uint64(table.shape[1])
    to_inverse = np.uint64(n_det + 1)
    times, chances, events = t_ps.reshape(-1), chance.reshape(-1), number.reshape(-1)
    capacity = np.uint64(t_ps.shape[1])
    place = np.arange(n_det + 1).astype(np.uint64) * capacity  # of the next arrivals
    for tick in range(tick_begin, tick_end):
        most = 0
        for d in range(n_det):
            filled = np.int64(place[d] - np.uint64(d) * capacity)
            ends[d, tick - tick_begin] = filled
            most = max(most, int(filled))
        if most + reserve > t_ps.shape[1]:
            return tick
        first = tick * PULSES_PER_TICK
        position = 0.0
        begin = 0
        while position < PULSES_PER_TICK and bound > 0.0:
            left = (PULSES_PER_TICK - position) * bound
            n = min(_ROOM, int(left + math.sqrt(left)) // _STEP * _STEP + _STEP)
            _draw_gaps(tick, begin, bound, keys, drawn, gaps[:n], picks)
            position, n = _place(position, gaps[:n], pulse)
            if begin + n > reserve:
                return -1
            fill_contexts(first, pulse[:n], law, context)
            if noise > 0.0:
                for i in range(n):
                    factor = noise_factor(first + pulse[i], noise, keys)
                    picks[i] = picks[i] / factor
            # nothing could predict a branch here, so there is none: the steps up to
            # the pick are counted, and the row after the last is overwritten; unsigned
            # indices into flat arrays spare the check for negative ones
            for i in range(n):
                row = np.uint64(context[i]) * width
                pick = picks[i]
                found = _ZERO
                for d in range(1, n_det + 1):
                    found += np.uint64(steps[row + np.uint64(d)] <= pick)
                at = place[found]
                times[at] = (first + pulse[i]) * period_ps + arrival_ps[found]
                inverse = steps[row + found + to_inverse]
                chances[at] = (pick - steps[row + found]) * inverse
                events[at] = begin + i
                place[found] = at + np.uint64(found < np.uint64(n_det))
            begin += n
    for d in range(n_det):
        ends[d, tick_end - tick_begin] = place[d] - np.uint64(d) * capacity
    return tick_end
