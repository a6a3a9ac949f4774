"""Compiled kernels of two lights that interfere."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.interference.candidates._kernels import (
    draw_tick,
    find_leaders,
    first_gaps,
    keep_likely,
)
from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.settings._kernels import Law, fill_contexts

__all__ = ["N_PHASES", "draw_two_lights"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]
Marks: TypeAlias = NDArray[np.uint64]

N_PHASES = 1024
"""Equally likely phases: no moment of order below 1024 tells them from all phases."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_THREE, _FOUR = np.uint64(3), np.uint64(4)
_TO_PHASE = np.uint64(54)  # bits of a mark below those that choose one of 1024 steps
_TO_NOISE_A = np.uint64(22)
_LOW_LEVEL = np.uint64(1023)
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
    out: Indices,
) -> None:
    """Write the contexts of pulses first + pulse[i], fresh or of a pattern."""
    if is_fresh:
        fill_contexts(first, pulse, law, out)
        return
    base = (first + shift) % n_contexts
    for i in range(pulse.shape[0]):
        out[i] = (base + pulse[i]) % n_contexts


@kernel
def _find_common(
    leaders: Indices,
    marks: Marks,
    phases: Floats,
    alike: Floats,
    scale: Floats,
    out: Floats,
) -> None:
    """Write what a pulse has in common to all its photons.

    alike: float64[1024], overlap by step of the jitter, twice; scale: float64[2, 1024],
    amplitude by step of the noise; out: float64[4, n], power of a and of b, then cosine
    and sine of the phase times the overlap and both amplitudes
    """
    for j in range(leaders.shape[0]):
        mark = marks[np.uint64(leaders[j])]
        a, b = scale[0, mark >> _TO_NOISE_A & _LOW_LEVEL], scale[1, mark & _LOW_LEVEL]
        contrast = alike[mark >> _HALF & _LOW_LEVEL] * a * b
        phase = phases[mark >> _TO_PHASE]
        out[0, j], out[1, j] = a * a, b * b
        out[2, j], out[3, j] = contrast * phase[0], contrast * phase[1]


@kernel
def _let_fluctuate(
    first: int,
    pulse: Indices,
    leaders: Indices,
    keys: Keys,
    thermal: tuple[bool, bool],
    out: Floats,
) -> None:
    """Multiply what `_find_common` found by exponentially distributed powers."""
    for j in range(leaders.shape[0]):
        k = np.uint64(first + pulse[np.uint64(leaders[j])])
        x, y, _, _ = philox(k & _LOW, k >> _HALF, _ZERO, _ZERO, keys[1, 0], keys[1, 1])
        a = math.sqrt(-log_unit(x)) if thermal[0] else 1.0
        b = math.sqrt(-log_unit(y)) if thermal[1] else 1.0
        out[0, j] *= a * a
        out[1, j] *= b * b
        out[2, j] *= a * b
        out[3, j] *= a * b


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
    """Write the row of `draw_two_lights` of each candidate, for want of a table."""
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
            rows[j, d, 0], rows[j, d, 1] = power_a, power_b
            rows[j, d, 2], rows[j, d, 3] = real, imaginary


@kernel
def _find_ways(
    table: Floats,
    row: Indices,
    common: Floats,
    kept: Indices,
    picks: Floats,
    ways: Indices,
    left: Floats,
) -> None:
    """Find each candidate's detector, or the number of detectors for none.

    table: of `draw_two_lights`; row: of it, by candidate; common: of `_find_common`;
    left: what is left of the pick, uniform in [0, 1)
    """
    n_det = table.shape[1]
    means, width = table.reshape(-1), np.uint64(4 * n_det)
    steps = np.zeros(n_det + 2)
    # nothing could predict a branch here, so there is none: the steps up to the pick
    # are counted
    for j in range(kept.shape[0]):
        at = np.uint64(row[np.uint64(kept[j])]) * width
        pick = picks[np.uint64(kept[j])]
        a, b, real, imaginary = common[0, j], common[1, j], common[2, j], common[3, j]
        way = _ZERO
        for d in range(np.uint64(n_det)):
            mean = a * means[at] + b * means[at + _ONE]
            mean += real * means[at + _TWO] + imaginary * means[at + _THREE]
            at += _FOUR
            steps[d + _ONE] = mean
            way += np.uint64(mean <= pick)
        ways[j] = way
        lower = steps[way]
        left[j] = (pick - lower) / (steps[way + _ONE] - lower)


@kernel
def _share_out(
    starts: Integers, kept: Indices, ways: Indices, lists: Indices, counts: Integers
) -> None:
    """List the candidates of each detector, and of none.

    starts: int64[n_ticks + 1], candidates drawn before each tick; lists:
    int32[n_det + 1, ...]; counts: int64[n_det, n_ticks + 1], listed before each tick
    """
    n_det = counts.shape[0]
    flat, width = lists.reshape(-1), lists.shape[1]
    places = np.empty(n_det + 1, np.uint64)
    for d in range(n_det + 1):
        places[d] = d * width
    counts[:, 0] = 0
    j = 0
    for tick in range(starts.shape[0] - 1):
        stop = j + np.searchsorted(kept[j:], starts[tick + 1])
        for i in range(j, stop):
            way = np.uint64(ways[i])
            at = places[way]
            flat[at] = i
            places[way] = at + _ONE
        for d in range(n_det):
            counts[d, tick + 1] = np.int64(places[d]) - d * width
        j = stop


