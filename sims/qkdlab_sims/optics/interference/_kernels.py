"""Compiled kernels of two lights that interfere."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox, unit
from qkdlab_sims.optics.photons._kernels import CANDIDATE, PULSES_PER_TICK
from qkdlab_sims.optics.settings._kernels import Law, fill_contexts

__all__ = ["N_PHASES", "draw_two_lights"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

N_PHASES = 1024
"""Equally likely phases: no moment of order below 1024 tells them from all phases."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TO_LEVEL = np.uint64(22)  # bits of a word that do not choose one of 1024 steps
_LOW_LEVEL = np.uint64(1023)
_BATCH = 256
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
def _fill(
    first: int,
    pulse: NDArray[np.int32],
    law: Law,
    is_fresh: bool,
    shift: int,
    n_contexts: int,
    out: NDArray[np.int32],
) -> None:
    """Write the contexts of pulses first + pulse[i], fresh or of a pattern."""
    if is_fresh:
        fill_contexts(first, pulse, law, out)
        return
    base = (first + shift) % n_contexts
    for i in range(pulse.shape[0]):
        out[i] = (base + pulse[i]) % n_contexts


@kernel
def _draw_phases(
    first: int,
    pulse: NDArray[np.int32],
    keys: Keys,
    phases: Floats,
    alike: Floats,
    scale: Floats,
    thermal: tuple[bool, bool],
    out: Floats,
) -> None:
    """Draw what pulses have in common to all their photons.

    alike: float64[1024], overlap by step of the jitter, twice; scale: float64[2, 1024],
    amplitude by step of the noise; out: float64[4, n], power of a and of b, then cosine
    and sine of the phase times the overlap and both amplitudes
    """
    n = pulse.shape[0]
    words = np.empty((2, n), np.uint32)
    zero = np.uint64(0)
    for i in range(n):
        k = np.uint64(first + pulse[i])
        x, y, _, _ = philox(k & _LOW, k >> _HALF, zero, zero, keys[1, 0], keys[1, 1])
        words[0, i] = x
        words[1, i] = y
    for i in range(n):
        x, y = np.uint64(words[0, i]), np.uint64(words[1, i])
        a, b = scale[0, y >> _TO_LEVEL], scale[1, y & _LOW_LEVEL]
        contrast = alike[x & _LOW_LEVEL] * a * b
        phase = phases[x >> _TO_LEVEL]
        out[0, i], out[1, i] = a * a, b * b
        out[2, i], out[3, i] = contrast * phase[0], contrast * phase[1]
    if thermal[0] or thermal[1]:
        for i in range(n):
            k = np.uint64(first + pulse[i])
            _, _, z, w = philox(
                k & _LOW, k >> _HALF, zero, zero, keys[1, 0], keys[1, 1]
            )
            a = math.sqrt(-log_unit(z)) if thermal[0] else 1.0
            b = math.sqrt(-log_unit(w)) if thermal[1] else 1.0
            out[0, i] *= a * a
            out[1, i] *= b * b
            out[2, i] *= a * b
            out[3, i] *= a * b


@kernel
def _sort_out(
    fields_a: Floats,
    fields_b: Floats,
    context_a: NDArray[np.int32],
    context_b: NDArray[np.int32],
    common: Floats,
    picks: Floats,
    means: Floats,
    upper: Floats,
    lower: Floats,
    found: Integers,
) -> None:
    """Find each candidate's detector, or the number of detectors for none.

    common: as `out` of `_draw_phases`, transposed; means: float64[n_det, n], detectable
    photons; upper, lower: sums of them up to and before the detector
    """
    n_det, n = means.shape
    for i in range(n):
        upper[i] = 0.0
        lower[i] = 0.0
        found[i] = 0
    # loops without branches, which the compiler turns into vector code
    for d in range(n_det):
        for i in range(n):
            a, b = context_a[i], context_b[i]
            ar, ai, aa = (
                fields_a[a, 3 * d],
                fields_a[a, 3 * d + 1],
                fields_a[a, 3 * d + 2],
            )
            br, bi, bb = (
                fields_b[b, 3 * d],
                fields_b[b, 3 * d + 1],
                fields_b[b, 3 * d + 2],
            )
            mean = common[0, i] * aa + common[1, i] * bb
            mean += common[2, i] * (ar * br + ai * bi)
            mean -= common[3, i] * (ar * bi - ai * br)
            means[d, i] = max(mean, 0.0)
        for i in range(n):
            upper[i] += means[d, i]
            is_behind = upper[i] <= picks[i]
            found[i] += np.int64(is_behind)
            lower[i] = upper[i] if is_behind else lower[i]


