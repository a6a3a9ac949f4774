"""Compiled kernel: arrivals of light with fresh settings, for few contexts.

The same numbers as `draw_arrivals` draws, and the same law. It is quicker because what
each context gives each detector stands in a table, because all that has no branches
and needs no other pulse runs through short arrays, as vector code, and because dim
ticks are taken together.
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
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_ROOM = 1024
_TICKS = 64
_FEW = 3.0  # candidates a tick below which it pays to ask for the first alone
_STEP = 8  # candidates of one vector instruction, at most


@kernel
def _first_gaps(tick: int, bound: float, keys: Keys, first: Floats) -> None:
    """Write where the first candidates of ticks from `tick` on are, if within them."""
    for i in range(first.shape[0]):
        label = np.uint64(tick) + np.uint64(i)
        a, _, _, _ = philox(
            _ZERO, CANDIDATE, label & _LOW, label >> _HALF, keys[0, 0], keys[0, 1]
        )
        first[i] = -log_unit(a) / bound


@kernel
def _draw_tick(
    tick: int,
    offset: int,
    begin: int,
    bound: float,
    keys: Keys,
    drawn: NDArray[np.uint32],
    gaps: Floats,
    picks: Floats,
    pulse: NDArray[np.int32],
) -> int:
    """Draw a tick's candidates: pulse + offset, and what picks the way of each.

    They are written from `begin` on. Returns their number; -1: there is no room.
    """
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    position = 0.0
    n = 0
    while position < PULSES_PER_TICK:
        left = (PULSES_PER_TICK - position) * bound
        count = int(left + math.sqrt(left)) // _STEP * _STEP + _STEP
        count = min(count, gaps.shape[0])
        at = begin + n
        if at + count > picks.shape[0]:
            return -1
        # indices from 0, which need no check for negative ones
        their_picks, their_pulse = picks[at : at + count], pulse[at : at + count]
        for i in range(count):
            number = np.uint64(n) + np.uint64(i)
            a, b, _, _ = philox(number, CANDIDATE, low, high, k0, k1)
            drawn[i] = a
            their_picks[i] = unit(b) * bound
        for i in range(count):
            gaps[i] = log_unit(drawn[i]) / bound
        for i in range(count):
            position -= gaps[i]
            gaps[i] = position
        inside = 0
        for i in range(count):
            is_inside = gaps[i] < PULSES_PER_TICK
            within = np.int32(gaps[i] if is_inside else 0.0)
            their_pulse[i] = within + np.int32(offset)
            inside += int(is_inside)
        n += inside
    return n


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
    room = max(_ROOM, 2 * reserve)
    drawn, gaps = np.empty(reserve, np.uint32), np.empty(reserve)
    picks = np.empty(room)
    pulse, context = np.empty(room, np.int32), np.empty(room, np.int32)
    counts = np.empty(_TICKS, np.int64)
    first_gap = np.empty(_TICKS)
    steps, width = table.reshape(-1), np.uint64(table.shape[1])
    to_inverse = np.uint64(n_det + 1)
    times, chances, events = t_ps.reshape(-1), chance.reshape(-1), number.reshape(-1)
    capacity = np.uint64(t_ps.shape[1])
    place = np.arange(n_det + 1).astype(np.uint64) * capacity  # of the next arrivals
    # of dim light most ticks are empty, and it takes one number to see that
    is_dim = bound * PULSES_PER_TICK < _FEW
    begin = tick_begin
    for d in range(n_det):
        ends[d, 0] = 0
    while begin < tick_end:
        first = begin * PULSES_PER_TICK
        last = min(begin + _TICKS, tick_end)
        most = 0
        for d in range(n_det):
            most = max(most, int(place[d] - np.uint64(d) * capacity))
        if most + reserve > t_ps.shape[1]:
            return begin
        if is_dim and bound > 0.0:
            _first_gaps(begin, bound, keys, first_gap)
        n = 0
        end = begin
        while end < last and n + reserve <= room and most + n + reserve <= capacity:
            found = 0
            is_empty = is_dim and first_gap[end - begin] >= PULSES_PER_TICK
            if bound > 0.0 and not is_empty:
                found = _draw_tick(
                    end, (end - begin) * PULSES_PER_TICK, n, bound, keys,
                    drawn, gaps, picks[: n + reserve], pulse,
                )  # fmt: skip
            if found < 0:
                return -1
            counts[end - begin] = found
            n += found
            end += 1
        fill_contexts(first, pulse[:n], law, context)
        if noise > 0.0:
            for i in range(n):
                factor = noise_factor(first + pulse[i], noise, keys)
                picks[i] = picks[i] / factor
        # nothing could predict a branch here, so there is none: the steps up to the
        # pick are counted, and the row after the last is overwritten; unsigned indices
        # into flat arrays spare the check for negative ones
        i = _ZERO
        for tick in range(begin, end):
            count = counts[tick - begin]
            for event in range(count):
                row = np.uint64(context[i]) * width
                pick = picks[i]
                way = _ZERO
                for d in range(1, n_det + 1):
                    way += np.uint64(steps[row + np.uint64(d)] <= pick)
                at = place[way]
                times[at] = (first + pulse[i]) * period_ps + arrival_ps[way]
                inverse = steps[row + way + to_inverse]
                chances[at] = (pick - steps[row + way]) * inverse
                events[at] = event
                place[way] = at + np.uint64(way < np.uint64(n_det))
                i += _ONE
            for d in range(n_det):
                filled = place[d] - np.uint64(d) * capacity
                ends[d, tick - tick_begin + 1] = filled
        begin = end
    return tick_end
