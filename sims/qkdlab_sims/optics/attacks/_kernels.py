"""Compiled kernels: Eve opens each pulse, counts its photons and sends others on.

Every number is keyed by the pulse, so what she did to a pulse can be worked out again
at any time (`recall`). Counter words 0 and 1 are the pulse, word 2 the draw.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.nanowire._kernels import photon_click, sees
from qkdlab_sims.optics.nanowire.darks._kernels import begin_darks, run_darks
from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import Word, Words, numbers, unit
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.photons.states._kernels import noise_factor

__all__ = [
    "ATTACK",
    "COPY",
    "MEASURE",
    "SEED",
    "SHIFT",
    "SPLIT",
    "recall",
    "run_attacked_ticks",
]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.uint8]
Keys: TypeAlias = NDArray[np.uint64]
Attack: TypeAlias = Any  # a record of ATTACK; numba gives it attributes
Wires: TypeAlias = Any
State: TypeAlias = tuple[float, float, float, float]

COPY, MEASURE, SPLIT, SHIFT, SEED = range(5)
"""What Eve does to the pulses that she attacks."""

ATTACK = np.dtype(
    [
        ("action", np.int64),
        ("fraction", np.float64),  # of pulses attacked
        ("line", np.float64),  # transmission of her line for pulses left alone
        ("line_attacked", np.float64),  # and for those attacked
        ("block_singles", np.float64),  # SPLIT: chance to stop a single photon
        ("x_share", np.float64),  # MEASURE: how often she measures in X
        ("photons", np.int64),  # MEASURE, SEED: sent in place of hers; 0: as many
        ("shift_ps", np.int64),  # SHIFT: either way; SEED: ahead of the pulse
        ("noise", np.float64),  # relative intensity noise of the light
    ]
)

_EVE = 2  # stream of her numbers
_MAX_PHOTONS = 255  # 12 standard deviations above the brightest mean allowed
_FIRST_PHOTON = 2  # draw of the first photon sent on
_TAILS = 1 << 16


@kernel
def _draw(k: int, number: int, keys: Keys) -> Words:
    return numbers(k & 0xFFFFFFFF, np.uint64(k >> 32), number, keys, _EVE)


@kernel
def _photon_number(mean: float, word: Word) -> int:
    """Return a Poisson number by inversion, at most `_MAX_PHOTONS`."""
    chance = math.exp(-mean)
    left = unit(word) - chance
    n = 0
    while left > 0.0 and n < _MAX_PHOTONS:
        n += 1
        chance *= mean / n
        left -= chance
    return n


@kernel
def _mean(k: int, mean: float, noise: float, keys: Keys) -> float:
    """Return the mean photon number of pulse `k`, intensity noise in it."""
    if noise > 0.0:
        mean *= noise_factor(k, noise, keys)
    return mean


@kernel
def _state(row: Floats, before: Floats) -> State:
    """Return the Stokes vector at Eve, in photons, of a row of the light's table."""
    s0, s1, s2, s3 = row[0], row[1], row[2], row[3]
    t0 = before[0, 0] * s0 + before[0, 1] * s1 + before[0, 2] * s2 + before[0, 3] * s3
    t1 = before[1, 0] * s0 + before[1, 1] * s1 + before[1, 2] * s2 + before[1, 3] * s3
    t2 = before[2, 0] * s0 + before[2, 1] * s1 + before[2, 2] * s2 + before[2, 3] * s3
    t3 = before[3, 0] * s0 + before[3, 1] * s1 + before[3, 2] * s2 + before[3, 3] * s3
    return t0, t1, t2, t3


@kernel
def recall(
    pulses: Integers,
    stokes: Floats,
    shift: int,
    before: Floats,
    attack: Attack,
    keys: Keys,
    photons: Bytes,
    attacked: Bytes,
    choice: Bytes,
) -> None:
    """Write what was true of given pulses.

    photons: that reached Eve; attacked: 0 or 1; choice: of her private coin (MEASURE:
    1 in X; SHIFT: 1 later; SEED: which of four states, as D, A, R, L)
    """
    for i in range(pulses.shape[0]):
        k = pulses[i]
        state = _state(stokes[(k + shift) % stokes.shape[0]], before)
        a, b, c, _ = _draw(k, 1, keys)
        photons[i] = _photon_number(_mean(k, state[0], attack.noise, keys), a)
        attacked[i] = unit(b) < attack.fraction
        choice[i] = _choice(attack, unit(c))


@kernel
def _choice(attack: Attack, chance: float) -> int:
    if attack.action == MEASURE:
        return 1 if chance < attack.x_share else 0
    if attack.action == SEED:
        return int(4.0 * chance)
    return 1 if chance < 0.5 else 0


