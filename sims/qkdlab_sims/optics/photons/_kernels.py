"""Compiled kernels that draw candidate photons and give them to the detectors.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, numbers
from qkdlab_sims.optics.photons.candidates._kernels import (
    CANDIDATE,
    PULSES_PER_TICK,
    STEP,
    draw_candidates,
)
from qkdlab_sims.optics.photons.own._kernels import (
    Own,
    draw_own,
    new_own_room,
    remembers,
)
from qkdlab_sims.optics.photons.states._kernels import (
    look_up_states,
    noise_factor,
    share_noise,
)
from qkdlab_sims.optics.settings._kernels import Law

__all__ = ["BRIGHT_MEAN", "CANDIDATE", "PULSES_PER_TICK", "draw_arrivals"]

BRIGHT_MEAN = 2.0
"""Mean detectable photons a pulse above which every pulse is visited."""

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]


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
    pulse: Indices,
    late_ps: Indices,
    analysers: Floats,
    states: Floats,
    picks: Floats,
    chances: Floats,
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
    # nothing could predict a branch here, so there is none: the steps up to the pick
    # are counted, and a candidate that is not kept is overwritten by the next
    for i in range(states.shape[0]):
        upper = 0.0
        found = 0
        for d in range(n_detectors):
            upper += _mean_photons(analysers, d, states, i)
            found += upper <= picks[i]
        at = filled[found]
        lag_ps = arrival_ps[found] + late_ps[i]
        t_ps[found, at] = (opening + pulse[i]) * period_ps + lag_ps
        chance[found, at] = chances[i]
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
    own: Own,
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
    own: what pulses have of their own beside white noise, for dim light; none may leave
    its period for that. arrival_ps: int64[n_det + 1]; keys: clicks, noise,
    eavesdropper; reserve: bound on a tick's arrivals. Returns the first tick not drawn
    (a row lacks `reserve` places), or -1 when one tick held more than that.
    """
    n_det = analysers.shape[0]
    bright = bound > BRIGHT_MEAN
    size = PULSES_PER_TICK if bright else reserve + STEP
    pulse, level = np.arange(size).astype(np.int32), np.empty(size, np.uint32)
    gaps, picks, chances = np.empty(size), np.empty(size), np.empty(size)
    words, factors = np.empty((3, size), np.uint32), np.ones(size)
    states = np.empty((size, 4))
    index, laser = np.arange(size).astype(np.int32), new_own_room(size, own)
    filled = np.zeros(n_det + 1, np.int64)
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            ends[d, tick - tick_begin] = filled[d]
        if filled.max() + reserve > t_ps.shape[1]:
            return tick
        n = PULSES_PER_TICK if bright else 0
        if bound > 0.0 and not bright:
            n = draw_candidates(
                tick, 0, bound, keys, gaps, words, pulse, picks, chances, level
            )
        if n < 0:
            return -1
        first = tick * PULSES_PER_TICK
        if own.lead_ps > 0 and not bright:
            draw_own(tick, pulse[:n], index, level, noise, own, keys, laser)
        look_up_states(
            first, pulse[:n], stokes, shift, law, is_fresh,
            before, eve, keys, states,
        )  # fmt: skip
        if bright and noise > 0.0:
            for i in range(n):
                factors[i] = noise_factor(first + i, noise, keys)
        elif remembers(noise, own):
            factors[:n] = laser.energies[:n]
        elif noise > 0.0:
            share_noise(pulse[:n], level, noise, factors)
        if noise > 0.0:
            for i in range(n):
                states[i] *= factors[i]
        if bright:
            _visit_pulses(
                tick, period_ps, analysers, states, keys,
                arrival_ps, t_ps, chance, number, filled,
            )  # fmt: skip
        else:
            _thin_candidates(
                first, period_ps, pulse, laser.late_ps, analysers, states[:n], picks,
                chances, arrival_ps, t_ps, chance, number, filled,
            )  # fmt: skip
    for d in range(n_det):
        ends[d, tick_end - tick_begin] = filled[d]
    return tick_end
