"""Compiled kernels of a laser whose pulses have phase, instant and noise of their own.

All three are had for any pulse on demand, keyed by its number.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import Word, log_unit, numbers, unit
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

__all__ = ["Pulses", "draw_laser", "fill_noise", "fill_phases"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

# Second counter word: what the numbers of a pulse or a tick are used for.
_CANDIDATE = np.uint64(0)
_NOISE = np.uint64(1)
_INSTANT = np.uint64(2)
_START = np.uint64(3)
_BRIDGE = np.uint64(4)

_LEVELS = 48
"""A walk of phases spans 2**48 pulses: three days at 1 GHz."""


class Pulses(NamedTuple):
    """A laser as the kernels see it.

    bound:           largest mean number of photons of a pulse at all detectors
    noise_rms, noise_memory: of the factor 1 + rms (w_k + m w_(k-1)) / sqrt(1 + m^2)
    jitter_ps, width_ps: standard deviations, of a pulse and of its photons in it
    lead_ps:         mean delay, above the largest of both
    phase_step_rad:  standard deviation of the phase between neighbours, infinite when
                     phases are independent
    contrast:        of an interferometer that brings each pulse onto the one before;
                     negative without one
    bias_rad:        its phase
    """

    bound: float
    noise_rms: float
    noise_memory: float
    jitter_ps: float
    width_ps: float
    lead_ps: int
    phase_step_rad: float
    contrast: float
    bias_rad: float


@kernel
def _normal(k: int, use: Word, keys: Keys) -> float:
    """Return the normal number that pulse `k` owns for a use."""
    a, b, _, _ = numbers(k & 0xFFFFFFFF, use, k >> 32, keys, 0)
    return float(gauss(a, b))


@kernel
def _noise_factor(k: int, rms: float, memory: float, keys: Keys) -> float:
    """Return the energy of pulse `k` over its mean."""
    if rms == 0.0:
        return 1.0
    x = _normal(k, _NOISE, keys)
    if memory != 0.0:
        x += memory * _normal(k - 1, _NOISE, keys) if k > 0 else 0.0
        x /= math.sqrt(1.0 + memory * memory)
    return max(0.0, 1.0 + rms * x)


@kernel
def _start_phase(k: int, keys: Keys) -> float:
    """Return a uniform phase that pulse `k` owns."""
    a, _, _, _ = numbers(k & 0xFFFFFFFF, _START, k >> 32, keys, 0)
    return 2.0 * math.pi * unit(a)


@kernel
def _climb(
    k: int, step_rad: float, keys: Keys, ends: Integers, phases: Floats, depth: int
) -> int:
    """Bring the stack of intervals about pulse `k` down to it; return its depth.

    ends[l], phases[l, 0:2]: first pulse of the interval of 2**(48 - l) pulses and the
    phases at its two ends. What a former pulse left is used as far as it fits. The
    middle of an interval is that of a Brownian bridge, keyed by its pulse, which is
    the middle of one interval only. So the walk is exact, and anyone gets the same.
    """
    while depth > 0 and not ends[depth] <= k < ends[depth] + (1 << (_LEVELS - depth)):
        depth -= 1
    if depth == 0:
        ends[0] = 0
        phases[0, 0] = _start_phase(0, keys)
        phases[0, 1] = phases[0, 0]
        phases[0, 1] += step_rad * 2.0 ** (_LEVELS / 2) * _normal(0, _BRIDGE, keys)
    while depth < _LEVELS and ends[depth] != k:
        half = 1 << (_LEVELS - depth - 1)
        middle = ends[depth] + half
        sigma = step_rad * math.sqrt(0.5 * half)
        phase = 0.5 * (phases[depth, 0] + phases[depth, 1])
        phase += sigma * _normal(middle, _BRIDGE, keys)
        depth += 1
        if k >= middle:
            ends[depth] = middle
            phases[depth, 0] = phase
            phases[depth, 1] = phases[depth - 1, 1]
        else:
            ends[depth] = ends[depth - 1]
            phases[depth, 0] = phases[depth - 1, 0]
            phases[depth, 1] = phase
    return depth


@kernel
def fill_phases(pulses: Integers, step_rad: float, keys: Keys, out: Floats) -> None:
    """Write the phases of pulses, not reduced to one turn; sorted ones are quicker."""
    if math.isinf(step_rad):
        for i in range(pulses.shape[0]):
            out[i] = _start_phase(pulses[i], keys)
        return
    ends = np.zeros(_LEVELS + 1, np.int64)
    phases = np.zeros((_LEVELS + 1, 2))
    depth = 0
    for i in range(pulses.shape[0]):
        depth = _climb(pulses[i], step_rad, keys, ends, phases, depth)
        out[i] = phases[depth, 0]


@kernel
def fill_noise(
    pulses: Integers, rms: float, memory: float, keys: Keys, out: Floats
) -> None:
    """Write the energies of pulses over their mean."""
    for i in range(pulses.shape[0]):
        out[i] = _noise_factor(pulses[i], rms, memory, keys)


@kernel
def _candidates(
    tick: int, bound: float, keys: Keys, pulse: Integers, luck: Floats
) -> int:
    """Draw a tick's candidate photons: pulse in it and a number below the bound.

    Returns how many, or -1 when there is no room.
    """
    position = 0.0
    for i in range(pulse.shape[0]):
        a, b, _, _ = numbers(i, _CANDIDATE, tick, keys, 0)
        position -= log_unit(a) / bound
        if position >= PULSES_PER_TICK:
            return i
        pulse[i] = int(position)
        luck[i] = unit(b) * bound
    return -1


@kernel
def _interfere(pulse: Integers, record: Pulses, keys: Keys, states: Floats) -> None:
    """Put what leaves the two ports, over the light that enters, in S0 and S1 halves.

    Pulse k meets pulse k - 1; the first one nothing.
    """
    n = pulse.shape[0]
    before = np.maximum(pulse - 1, 0)
    phases, former = np.empty(n), np.empty(n)
    fill_phases(pulse, record.phase_step_rad, keys, phases)
    fill_phases(before, record.phase_step_rad, keys, former)
    rms, memory = record.noise_rms, record.noise_memory
    for i in range(n):
        one = _noise_factor(pulse[i], rms, memory, keys)
        two = _noise_factor(pulse[i] - 1, rms, memory, keys) if pulse[i] > 0 else 0.0
        turn = phases[i] - former[i] + record.bias_rad
        beat = record.contrast * math.sqrt(one * two) * math.cos(turn)
        states[i, 0] *= 0.5 * (one + two)
        states[i, 1] = states[i, 0] * 2.0 * beat / max(one + two, 1e-300)
        states[i, 2] = states[i, 3] = 0.0


@kernel
def _place(
    i: int,
    tick: int,
    k: int,
    luck: float,
    period_ps: int,
    record: Pulses,
    state: Floats,
    analysers: Floats,
    keys: Keys,
    arrival_ps: Integers,
    photons: Pending,
) -> None:
    """Send a candidate photon to a detector, or to none."""
    for d in range(analysers.shape[0]):
        seen = 0.0
        for j in range(4):
            seen += analysers[d, j] * state[j]
        if luck < seen:
            _, _, a, b = numbers(i, _CANDIDATE, tick, keys, 0)
            late_ps = record.lead_ps + 0.5 + record.width_ps * gauss(a, b)
            if record.jitter_ps > 0.0:
                late_ps += record.jitter_ps * _normal(k, _INSTANT, keys)
            t_ps = k * period_ps + int(arrival_ps[d]) + int(late_ps)
            put(photons, d, t_ps, luck / seen, i)
            return
        luck -= max(seen, 0.0)


@kernel
def draw_laser(
    tick_begin: int,
    tick_end: int,
    period_ps: int,
    record: Pulses,
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
    """Draw what a bank of detectors meets; see `photons.draw_arrivals`.

    analysers: float64[n_det, 4], from the table of states to mean seen photons; behind
    an interferometer its first two numbers weigh the sum and the difference of ports
    """
    tick_ps = period_ps * PULSES_PER_TICK
    pulse = np.empty(reserve, np.int64)
    luck = np.empty(reserve)
    states = np.empty((reserve, 4))
    photons = new_pending(ends.shape[0], 2 * reserve)
    ends[:, 0] = 0
    for tick in range(max(tick_begin - 1, 0), tick_end):
        index = tick - tick_begin
        if index >= 0 and ends[:, index].max() + reserve > t_ps.shape[1]:
            return tick
        n = _candidates(tick, record.bound, keys, pulse, luck)
        if n < 0:
            return -1
        first = tick * PULSES_PER_TICK
        look_up_states(
            first, pulse[:n], stokes, shift, law, is_fresh, np.eye(4), 0.0,
            keys, states,
        )  # fmt: skip
        for i in range(n):
            pulse[i] += first
        if record.contrast >= 0.0:
            _interfere(pulse[:n], record, keys, states)
        for i in range(n):
            if photons.filled.max() >= photons.t_ps.shape[1]:
                return -1
            if record.contrast < 0.0:
                states[i] *= _noise_factor(
                    pulse[i], record.noise_rms, record.noise_memory, keys
                )
            _place(
                i, tick, pulse[i], luck[i], period_ps, record, states[i], analysers,
                keys, arrival_ps, photons,
            )  # fmt: skip
        if index < 0:
            drop_before(photons, tick_begin * tick_ps, arrival_ps)
        elif not hand_over(
            photons, (tick + 1) * tick_ps, arrival_ps,
            t_ps, chance, number, ends[:, index], ends[:, index + 1],
        ):  # fmt: skip
            return -1
    return tick_end
