"""Compiled kernel: a 1 GHz link simulated pulse by pulse, as one would at first.

It shares nothing with `optics` but the decorator: a sequential generator, settings
drawn as they come, one chance per pulse and detector. Two more kernels look settings
up, by the engine's AES and by Philox in the same way.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import philox
from qkdlab_sims.optics.settings._kernels import SCRATCH, Law, fill_contexts_by

__all__ = ["aes_settings", "philox_settings", "pulse_by_pulse"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

_A, _B, _C = np.uint64(17), np.uint64(23), np.uint64(45)
_WORD = np.uint64(64)
_TO_UNIT = np.uint64(11)


@kernel
def _unit(state: NDArray[np.uint64]) -> float:
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
def _normal(state: NDArray[np.uint64]) -> float:
    radius = math.sqrt(-2.0 * math.log(_unit(state)))
    return radius * math.cos(2.0 * math.pi * _unit(state))


@kernel
def pulse_by_pulse(
    n_pulses: int,
    period_ps: int,
    means: Floats,
    shares: Floats,
    pulls: Floats,
    noise: float,
    dark_per_pulse: float,
    tau_ps: float,
    bias: float,
    half: float,
    sigma_ps: float,
    tail_fraction: float,
    tail_ps: float,
    state: NDArray[np.uint64],
) -> int:
    """Return the clicks of a link of nanowires; their tags go nowhere.

    means:  float64[12, n_det], detectable photons by setting
    shares: float64[12], cumulative probabilities of the settings
    pulls:  relative change of a pulse per step of intensity, one and two pulses before
    bias, half: currents in units of the width of the efficiency's edge
    """
    n_det = means.shape[1]
    last_ps = np.full(n_det, -(1 << 61), np.int64)
    full = 1.0 + math.erf(bias - half)
    before = older = n_clicks = latest = 0
    for k in range(n_pulses):
        drawn = _unit(state)
        setting = 0
        while shares[setting] <= drawn:
            setting += 1
        factor = max(0.0, 1.0 + noise * _normal(state))
        factor *= (1.0 + pulls[0] * before) * (1.0 + pulls[1] * older)
        older, before = before, setting >> 2
        for d in range(n_det):
            t = k * period_ps
            mean = means[setting, d] * factor + dark_per_pulse
            drawn = _unit(state)
            if drawn >= mean:
                continue
            current = bias * (1.0 - math.exp((last_ps[d] - t) / tau_ps))
            recovered = (1.0 + math.erf(current - half)) / full
            if drawn < -math.expm1(-mean * recovered):
                last_ps[d] = t
                n_clicks += 1
                shift = sigma_ps * _normal(state)
                if _unit(state) < tail_fraction:
                    shift -= tail_ps * math.log(_unit(state))
                latest = max(latest, t + int(shift))
    return n_clicks + (latest < 0)


@kernel
def aes_settings(
    n_ticks: int, pulses: NDArray[np.int32], law: Law, out: NDArray[np.int32]
) -> None:
    """Look up the settings of some pulses of each tick, as the engine does."""
    scratch = np.empty(SCRATCH, np.uint64)
    for tick in range(n_ticks):
        fill_contexts_by(tick << 16, pulses, law, scratch, out)


@kernel
def philox_settings(
    n_ticks: int,
    pulses: NDArray[np.int32],
    key: NDArray[np.uint64],
    bounds: NDArray[np.int32],
    n_lags: int,
    out: NDArray[np.int32],
) -> None:
    """Do the same by Philox4x32-10: one of its blocks for each setting.

    n_lags: pulses before that matter too, by their intensity
    """
    low, half, zero = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(0)
    drawn = np.empty(pulses.shape[0], np.int32)
    for tick in range(n_ticks):
        first = tick << 16
        stride = 12
        for lag in range(n_lags + 1):
            for i in range(pulses.shape[0]):
                k = np.uint64(first + pulses[i] - lag)
                word, _, _, _ = philox(k & low, k >> half, zero, zero, key[0], key[1])
                drawn[i] = np.int32(word >> np.uint64(16))
            if lag == 0:
                for i in range(pulses.shape[0]):
                    out[i] = drawn[i] & 1
                for j in range(bounds.shape[0]):
                    bound = 2 * bounds[j]
                    for i in range(pulses.shape[0]):
                        out[i] += 2 if bound <= drawn[i] else 0
                continue
            for j in range(1, bounds.shape[0], 2):
                bound = 2 * bounds[j]
                for i in range(pulses.shape[0]):
                    out[i] += stride if bound <= drawn[i] else 0
            stride *= 3
