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
    log_unit,
    numbers,
    philox,
    unit,
)
from qkdlab_sims.optics.photons.states._kernels import look_up_states
from qkdlab_sims.optics.settings._kernels import Law

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

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


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
    law: Law,
    is_fresh: bool,
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

    Pulse k has the context that the law gives if `is_fresh`, else (k + shift) mod n.
    arrival_ps: int64[n_det + 1]; keys: clicks, noise, eavesdropper; reserve: bound on
    a tick's arrivals. Returns the first tick not drawn (a row lacks `reserve` places),
    or -1 when one tick held more than that.
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
        look_up_states(
            first, pulse[:n], stokes, shift, law, is_fresh,
            before, eve, noise, keys, states,
        )  # fmt: skip
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
