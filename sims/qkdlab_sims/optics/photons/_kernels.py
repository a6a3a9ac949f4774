"""Compiled kernels that draw candidate photons and give them to the detectors.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import (
    gauss,
    log_unit,
    numbers,
    philox,
    unit,
)

__all__ = [
    "BATCH",
    "BRIGHT_MEAN",
    "CANDIDATE",
    "PULSES_PER_TICK",
    "draw_arrivals",
]

PULSES_PER_TICK = 1 << 16
"""Pulses in one tick, the unit of the random streams and of the knobs."""

BATCH = 64
"""Candidates drawn at a time; arrays need this much room more."""

BRIGHT_MEAN = 2.0
"""Mean detectable photons a pulse above which every pulse is visited."""

CANDIDATE = np.uint64(0)
"""Second counter word of the numbers that draw an arrival and its jitter."""

State: TypeAlias = tuple[float, float, float, float]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@kernel
def _attack(k: int, state: State, before: Floats, eve: float, keys: Keys) -> State:
    """Return the Stokes vector that leaves Eve for pulse `k`.

    before: 4x4 transfer from the table to her, in whose output S2 is her X and S3 her
    Z basis; eve: fraction of pulses attacked.
    """
    s0, s1, s2, s3 = state
    t0 = before[0, 0] * s0 + before[0, 1] * s1 + before[0, 2] * s2 + before[0, 3] * s3
    t1 = before[1, 0] * s0 + before[1, 1] * s1 + before[1, 2] * s2 + before[1, 3] * s3
    t2 = before[2, 0] * s0 + before[2, 1] * s1 + before[2, 2] * s2 + before[2, 3] * s3
    t3 = before[3, 0] * s0 + before[3, 1] * s1 + before[3, 2] * s2 + before[3, 3] * s3
    a, b, c, _ = numbers(k & 0xFFFFFFFF, np.uint64(k >> 32), 0, keys, 2)
    if unit(a) < eve:
        in_x = (b & np.uint64(1)) == 0
        along = t2 if in_x else t3
        found = t0 if 2.0 * unit(c) * t0 < t0 + along else -t0
        t1, t2, t3 = 0.0, found if in_x else 0.0, 0.0 if in_x else found
    return t0, t1, t2, t3


@kernel
def _look_up_states(
    first: int,
    pulse: Integers,
    stokes: Floats,
    shift: int,
    before: Floats,
    eve: float,
    noise: float,
    keys: Keys,
    out: Floats,
) -> None:
    """Write half the Stokes vectors of pulses first + pulse[i] to `out`.

    They hold at the input of the analysers: after Eve, or as in the table without
    her. noise: relative intensity noise.
    """
    n_contexts = stokes.shape[0]
    row = (first + shift) % n_contexts
    at = 0
    # nothing but loads here: cache misses overlap as long as no branch needs them
    for i in range(pulse.shape[0]):
        row += pulse[i] - at
        at = pulse[i]
        if row >= n_contexts:
            row %= n_contexts
        for j in range(4):
            out[i, j] = 0.5 * stokes[row, j]
    if noise > 0.0:
        for i in range(pulse.shape[0]):
            k = first + pulse[i]
            a, b, _, _ = numbers(k & 0xFFFFFFFF, np.uint64(k >> 32), 0, keys, 1)
            factor = max(0.0, 1.0 + noise * gauss(a, b))
            for j in range(4):
                out[i, j] *= factor
    if eve > 0.0:
        for i in range(pulse.shape[0]):
            state = (out[i, 0], out[i, 1], out[i, 2], out[i, 3])
            state = _attack(first + pulse[i], state, before, eve, keys)
            for j in range(4):
                out[i, j] = state[j]


@kernel
def _draw_candidates(
    tick: int, bound: float, keys: Keys, pulse: Integers, words: NDArray[np.uint32]
) -> int:
    """Draw a tick's candidate photons: pulse within the tick and three words each.

    Returns their number, or -1 when the arrays are too short.
    """
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    drawn = np.empty(BATCH, np.uint32)
    gaps = np.empty(BATCH)
    position = 0.0
    for begin in range(0, pulse.shape[0] - BATCH + 1, BATCH):
        # two loops without branches, which the compiler turns into vector code
        row0 = words[0, begin : begin + BATCH]
        row1 = words[1, begin : begin + BATCH]
        row2 = words[2, begin : begin + BATCH]
        for i in range(BATCH):
            n = np.uint64(begin) + np.uint64(i)
            a, b, c, d = philox(n & _LOW, CANDIDATE, low, high, k0, k1)
            drawn[i] = a
            row0[i] = b
            row1[i] = c
            row2[i] = d
        for i in range(BATCH):
            gaps[i] = log_unit(drawn[i]) / bound
        for i in range(BATCH):
            position -= gaps[i]
            if position >= PULSES_PER_TICK:
                return begin + i
            pulse[begin + i] = np.int64(position)
    return -1


@kernel
def _mean_photons(analysers: Floats, d: int, states: Floats, i: int) -> float:
    """Return the mean detectable photons of state `i` at detector `d`."""
    mean = analysers[d, 0] * states[i, 0] + analysers[d, 1] * states[i, 1]
    mean += analysers[d, 2] * states[i, 2] + analysers[d, 3] * states[i, 3]
    return float(max(0.0, mean))


@kernel
def _thin_candidates(
    opening: int,
    period_ps: int,
    pulse: Integers,
    bound: float,
    analysers: Floats,
    states: Floats,
    words: NDArray[np.uint32],
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    filled: Integers,
) -> None:
    """Append the candidates that fall on a detector to its row.

    opening: first pulse of the tick; filled: length of each row. The row after the
    last takes those that fall on none.
    """
    n_detectors = analysers.shape[0]
    steps = np.zeros(n_detectors + 1)
    means = np.ones(n_detectors + 1)
    # nothing could predict a branch here, so there is none: the steps up to the pick
    # are counted, and a candidate that is not kept is overwritten by the next
    for i in range(states.shape[0]):
        pick = unit(words[0, i]) * bound
        upper = 0.0
        found = 0
        for d in range(n_detectors):
            mean = _mean_photons(analysers, d, states, i)
            means[d] = mean
            upper += mean
            steps[d + 1] = upper
            found += upper <= pick
        at = filled[found]
        t_ps[found, at] = (opening + pulse[i]) * period_ps + arrival_ps[found]
        chance[found, at] = (pick - steps[found]) / means[found]
        number[found, at] = i
        filled[found] += found < n_detectors


@kernel
def _visit_pulses(
    tick: int,
    period_ps: int,
    analysers: Floats,
    states: Floats,
    keys: Keys,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    filled: Integers,
) -> None:
    """Append each pulse that a detector would see at rest to its row.

    The first of Poissonian photons to be seen needs the efficiency E/mean, E of an
    exponential distribution: 1 - exp(-mean efficiency) is the chance of a click.
    """
    for d in range(analysers.shape[0]):
        opening_ps = tick * PULSES_PER_TICK * period_ps + arrival_ps[d]
        at = filled[d]
        for k in range(PULSES_PER_TICK):
            event = k + d * PULSES_PER_TICK
            a, _, _, _ = numbers(event, CANDIDATE, tick, keys, 0)
            wanted = -log_unit(a) / _mean_photons(analysers, d, states, k)
            t_ps[d, at] = opening_ps + k * period_ps
            chance[d, at] = wanted
            number[d, at] = event
            at += wanted < 1.0
        filled[d] = at


@kernel
def draw_arrivals(
    tick_begin: int,
    tick_end: int,
    stokes: Floats,
    shift: int,
    before: Floats,
    analysers: Floats,
    bound: float,
    eve: float,
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
    """Draw what light by a table could give the detectors; see `Arrivals`.

    pulse k has context (k + shift) mod n; arrival_ps: int64[n_det + 1]; keys: clicks,
    noise, eavesdropper; reserve: bound on a tick's arrivals. Returns the first tick
    not drawn (a row lacks `reserve` places), or -1 when one tick held more than that.
    """
    n_det = analysers.shape[0]
    bright = bound > BRIGHT_MEAN
    size = PULSES_PER_TICK if bright else reserve + BATCH
    pulse = np.arange(size)
    words = np.empty((3, size), np.uint32)
    states = np.empty((size, 4))
    filled = np.zeros(n_det + 1, np.int64)
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            ends[d, tick - tick_begin] = filled[d]
        if filled.max() + reserve > t_ps.shape[1]:
            return tick
        n = PULSES_PER_TICK if bright else 0
        if bound > 0.0 and not bright:
            n = _draw_candidates(tick, bound, keys, pulse, words)
        if n < 0:
            return -1
        first = tick * PULSES_PER_TICK
        _look_up_states(
            first, pulse[:n], stokes, shift, before, eve, noise, keys, states
        )
        if bright:
            _visit_pulses(
                tick, period_ps, analysers, states, keys,
                arrival_ps, t_ps, chance, number, filled,
            )  # fmt: skip
        else:
            _thin_candidates(
                first, period_ps, pulse, bound, analysers, states[:n], words,
                arrival_ps, t_ps, chance, number, filled,
            )  # fmt: skip
    for d in range(n_det):
        ends[d, tick_end - tick_begin] = filled[d]
    return tick_end