@kernel
def draw_two_lights(
    tick_begin: int,
    tick_end: int,
    fields_a: Floats,
    fields_b: Floats,
    law_a: Law,
    law_b: Law,
    is_fresh: tuple[bool, bool],
    shifts: tuple[int, int],
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

    fields_a, fields_b: float64[n_contexts, 3 n_det], by context and detector the
                        amplitude in roots of detectable photons, real and imaginary,
                        and its square
    shifts:   of patterns: pulse k has context (k + shift) mod n
    thermal:  whether the power of a pulse is exponentially distributed
    scale, alike: as of `_draw_phases`
    phases:   float64[N_PHASES, 2], cosine and sine
    bound:    of the detectable photons of any pulse at all detectors
    keys:     uint64[2, 2], of the candidates, and of what a pulse has

    Returns the first tick not drawn, or -1 when one exceeds `reserve`.
    """
    n_det = arrival_ps.shape[0] - 1
    drawn = np.empty(_BATCH, np.uint32)
    gaps = np.empty(_BATCH)
    picks = np.empty(_BATCH)
    pulse = np.empty(_BATCH, np.int32)
    context_a = np.empty(_BATCH, np.int32)
    context_b = np.empty(_BATCH, np.int32)
    common = np.empty((4, _BATCH))
    means = np.empty((n_det, _BATCH))
    upper = np.empty(_BATCH)
    lower = np.empty(_BATCH)
    found = np.empty(_BATCH, np.int64)
    filled = np.zeros(n_det + 1, np.int64)
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            ends[d, tick - tick_begin] = filled[d]
        if filled.max() + reserve > t_ps.shape[1]:
            return tick
        first = tick * PULSES_PER_TICK
        position = 0.0
        begin = 0
        while position < PULSES_PER_TICK and bound > 0.0:
            left = (PULSES_PER_TICK - position) * bound
            n = min(_BATCH, (int(left) + _STEP) // _STEP * _STEP)
            _draw_gaps(tick, begin, bound, keys, drawn, gaps[:n], picks)
            position, n = _place(position, gaps[:n], pulse)
            if begin + n > reserve:
                return -1
            here = pulse[:n]
            _fill(first, here, law_a, is_fresh[0], shifts[0], len(fields_a), context_a)
            _fill(first, here, law_b, is_fresh[1], shifts[1], len(fields_b), context_b)
            _draw_phases(first, here, keys, phases, alike, scale, thermal, common)
            _sort_out(
                fields_a,
                fields_b,
                context_a,
                context_b,
                common,
                picks,
                means[:, :n],
                upper,
                lower,
                found,
            )
            # nothing could predict a branch here, so there is none: the row after the
            # last is overwritten
            for i in range(n):
                d = found[i]
                at = filled[d]
                t_ps[d, at] = (first + pulse[i]) * period_ps + arrival_ps[d]
                chance[d, at] = (picks[i] - lower[i]) / means[min(d, n_det - 1), i]
                number[d, at] = begin + i
                filled[d] += d < n_det
            begin += n
    for d in range(n_det):
        ends[d, tick_end - tick_begin] = filled[d]
    return tick_end