@kernel
def _hand_over(
    shift_ps: int,
    period_ps: int,
    starts: Integers,
    counts: Integers,
    listed: Indices,
    kept: Indices,
    pulse: Indices,
    left: Floats,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
) -> None:
    """Write the listed candidates of one detector to its row; see `_share_out`.

    shift_ps: when pulse 0 is at the detector
    """
    for tick in range(starts.shape[0] - 1):
        start = starts[tick]
        for q in range(counts[tick], counts[tick + 1]):
            one = np.uint64(listed[q])
            which = np.uint64(kept[one])
            t_ps[q] = pulse[which] * period_ps + shift_ps
            chance[q] = left[one]
            number[q] = np.int64(which) - start


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
    table:    float64[n_a n_b, n_det, 4], for each pair of contexts the sums over
              detectors up to each of what the powers of a and b, the cosine and the
              sine of the phase are multiplied with; empty if there are too many pairs
    shifts:   of patterns: pulse k has context (k + shift) mod n
    most_a, most_b: as of `keep_likely`
    thermal:  whether the power of a pulse is exponentially distributed
    scale, alike: as of `_find_common`
    phases:   float64[N_PHASES, 2], cosine and sine
    bound:    of the detectable photons of any pulse at all detectors
    keys:     uint64[2, 2], of the candidates, and of thermal powers

    Returns the first tick not drawn, or -1 when one exceeds `reserve`.
    """
    n_det = arrival_ps.shape[0] - 1
    room = max(_ROOM, 2 * reserve)
    gaps, picks = np.empty(reserve), np.empty(room)
    marks, pulse = np.empty(room, np.uint64), np.empty(room, np.int32)
    context_a, context_b = np.empty(room, np.int32), np.empty(room, np.int32)
    kept, leaders = np.empty(room + 1, np.int32), np.empty(room, np.int32)
    common, left = np.empty((4, room)), np.empty(room)
    pair, ways = np.empty(room, np.int32), np.empty(room, np.int32)
    lists = np.empty((n_det + 1, room), np.int32)
    counts = np.zeros((n_det, _TICKS + 1), np.int64)
    rows = table
    if table.shape[0] == 0:
        rows = np.empty((room, n_det, 4))
    starts = np.zeros(_TICKS + 1, np.int64)
    first_gap = np.empty(_TICKS)
    filled = np.zeros(n_det, np.int64)
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
            first_gaps(begin, bound, keys, first_gap)
        n = 0
        end = begin
        last = min(begin + _TICKS, tick_end)
        fits = min(room, t_ps.shape[1] - most)
        while end < last and n + reserve <= fits:
            found = 0
            is_empty = is_dim and first_gap[end - begin] >= PULSES_PER_TICK
            if bound > 0.0 and not is_empty:
                offset = (end - begin) * PULSES_PER_TICK
                found = draw_tick(
                    end,
                    offset,
                    n,
                    bound,
                    keys,
                    gaps,
                    picks[: n + reserve],
                    pulse,
                    marks,
                )
            if found < 0:
                return -1
            n += found
            end += 1
            starts[end - begin] = n
        all_pulses = pulse[:n]
        _fill(
            first, all_pulses, law_a, is_fresh[0], shifts[0], len(fields_a), context_a
        )
        _fill(
            first, all_pulses, law_b, is_fresh[1], shifts[1], len(fields_b), context_b
        )
        size = keep_likely(
            context_a, context_b, most_a, most_b, picks[:n], pair, ways, kept
        )
        here, theirs = kept[:size], leaders[:size]
        find_leaders(pulse, here, theirs)
        _find_common(theirs, marks, phases, alike, scale, common)
        if thermal[0] or thermal[1]:
            _let_fluctuate(first, pulse, theirs, keys, thermal, common)
        if table.shape[0] == 0:
            _make_rows(fields_a, fields_b, context_a, context_b, here, pair, rows)
        _find_ways(rows, pair, common, here, picks, ways, left)
        here_starts, there = starts[: end - begin + 1], counts[:, : end - begin + 1]
        _share_out(here_starts, here, ways, lists, there)
        for d in range(n_det):
            at, shift_ps = filled[d], first * period_ps + arrival_ps[d]
            _hand_over(
                shift_ps, period_ps, here_starts, there[d], lists[d], here, pulse,
                left, t_ps[d, at:], chance[d, at:], number[d, at:],
            )  # fmt: skip
            ends[d, begin - tick_begin + 1 : end - tick_begin + 1] = at + there[d, 1:]
            filled[d] += there[d, -1]
        begin = end
    return tick_end
