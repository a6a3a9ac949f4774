"""Compiled kernels that draw single photons as detectors meet them."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, numbers, unit
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.photons.states._kernels import look_up_states
from qkdlab_sims.optics.settings._kernels import Law
from qkdlab_sims.optics.sources.pending._kernels import (
    Pending,
    drop_before,
    hand_over,
    new_pending,
    put,
)
from qkdlab_sims.optics.sources.telegraph._kernels import between, state_at_edge

__all__ = ["Emitter", "draw_dot"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

# Second counter word: what the numbers of a tick are used for.
_PULSE = np.uint64(0)
_PHOTON = np.uint64(1)
_EDGE = np.uint64(2)
_PORT = np.uint64(3)


class Emitter(NamedTuple):
    """A dot behind the bound on what is seen of its photons.

    log_dark:    logarithm of the chance that a pulse of a dot that is on holds no
                 candidate
    chances:     float64[n], of each of the following or a former one in a pulse with
                 candidates
    dots, noise: int64[n], candidates that are the dot's, and others
    meets:       bool[n], whether the first two of the dot's meet at a beam splitter
    overlap:     of their wave packets; negative without a beam splitter
    on_share:    part of the time in which it is on
    pulse_in_times: time between pulses in correlation times of blinking
    lifetime_ps: of emission
    bound:       chance that a photon is a candidate: the largest of any pulse to be
                 seen
    """

    log_dark: float
    chances: Floats
    dots: Integers
    noise: Integers
    meets: NDArray[np.bool_]
    overlap: float
    on_share: float
    pulse_in_times: float
    lifetime_ps: float
    bound: float


@kernel
def _candidates(
    tick: int, emitter: Emitter, keys: Keys, pulse: Integers, kind: Integers
) -> int:
    """Draw the pulses with candidates and which they are; -1 when there is no room.

    What a dot that is off would have emitted is taken away again.
    """
    per_tick = PULSES_PER_TICK * emitter.pulse_in_times
    is_on = after = True
    if per_tick > 0.0:
        is_on = state_at_edge(tick, emitter.on_share, per_tick, _EDGE, keys)
        after = state_at_edge(tick + 1, emitter.on_share, per_tick, _EDGE, keys)
    position, seen_at, n = -1.0, 0.0, 0
    for event in range(PULSES_PER_TICK):
        a, b, c, _ = numbers(event, _PULSE, tick, keys, 0)
        position += 1.0 + math.floor(log_unit(a) / emitter.log_dark)
        if position >= PULSES_PER_TICK:
            return n
        if per_tick > 0.0:
            x = (position - seen_at) * emitter.pulse_in_times
            y = (PULSES_PER_TICK - position) * emitter.pulse_in_times
            is_on = between(is_on, after, emitter.on_share, x, y, c)
            seen_at = position
        drawn = 0
        while drawn < emitter.chances.shape[0] - 1 and unit(b) > emitter.chances[drawn]:
            drawn += 1
        if is_on or emitter.noise[drawn] > 0:
            if n >= pulse.shape[0]:
                return -1
            pulse[n] = int(position)
            kind[n] = drawn if is_on else -1 - drawn
            n += 1
    return n


@kernel
def _place(
    tick: int,
    number: int,
    opening_ps: int,
    lifetime_ps: float,
    bound: float,
    port: int,
    state: Floats,
    analysers: Floats,
    keys: Keys,
    arrival_ps: Integers,
    photons: Pending,
) -> None:
    """Send a candidate photon to a detector, or to none.

    port: the only detector that it can reach, -1 when any
    """
    a, b, _, _ = numbers(number, _PHOTON, tick, keys, 0)
    pick = unit(a) * bound
    delay = int(-lifetime_ps * log_unit(b))
    for d in range(analysers.shape[0]):
        if port >= 0 and d != port:
            continue
        seen = 0.0
        for j in range(4):
            seen += analysers[d, j] * state[j]
        if pick < seen:
            t_ps = opening_ps + int(arrival_ps[d]) + delay
            put(photons, d, t_ps, pick / seen, number)
            return
        pick -= max(seen, 0.0)


@kernel
def _port(
    number: int, tick: int, meets: bool, former: int, overlap: float, keys: Keys
) -> int:
    """Return the port by which a photon leaves a beam splitter.

    meets: whether it met the former photon, which left by `former`: both then leave
    together with probability (1 + overlap)/2 (Hong, Ou and Mandel, PRL 59, 2044
    (1987) [mem])
    """
    a, b, _, _ = numbers(number, _PORT, tick, keys, 0)
    if not meets:
        return int(a & np.uint64(1))
    return former if unit(b) < 0.5 * (1.0 + overlap) else 1 - former


@kernel
def draw_dot(
    tick_begin: int,
    tick_end: int,
    period_ps: int,
    emitter: Emitter,
    stokes: Floats,
    shift: int,
    law: Law,
    is_fresh: bool,
    analysers: Floats,
    keys: Keys,
    reserve: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> int:
    """Draw what a bank of detectors meets of a dot; see `photons.draw_arrivals`.

    analysers: float64[n_det, 4], from the table of states to the chance that a photon
    is seen
    """
    tick_ps = period_ps * PULSES_PER_TICK
    pulse = np.empty(reserve, np.int64)
    kind = np.empty(reserve, np.int64)
    states = np.empty((reserve, 4))
    photons = new_pending(ends.shape[0], 2 * reserve)
    ends[:, 0] = 0
    for tick in range(max(tick_begin - 1, 0), tick_end):
        index = tick - tick_begin
        if index >= 0 and ends[:, index].max() + reserve > t_ps.shape[1]:
            return tick
        n = _candidates(tick, emitter, keys, pulse, kind)
        first = tick * PULSES_PER_TICK
        if n < 0:
            return -1
        look_up_states(
            first, pulse[:n], stokes, shift, law, is_fresh, np.eye(4), 0.0,
            keys, states,
        )  # fmt: skip
        photon = 0
        for i in range(n):
            drawn = kind[i] if kind[i] >= 0 else -1 - kind[i]
            dots = emitter.dots[drawn] if kind[i] >= 0 else 0
            opening_ps = (first + int(pulse[i])) * period_ps
            port = -1
            for j in range(dots + emitter.noise[drawn]):
                if photons.filled.max() >= photons.t_ps.shape[1]:
                    return -1
                late_ps = emitter.lifetime_ps if j < dots else 0.0
                if emitter.overlap >= 0.0:
                    meets = bool(j == 1 and dots > 1 and emitter.meets[drawn])
                    port = _port(photon, tick, meets, port, emitter.overlap, keys)
                _place(
                    tick, photon, opening_ps, late_ps, emitter.bound, port, states[i],
                    analysers, keys, arrival_ps, photons,
                )  # fmt: skip
                photon += 1
        if index < 0:
            drop_before(photons, tick_begin * tick_ps, arrival_ps)
        elif not hand_over(
            photons, (tick + 1) * tick_ps, arrival_ps,
            t_ps, chance, number, ends[:, index], ends[:, index + 1],
        ):  # fmt: skip
            return -1
    return tick_end
