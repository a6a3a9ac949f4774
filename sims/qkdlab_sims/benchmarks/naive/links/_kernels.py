"""Compiled kernels: a 1 GHz link simulated pulse by pulse, as one would at first.

They share nothing with `optics` but the decorator: a sequential generator, settings
drawn as they come, one chance per pulse and detector.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel

__all__ = ["NaiveDiode", "NaiveLaser", "NaiveWire", "diodes_clicks", "wires_clicks"]

Floats: TypeAlias = NDArray[np.float64]
State: TypeAlias = NDArray[np.uint64]

_A, _B, _C = np.uint64(17), np.uint64(23), np.uint64(45)
_WORD = np.uint64(64)
_TO_UNIT = np.uint64(11)
_LONG_AGO_PS = -(1 << 61)
_MOST_PENDING = 64


class NaiveLaser(NamedTuple):
    """What the pulses are.

    means:  float64[12, n_det], detectable photons by setting
    shares: float64[12], cumulative probabilities of the settings
    pulls:  relative change of a pulse per step of intensity, one and two pulses before
    noise, memory: rms of the energies 1 + noise (w_k + m w_(k-1)) / sqrt(1 + m^2)
    jitter_ps, width_ps: standard deviations, of a pulse and of its photons in it
    """

    period_ps: int
    means: Floats
    shares: Floats
    pulls: Floats
    noise: float
    memory: float
    jitter_ps: float
    width_ps: float


class NaiveWire(NamedTuple):
    """A nanowire; bias, half: in units of the width of the efficiency's edge."""

    dark_per_pulse: float
    tau_ps: float
    bias: float
    half: float
    sigma_ps: float
    tail_fraction: float
    tail_ps: float
    threshold: float
    grows_jitter: bool
    walk_ps: float
    ac_ps: float


class NaiveDiode(NamedTuple):
    """A diode behind gates in the shape of half a sine; 0 ps: free running.

    dark_per_pulse: within gates, if there are any
    trap_means, trap_tau_ps: float64[n_traps], carriers that an avalanche leaves
    """

    dark_per_pulse: float
    dead_ps: float
    tau_ps: float
    trap_means: Floats
    trap_tau_ps: Floats
    sigma_ps: float
    tail_fraction: float
    tail_ps: float
    walk_ps: float
    walk_tau_ps: float
    gate_width_ps: float


@kernel
def _unit(state: State) -> float:
    """Return a number in (0, 1) by xoshiro256++ (Blackman and Vigna 2021)."""
    turned = state[0] + state[3]
    drawn = (turned << _B | turned >> _WORD - _B) + state[0]
    shifted = state[1] << _A
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = state[3] << _C | state[3] >> _WORD - _C
    return (float(drawn >> _TO_UNIT) + 0.5) * 2.0**-53


@kernel
def _normal(state: State) -> float:
    radius = math.sqrt(-2.0 * math.log(_unit(state)))
    return radius * math.cos(2.0 * math.pi * _unit(state))


@kernel
def _tail_ps(fraction: float, mean_ps: float, state: State) -> float:
    """Return how much later a click of the tail is, 0 mostly."""
    return -mean_ps * math.log(_unit(state)) if _unit(state) < fraction else 0.0


@kernel
def _next_pulse(
    laser: NaiveLaser, past: Floats, state: State
) -> tuple[int, float, float]:
    """Return setting, energy over that of the setting, and lateness of a pulse.

    past: steps of intensity one and two pulses ago, and noise of the last, changed
    """
    drawn = _unit(state)
    setting = 0
    while laser.shares[setting] <= drawn:
        setting += 1
    w = _normal(state)
    noise = (w + laser.memory * past[2]) / math.sqrt(1.0 + laser.memory**2)
    energy = max(0.0, 1.0 + laser.noise * noise)
    energy *= (1.0 + laser.pulls[0] * past[0]) * (1.0 + laser.pulls[1] * past[1])
    past[1], past[0], past[2] = past[0], setting >> 2, w
    jitter_ps = laser.jitter_ps
    if jitter_ps > 0.0:
        jitter_ps *= _normal(state)
    return setting, energy, jitter_ps


