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
from qkdlab_sims.optics.photons.states._kernels import noise_of
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
def _divide_by_noise(
    first: int,
    noise: float,
    keys: Keys,
    pulse: NDArray[np.int32],
    drawn: NDArray[np.uint32],
    picks: Floats,
) -> None:
    """Divide picks by their pulse's `noise_factor`."""
    k0, k1 = keys[1, 0], keys[1, 1]
    origin = np.uint64(first)
    for i in range(pulse.shape[0]):
        k = origin + np.uint64(pulse[i])
        drawn[i], _, _, _ = philox(k & _LOW, k >> _HALF, _ZERO, _ZERO, k0, k1)
    for i in range(pulse.shape[0]):
        picks[i] = picks[i] / noise_of(np.uint64(drawn[i]), noise)


@kernel
def _find_ways(
    table: Floats,
    context: NDArray[np.int32],
    picks: Floats,
    rows: NDArray[np.int32],
    ways: NDArray[np.int32],
) -> None:
    """Write which detector each pick falls on, or their number, and its row's begin.

    The steps up to the pick are counted: nothing could predict a branch here.
    """
    steps, width = table.reshape(-1), np.int32(table.shape[1])
    for i in range(context.shape[0]):
        rows[i] = context[i] * width
        ways[i] = 0
    for d in range(1, table.shape[1] // 2):
        for i in range(context.shape[0]):
            step = steps[np.uint64(rows[i]) + np.uint64(d)]
            ways[i] += np.int32(step <= picks[i])


@kernel
def draw_fresh_arrivals(
    tick_begin: int,
    tick_end: int,
    table: Floats,
    law: Law,
    receiver: Law,
    stride: int,
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
    receiver: law of a modulator before the detectors, or `NO_LAW`; its contexts count
    `stride` times (see `settings.joint`).
    bound: of all of them with any noise. Other arguments and result: `draw_arrivals`.
    """
    n_det = arrival_ps.shape[0] - 1
    room = max(_ROOM, 2 * reserve)
    drawn, gaps, picks = np.empty(room, np.uint32), np.empty(reserve), np.empty(room)
    pulse, context = np.empty(room, np.int32), np.empty(room, np.int32)
    rows, ways = np.empty(room, np.int32), np.empty(room, np.int32)
    chosen = np.empty(room + 1, np.int32)
    starts = np.zeros(_TICKS + 1, np.int64)
    first_gap = np.empty(_TICKS)
    filled = np.zeros(n_det, np.int64)
    steps, to_inverse = table.reshape(-1), np.uint64(n_det + 1)
    # of dim light most ticks are empty, and it takes one number to see that
    is_dim = bound * PULSES_PER_TICK < _FEW
    ends[:, 0] = 0
    begin = tick_begin
    while begin < tick_end:
        first = begin * PULSES_PER_TICK
        most = filled.max()
        if most + reserve > t_ps.shape[1]:
            return begin
        if is_dim and bound > 0.0:
            _first_gaps(begin, bound, keys, first_gap)
        n = 0
        end = begin
        last = min(begin + _TICKS, tick_end)
        left = min(room, t_ps.shape[1] - most)
        while end < last and n + reserve <= left:
            found = 0
            is_empty = is_dim and first_gap[end - begin] >= PULSES_PER_TICK
            if bound > 0.0 and not is_empty:
                offset = (end - begin) * PULSES_PER_TICK
                found = _draw_tick(
                    end, offset, n, bound, keys,
                    drawn, gaps, picks[: n + reserve], pulse,
                )  # fmt: skip
            if found < 0:
                return -1
            n += found
            end += 1
            starts[end - begin] = n
        fill_contexts(first, pulse[:n], law, context)
        if receiver.base.shape[0] > 0:
            fill_contexts(first, pulse[:n], receiver, ways)
            for i in range(n):
                context[i] += np.int32(stride) * ways[i]
        if noise > 0.0:
            _divide_by_noise(first, noise, keys, pulse[:n], drawn, picks)
        _find_ways(table, context[:n], picks, rows, ways)
        for d in range(n_det):
            # all indices are listed, and one that is not wanted is overwritten
            way, count = np.int32(d), _ZERO
            base = filled[d]
            for tick in range(begin, end):
                for i in range(starts[tick - begin], starts[tick - begin + 1]):
                    chosen[count] = i
                    count += np.uint64(ways[i] == way)
                ends[d, tick - tick_begin + 1] = base + np.int64(count)
            size = np.int64(count)
            filled[d] += size
            times, chances = t_ps[d, base : base + size], chance[d, base : base + size]
            for j in range(size):
                one = np.uint64(chosen[j])
                row = np.uint64(rows[one]) + np.uint64(d)
                times[j] = (first + pulse[one]) * period_ps + arrival_ps[d]
                chances[j] = (picks[one] - steps[row]) * steps[row + to_inverse]
            j = 0
            for tick in range(begin, end):
                upto = ends[d, tick - tick_begin + 1] - base
                start = starts[tick - begin]
                while j < upto:
                    number[d, base + j] = chosen[j] - start
                    j += 1
        begin = end
    return tick_end
