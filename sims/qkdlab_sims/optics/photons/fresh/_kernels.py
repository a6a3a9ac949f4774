"""Compiled kernel: arrivals of light with fresh settings, for few contexts.

The same numbers as `draw_arrivals` draws, and the same law. It is quicker because what
each context gives each detector stands in a table, because all that has no branches
and needs no other pulse runs through short arrays, as vector code, and because dim
ticks are taken together.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.photons.candidates._kernels import (
    PULSES_PER_TICK,
    STEP,
    draw_candidates,
    first_gaps,
)
from qkdlab_sims.optics.photons.fresh._intrinsics import LANES, count_reached
from qkdlab_sims.optics.photons.own._kernels import (
    Own,
    draw_own,
    new_own_room,
    remembers,
)
from qkdlab_sims.optics.settings._kernels import SCRATCH, Law, fill_contexts_by

__all__ = ["draw_fresh_arrivals"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.int32]
Words: TypeAlias = NDArray[np.uint32]
Counts: TypeAlias = NDArray[np.uint64]
Keys: TypeAlias = NDArray[np.uint64]

_ONE = np.uint64(1)
_WORD = 64
_ROOM = 512
_TICKS = 64
_FEW = 3.0  # candidates a tick below which it pays to ask for the first alone


@kernel
def _find_ways(
    table: Floats,
    factors: Floats,
    pulse: Indices,
    level: Words,
    context: Indices,
    picks: Floats,
    ways: Words,
) -> None:
    """Write which detector each candidate falls on, or their number."""
    steps, width = table.reshape(-1), np.uint64(table.shape[1])
    last = np.int32(-1)
    factor = 1.0
    for i in range(pulse.shape[0]):
        if pulse[i] != last:
            last = pulse[i]
            factor = factors[np.uint64(level[i])]
        # nothing could predict a branch here: the steps up to the pick are counted
        row = np.uint64(context[i]) * width
        ways[i] = count_reached(steps, row, picks[i] * factor)
    for more in range(LANES, table.shape[1], LANES):
        for i in range(pulse.shape[0]):
            if i == 0 or pulse[i] != pulse[i - 1]:
                factor = factors[np.uint64(level[i])]
            row = np.uint64(context[i]) * width + np.uint64(more)
            ways[i] += np.uint32(count_reached(steps, row, picks[i] * factor))


@kernel
def _find_places(ways: Words, begins: Counts, places: Counts, counts: Counts) -> None:
    """Write where candidates go, each to the end of its row.

    begins: end of each row; places, counts: of each candidate; a count is how many
    all rows got before, side by side in a word, and stands behind the last, too.
    """
    bits = np.uint64(_WORD // begins.shape[0])
    mask = (_ONE << bits) - _ONE
    before = np.uint64(0)
    for i in range(ways.shape[0]):
        way = np.uint64(ways[i])
        shift = way * bits
        places[i] = begins[way] + (before >> shift & mask)
        counts[i] = before
        before += _ONE << shift
    counts[ways.shape[0]] = before


@kernel
def _hand_out(
    opening_ps: int,
    period_ps: int,
    pulse: Indices,
    late_ps: Indices,
    chances: Floats,
    index: Indices,
    ways: Words,
    places: Counts,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
) -> None:
    """Write candidates to their places in the rows, which are one behind the other.

    opening_ps: of the pulse from which `pulse` counts
    """
    for i in range(pulse.shape[0]):
        at, lag_ps = places[i], arrival_ps[np.uint64(ways[i])] + late_ps[i]
        t_ps[at] = opening_ps + np.int64(pulse[i]) * period_ps + lag_ps
        chance[at] = chances[i]
        number[at] = index[i]


@kernel
def draw_fresh_arrivals(
    tick_begin: int,
    tick_end: int,
    table: Floats,
    factors: Floats,
    noise: float,
    own: Own,
    law: Law,
    receiver: Law,
    stride: int,
    bound: float,
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

    table: float64[n_contexts, n], detectable photons of all detectors up to each one,
    then infinity; n is a multiple of `LANES`.
    factors: 1 / intensity by level of noise; 1 where `own` says how it is remembered.
    noise, own: rms of the intensity, and what pulses have of their own; none may leave
    its period for that.
    receiver: law of a modulator before the detectors, or `NO_LAW`; its contexts count
    `stride` times (see `settings.joint`).
    bound: of all detectors with any noise. Other arguments and result:
    `draw_arrivals`.
    """
    n_det = arrival_ps.shape[0] - 1
    room = max(_ROOM, 2 * reserve)
    most = min(room, (1 << _WORD // (n_det + 1)) - 1)
    gaps = np.empty(reserve + STEP)
    picks, chances = np.empty(room), np.empty(room)
    pulse, level = np.empty(room, np.int32), np.empty(room, np.uint32)
    context, index = np.empty(room, np.int32), np.empty(room, np.int32)
    theirs, laser = np.empty(room, np.int32), new_own_room(room, own)
    words, ways = np.empty((3, reserve + STEP), np.uint32), np.empty(room, np.uint32)
    places, counts = np.empty(room, np.uint64), np.empty(room + 1, np.uint64)
    begins = np.empty(n_det + 1, np.uint64)
    all_ps, all_chance, all_number = (
        t_ps.reshape(-1), chance.reshape(-1), number.reshape(-1)
    )  # fmt: skip
    scratch = np.empty(SCRATCH, np.uint64)
    starts = np.zeros(_TICKS + 1, np.int64)
    first_gap = np.empty(_TICKS)
    filled = np.zeros(n_det + 1, np.int64)
    bits = np.uint64(_WORD // (n_det + 1))
    mask = (_ONE << bits) - _ONE
    # of dim light most ticks are empty, and it takes one number to see that
    is_dim = bound * PULSES_PER_TICK < _FEW
    ends[:, 0] = 0
    begin = tick_begin
    while begin < tick_end:
        first = begin * PULSES_PER_TICK
        longest = filled[:n_det].max()
        if longest + reserve > t_ps.shape[1]:
            return begin
        if is_dim and bound > 0.0:
            first_gaps(begin, bound, keys, first_gap)
        n = 0
        end = begin
        last = min(begin + _TICKS, tick_end)
        left = min(room, t_ps.shape[1] - longest)
        while end < last and n + reserve <= left:
            found = 0
            is_empty = is_dim and first_gap[end - begin] >= PULSES_PER_TICK
            if bound > 0.0 and not is_empty:
                offset, upto = (end - begin) * PULSES_PER_TICK, n + reserve
                found = draw_candidates(
                    end, offset, bound, keys, gaps, words, pulse[n:upto],
                    picks[n:upto], chances[n:upto], level[n:upto],
                )  # fmt: skip
            if found < 0:
                return -1
            for i in range(found):
                index[n + i] = i
            n += found
            end += 1
            starts[end - begin] = n
        fill_contexts_by(first, pulse[:n], law, scratch, context)
        if receiver.base.shape[0] > 0:
            fill_contexts_by(first, pulse[:n], receiver, scratch, theirs)
            for i in range(n):
                context[i] += np.int32(stride) * theirs[i]
        if own.lead_ps > 0:
            draw_own(begin, pulse[:n], index, level, noise, own, keys, laser)
        if remembers(noise, own):
            for i in range(n):
                picks[i] /= laser.energies[i]
        _find_ways(table, factors, pulse[:n], level, context, picks, ways)
        tick = begin
        for here in range(0, n, most):
            there = min(here + most, n)
            # what falls on no detector goes to a row of its own, over what was there
            filled[n_det] = 0
            for d in range(n_det + 1):
                begins[d] = d * t_ps.shape[1] + filled[d]
            _find_places(ways[here:there], begins, places, counts)
            _hand_out(
                first * period_ps, period_ps, pulse[here:there],
                laser.late_ps[here:there], chances[here:there], index[here:there],
                ways[here:there], places, arrival_ps, all_ps, all_chance, all_number,
            )  # fmt: skip
            while tick < end and starts[tick + 1 - begin] <= there:
                before = counts[starts[tick + 1 - begin] - here]
                tick += 1
                for d in range(n_det):
                    within = np.int64(before >> np.uint64(d) * bits & mask)
                    ends[d, tick - tick_begin] = filled[d] + within
            before = counts[there - here]
            for d in range(n_det):
                filled[d] += np.int64(before >> np.uint64(d) * bits & mask)
        while tick < end:
            tick += 1
            ends[:, tick - tick_begin] = filled[:n_det]
        begin = end
    return tick_end