@kernel
def wires_clicks(
    n_pulses: int, laser: NaiveLaser, wire: NaiveWire, state: State
) -> int:
    """Return the clicks of a link of equal nanowires; their tags go nowhere."""
    n_det = laser.means.shape[1]
    last_ps, droop = np.full(n_det, float(_LONG_AGO_PS)), np.zeros(n_det)
    full = 1.0 + math.erf(wire.bias - wire.half)
    past = np.zeros(3)
    n_clicks, latest = 0, 0.0
    for k in range(n_pulses):
        setting, energy, jitter_ps = _next_pulse(laser, past, state)
        for d in range(n_det):
            mean = laser.means[setting, d] * energy + wire.dark_per_pulse
            drawn = _unit(state)
            if drawn >= mean:
                continue
            t = k * laser.period_ps + jitter_ps + laser.width_ps * _normal(state)
            since = last_ps[d] - t
            if wire.ac_ps > 0.0:
                height = 1.0 - droop[d] * math.exp(since / wire.ac_ps)
            else:
                height = 1.0
            height *= max(0.0, 1.0 - math.exp(since / wire.tau_ps))
            seen = (1.0 + math.erf(wire.bias * height - wire.half)) / full
            if drawn >= -math.expm1(-mean * seen) or height <= 0.0:
                continue
            if wire.ac_ps > 0.0:
                left = droop[d] * math.exp(since / wire.ac_ps)
                droop[d] = min(1.0, left + wire.tau_ps / wire.ac_ps)
            last_ps[d] = t
            if height < wire.threshold:
                continue
            n_clicks += 1
            sigma = wire.sigma_ps / height if wire.grows_jitter else wire.sigma_ps
            t += sigma * _normal(state) + wire.walk_ps * (1.0 / height - 1.0)
            latest = max(latest, t + _tail_ps(wire.tail_fraction, wire.tail_ps, state))
    return n_clicks + (latest < 0.0)


@kernel
def _fill_traps(
    diode: NaiveDiode, t: float, pending: Floats, n: int, state: State
) -> int:
    """Add the carriers that an avalanche leaves after its hold-off; return how many."""
    for kind in range(diode.trap_means.shape[0]):
        left = diode.trap_means[kind] + math.log(_unit(state))
        while left > 0.0 and n < _MOST_PENDING:
            wait = -diode.trap_tau_ps[kind] * math.log(_unit(state))
            if wait >= diode.dead_ps:
                pending[n] = t + wait
                n += 1
            left += math.log(_unit(state))
    return n


@kernel
def diodes_clicks(
    n_pulses: int, laser: NaiveLaser, diode: NaiveDiode, state: State
) -> int:
    """Return the clicks of a link of equal diodes; their tags go nowhere.

    Pulses come in the midst of gates; what traps release in gates, at their mean.
    """
    n_det = laser.means.shape[1]
    live_ps, n_pending = np.full(n_det, float(_LONG_AGO_PS)), np.zeros(n_det, np.int64)
    pending = np.empty((n_det, _MOST_PENDING))
    is_gated = diode.gate_width_ps > 0.0
    duty = 2.0 / math.pi * diode.gate_width_ps / laser.period_ps if is_gated else 1.0
    past = np.zeros(3)
    n_clicks, latest = 0, 0.0
    for k in range(n_pulses):
        setting, energy, jitter_ps = _next_pulse(laser, past, state)
        for d in range(n_det):
            slot = float(k * laser.period_ps)
            t, chance = slot, -math.expm1(-diode.dark_per_pulse * duty)
            mean = laser.means[setting, d] * energy
            if _unit(state) < -math.expm1(-mean):
                t += jitter_ps + laser.width_ps * _normal(state)
                chance = 1.0
                if is_gated:
                    chance = max(
                        0.0, math.cos(math.pi * (t - slot) / diode.gate_width_ps)
                    )
            i = 0
            while i < n_pending[d]:
                if pending[d, i] < slot + laser.period_ps:
                    chance = 1.0 - (1.0 - chance) * (1.0 - duty)
                    n_pending[d] -= 1
                    pending[d, i] = pending[d, n_pending[d]]
                else:
                    i += 1
            since = t - live_ps[d]
            if chance <= 0.0 or since < 0.0:
                continue
            if diode.tau_ps > 0.0:
                chance *= -math.expm1(-since / diode.tau_ps)
            if _unit(state) >= chance:
                continue
            n_clicks += 1
            live_ps[d] = t + diode.dead_ps
            n_pending[d] = _fill_traps(diode, t, pending[d], n_pending[d], state)
            t += diode.sigma_ps * _normal(state)
            t += diode.walk_ps * math.exp(-since / diode.walk_tau_ps)
            latest = max(
                latest, t + _tail_ps(diode.tail_fraction, diode.tail_ps, state)
            )
    return n_clicks + (latest < 0.0)
