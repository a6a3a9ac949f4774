"""Compiled kernel of two lights that interfere."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.interference._intrinsics import LANES, N_PARTS, count_passed
from qkdlab_sims.optics.interference.candidates._kernels import (
    draw_powers,
    find_common,
    keep_likely,
    share_marks,
)
from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.photons.candidates._kernels import (
    PULSES_PER_TICK,
    STEP,
    draw_marked,
    first_gaps,
)
from qkdlab_sims.optics.settings._kernels import SCRATCH, Law, fill_contexts_by

__all__ = ["draw_two_lights"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint64]

_PARTS, _GROUP = np.uint64(N_PARTS), np.uint64(N_PARTS * LANES)
_WHOLE = np.uint64(0)  # bits that are left out of a candidate's mark
_ROOM = 1024
_TICKS = 64
_FEW = 3.0  # candidates a tick below which it pays to ask for the first alone


@kernel
def _fill(
    first: int,
    pulse: Indices,
    law: Law,
    is_fresh: bool,
    shift: int,
    n_contexts: int,
    scratch: Counts,
    out: Indices,
) -> None:
    """Write the contexts of pulses first + pulse[i], fresh or of a pattern."""
    if is_fresh:
        fill_contexts_by(first, pulse, law, scratch, out)
        return
    base = (first + shift) % n_contexts
    for i in range(pulse.shape[0]):
        out[i] = (base + pulse[i]) % n_contexts


@kernel
def _make_rows(
    fields_a: Floats,
    fields_b: Floats,
    context_a: Indices,
    context_b: Indices,
    kept: Indices,
    row: Indices,
    rows: Floats,
) -> None:
    """Write the row of `draw_two_lights` of each candidate, for want of a table.

    rows: 0 beyond the last detector, or written by a former call
    """
    for j in range(kept.shape[0]):
        row[np.uint64(kept[j])] = j
        a = fields_a[np.uint64(context_a[np.uint64(kept[j])])]
        b = fields_b[np.uint64(context_b[np.uint64(kept[j])])]
        power_a = power_b = real = imaginary = 0.0
        for d in range(a.shape[0]):
            power_a += a[d, 0] * a[d, 0] + a[d, 1] * a[d, 1]
            power_b += b[d, 0] * b[d, 0] + b[d, 1] * b[d, 1]
            real += a[d, 0] * b[d, 0] + a[d, 1] * b[d, 1]
            imaginary += a[d, 1] * b[d, 0] - a[d, 0] * b[d, 1]
            group, lane = d // LANES, d % LANES
            rows[j, group, 0, lane], rows[j, group, 1, lane] = power_a, power_b
            rows[j, group, 2, lane], rows[j, group, 3, lane] = real, imaginary
        for d in range(a.shape[0], LANES * rows.shape[1]):
            rows[j, d // LANES, 0, d % LANES] = np.inf


@kernel
def _find_ways(
    table: Floats,
    row: Indices,
    common: Floats,
    kept: Indices,
    picks: Floats,
    ways: Indices,
) -> None:
    """Write which detector each candidate falls on, or more than the last for none.

    table: of `draw_two_lights`; row: of it, by candidate; common: of `find_common`
    """
    means, n_groups = table.reshape(-1), table.shape[1]
    width = np.uint64(n_groups) * _GROUP
    # nothing could predict a branch here: the steps up to the pick are counted
    for j in range(kept.shape[0]):
        which = np.uint64(kept[j])
        at, first = np.uint64(row[which]) * width, np.uint64(j) * _PARTS
        ways[j] = count_passed(means, at, common, first, picks[which])
    for group in range(1, n_groups):
        for j in range(kept.shape[0]):
            which = np.uint64(kept[j])
            at = np.uint64(row[which]) * width + np.uint64(group) * _GROUP
            ways[j] += count_passed(
                means, at, common, np.uint64(j) * _PARTS, picks[which]
            )


@kernel
def _find_places(ways: Indices, ends: Counts, places: Counts) -> None:
    """Write where candidates go, each to the end of its detector's row.

    ends: of each row, moved on; what no detector sees stays at the end of the last
    """
    none = np.uint64(ends.shape[0] - 1)
    for j in range(ways.shape[0]):
        way = np.uint64(ways[j])
        at = ends[way]
        places[j] = at
        ends[way] = at + np.uint64(way < none)


@kernel
def _hand_out(
    opening_ps: int,
    period_ps: int,
    start: int,
    kept: Indices,
    pulse: Indices,
    chances: Floats,
    ways: Indices,
    places: Counts,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
) -> None:
    """Write a tick's candidates to their places in the rows, one behind the other.

    opening_ps: of the pulse from which `pulse` counts; start: first candidate drawn
    """
    for j in range(kept.shape[0]):
        which, at = np.uint64(kept[j]), places[j]
        lag_ps = arrival_ps[np.uint64(ways[j])]
        t_ps[at] = opening_ps + np.int64(pulse[which]) * period_ps + lag_ps
        chance[at] = chances[which]
        number[at] = np.int64(which) - start


@kernel
def draw_two_lights(
    tick_begin: int,
    tick_end: int,
    fields_a: Floats,
    fields_b: Floats,
    table: Floats,
    law_a: Law,
    law_b: Law,
    is_fresh: tuple[bool, bool],
    shifts: tuple[int, int],
    most_a: Floats,
    most_b: Floats,
    thermal: tuple[bool, bool],
    scale: Floats,
    alike: Floats,
    phases: Floats,
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
    """Draw what two lights give the detectors behind a network; see `Arrivals`.

    fields_a, fields_b: float64[n_contexts, n_det, 2], amplitudes in roots of
              detectable photons, real and imaginary
    table:    float64[n_a n_b, n, N_PARTS, LANES], for each pair of contexts the sums
              over detectors up to each of what the powers of a and b, the cosine and
              the sine of the phase are multiplied with, LANES detectors together;
              beyond the last infinite with a's power; empty if there are too many pairs
    shifts:   of patterns: pulse k has context (k + shift) mod n
    most_a, most_b: as of `keep_likely`
    thermal:  whether the power of a pulse is exponentially distributed
    scale, alike: as of `find_common`
    phases:   float64[1024, 2], cosine and sine
    bound:    of the detectable photons of any pulse at all detectors
    keys:     uint64[3, 2], of candidates, of their marks, and of thermal powers

    Returns the first tick not drawn, or -1 when one exceeds `reserve`.
    """
    n_det = arrival_ps.shape[0] - 1
    room = max(_ROOM, 2 * reserve)
    gaps, words = np.empty(reserve + STEP), np.empty((3, reserve + STEP), np.uint32)
    picks, chances = np.empty(room), np.empty(room)
    pulse, mark = np.empty(room, np.int32), np.empty(room, np.uint32)
    drawn, more = np.empty(reserve // 4 + 4, np.uint32), np.empty(room, np.uint8)
    context_a, context_b = np.empty(room, np.int32), np.empty(room, np.int32)
    kept, likely = np.empty(room + 1, np.int32), np.empty(room, np.int32)
    pair, common = np.empty(room, np.int32), np.empty(4 * room)
    scratch = np.empty(SCRATCH, np.uint64)
    rows = table
    if table.shape[0] == 0:
        rows = np.zeros((room, *table.shape[1:]))
    all_ps, all_chance, all_number = (
        t_ps.reshape(-1), chance.reshape(-1), number.reshape(-1)
    )  # fmt: skip
    starts = np.zeros(_TICKS + 1, np.int64)
    first_gap = np.empty(_TICKS)
    ways, places = np.empty(room, np.int32), np.empty(room, np.uint64)
    row_ends = np.empty(n_det + 1, np.uint64)
    for d in range(n_det + 1):
        row_ends[d] = d * t_ps.shape[1]
    # of dim light most ticks are empty, and it takes one number to see that
    is_dim = bound * PULSES_PER_TICK < _FEW
    ends[:, 0] = 0
    begin = tick_begin
    while begin < tick_end:
        first = begin * PULSES_PER_TICK
        most = ends[:, begin - tick_begin].max()
        if most + reserve > t_ps.shape[1]:
            return begin
        if is_dim and bound > 0.0:
            first_gaps(begin, bound, keys, first_gap)
        n = 0
        end = begin
        last = min(begin + _TICKS, tick_end)
        fits = min(room, t_ps.shape[1] - most)
        while end < last and n + reserve <= fits:
            found = 0
            is_empty = is_dim and first_gap[end - begin] >= PULSES_PER_TICK
            if bound > 0.0 and not is_empty:
                offset, upto = (end - begin) * PULSES_PER_TICK, n + reserve
                found = draw_marked(
                    end, offset, bound, keys, gaps, words, _WHOLE, pulse[n:upto],
                    picks[n:upto], chances[n:upto], mark[n:upto],
                )  # fmt: skip
            if found < 0:
                return -1
            if found > 0:
                share_marks(end, pulse[n : n + found], keys, drawn, mark[n:], more[n:])
            n += found
            end += 1
            starts[end - begin] = n
        _fill(
            first, pulse[:n], law_a, is_fresh[0], shifts[0], len(fields_a),
            scratch, context_a,
        )  # fmt: skip
        _fill(
            first, pulse[:n], law_b, is_fresh[1], shifts[1], len(fields_b),
            scratch, context_b,
        )  # fmt: skip
        size = keep_likely(
            context_a, context_b, most_a, most_b, picks[:n], pair, likely, kept
        )
        here = kept[:size]
        find_common(mark, more, here, phases, alike, scale, common)
        if thermal[0] or thermal[1]:
            draw_powers(first, pulse, here, keys, thermal, common)
        if table.shape[0] == 0:
            _make_rows(fields_a, fields_b, context_a, context_b, here, pair, rows)
        _find_ways(rows, pair, common, here, picks, ways[:size])
        j = 0
        for tick in range(begin, end):
            start, stop = starts[tick - begin], starts[tick - begin + 1]
            upto = j + np.searchsorted(here[j:], stop)
            its_ways, its_places = ways[j:upto], places[j:upto]
            _find_places(its_ways, row_ends, its_places)
            _hand_out(
                first * period_ps, period_ps, start, here[j:upto], pulse, chances,
                its_ways, its_places, arrival_ps, all_ps, all_chance, all_number,
            )  # fmt: skip
            j = upto
            for d in range(n_det):
                ends[d, tick - tick_begin + 1] = row_ends[d] - d * t_ps.shape[1]
        begin = end
    return tick_end