@kernel
def _send(
    k: int,
    count: int,
    first: int,
    line: float,
    state: State,
    opening_ps: int,
    tick: int,
    tick_ps: int,
    analysers: Floats,
    keys: Keys,
    wires: Wires,
    out: Integers,
) -> bool:
    """Let `count` photons of a unit Stokes vector go to the detectors.

    first: number of the first of them among those of pulse `k`. Returns False when a
    row is full.
    """
    for j in range(first, first + count):
        a, b, c, chance = _draw(k, _FIRST_PHOTON + j, keys)
        pick = unit(a)
        for d in range(wires.shape[0]):
            seen = analysers[d, 0] + analysers[d, 1] * state[1]
            seen += analysers[d, 2] * state[2] + analysers[d, 3] * state[3]
            seen *= 0.5 * line
            if pick >= seen:
                pick -= seen
                continue
            wire = wires[d]
            t = opening_ps + wire.arrival_ps
            if not run_darks(wire, d, t, tick, tick_ps, keys, out[d]):
                return False
            if sees(wire, t, unit(chance)):
                e, f, _, _ = _draw(k, _TAILS + j, keys)
                if not photon_click(wire, out[d], t, gauss(b, c), e, f):
                    return False
            break
    return True


@kernel
def _pulse(
    k: int,
    row: Floats,
    before: Floats,
    attack: Attack,
    tick: int,
    period_ps: int,
    analysers: Floats,
    keys: Keys,
    wires: Wires,
    out: Integers,
) -> bool:
    """Do to pulse `k` what Eve does; False when a row of tags is full."""
    tick_ps = period_ps * PULSES_PER_TICK
    t0, t1, t2, t3 = _state(row, before)
    a, b, c, e = _draw(k, 1, keys)
    n = _photon_number(_mean(k, t0, attack.noise, keys), a)
    is_attacked = unit(b) < attack.fraction
    at_ps = k * period_ps
    line = attack.line_attacked if is_attacked else attack.line
    first = 0
    if is_attacked:
        choice = _choice(attack, unit(c))
        if attack.action == SEED:
            x = 1.0 - 2.0 * (choice & 1)
            bright = (1.0, 0.0, x, 0.0) if choice < 2 else (1.0, 0.0, 0.0, x)
            first = attack.photons
            ahead_ps = at_ps - attack.shift_ps
            if not _send(
                k, first, 0, 1.0, bright, ahead_ps,
                tick, tick_ps, analysers, keys, wires, out,
            ):  # fmt: skip
                return False
        elif attack.action == SHIFT:
            at_ps += attack.shift_ps if choice == 1 else -attack.shift_ps
        elif attack.action == SPLIT and n > 0:
            if n == 1:
                n = 0 if unit(c) < attack.block_singles else 1
            else:
                n -= 1
        elif attack.action == MEASURE and n > 0:
            along = t2 if choice == 1 else t3
            found = t0 if 2.0 * unit(e) * t0 < t0 + along else -t0
            t1, t2, t3 = (
                0.0,
                found if choice == 1 else 0.0,
                0.0 if choice == 1 else found,
            )
            n = attack.photons if attack.photons > 0 else n
    if n == 0:
        return True
    state = (1.0, t1 / t0, t2 / t0, t3 / t0)
    return _send(
        k, n, first, line, state, at_ps,
        tick, tick_ps, analysers, keys, wires, out,
    )  # fmt: skip


@kernel
def run_attacked_ticks(
    tick_begin: int,
    tick_end: int,
    stokes: Floats,
    shift: int,
    before: Floats,
    analysers: Floats,
    attack: Attack,
    period_ps: int,
    keys: Keys,
    reserve: int,
    wires: Wires,
    out: Integers,
) -> int:
    """Run whole ticks under attack; arguments and result as of `run_ticks`.

    stokes: float64[n, 4] in photons; analysers: from Eve to the detectors
    """
    n_det = wires.shape[0]
    tick_ps = period_ps * PULSES_PER_TICK
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            if wires[d].n_tags + reserve > out.shape[1]:
                return tick
        for d in range(n_det):
            begin_darks(wires[d], d, tick, tick_ps, keys)
        first = tick * PULSES_PER_TICK
        row = (first + shift) % stokes.shape[0]
        fits = True
        for k in range(first, first + PULSES_PER_TICK):
            fits = fits and _pulse(
                k, stokes[row], before, attack, tick,
                period_ps, analysers, keys, wires, out,
            )  # fmt: skip
            row += 1
            if row == stokes.shape[0]:
                row = 0
        for d in range(n_det):
            wire = wires[d]
            until = (tick + 1) * tick_ps + wire.arrival_ps
            fits = fits and run_darks(wire, d, until, tick, tick_ps, keys, out[d])
        if not fits:
            return -1
    return tick_end
