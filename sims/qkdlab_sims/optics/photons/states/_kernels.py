"""Compiled kernels that look up the states of pulses: context, noise, Eve.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.philox._kernels import numbers, philox, unit
from qkdlab_sims.optics.settings._kernels import Law, fill_contexts

__all__ = ["NOISE_LEVELS", "look_up_states", "noise_factor", "noise_of", "share_noise"]

State: TypeAlias = tuple[float, float, float, float]
Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Pulses: TypeAlias = NDArray[np.int32] | NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint32]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_N_LEVELS = 1024
_TO_LEVEL = np.uint64(22)  # bits of a 32-bit word that do not choose the level


def _noise_levels() -> NDArray[np.float64]:
    """Return means of equally likely slices of a normal law, scaled to variance 1."""
    normal = NormalDist()
    edges = [normal.inv_cdf(i / _N_LEVELS) for i in range(1, _N_LEVELS)]
    heights = np.array([0.0, *(normal.pdf(x) for x in edges), 0.0])
    levels = -np.diff(heights)
    scaled: NDArray[np.float64] = levels / np.sqrt(np.mean(levels**2))
    return scaled


NOISE_LEVELS = _noise_levels()
"""Standard normal law in 1024 equally likely steps, the last at 3.4.

Without an end to it light would have no bound, and one at 6.8 would cost many
candidates. Beyond the variance no moment that a photon counter could notice differs.
"""


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


@inlined
def noise_factor(k: int, noise: float, keys: Keys) -> float:
    """Return the intensity of pulse `k` relative to its mean, `noise` the rms."""
    label = np.uint64(k)
    zero = np.uint64(0)
    a, _, _, _ = philox(
        label & _LOW, label >> _HALF, zero, zero, keys[1, 0], keys[1, 1]
    )
    return noise_of(a, noise)


@inlined
def noise_of(word: np.uint64, noise: float) -> float:
    """Return the relative intensity that a word of 32 bits draws."""
    return float(max(0.0, 1.0 + noise * NOISE_LEVELS[word >> _TO_LEVEL]))


@kernel
def share_noise(pulse: Indices, level: Words, noise: float, out: Floats) -> None:
    """Write the relative intensities of candidates: their pulses' first decides.

    pulse: sorted; level: of each candidate in `NOISE_LEVELS`
    """
    factor = 0.0
    for i in range(pulse.shape[0]):
        if i == 0 or pulse[i] != pulse[i - 1]:
            factor = max(0.0, 1.0 + noise * NOISE_LEVELS[np.uint64(level[i])])
        out[i] = factor


@kernel
def _fill_fresh_states(
    first: int, pulse: Pulses, stokes: Floats, law: Law, out: Floats
) -> None:
    """Write half the Stokes vectors of pulses whose contexts follow a law."""
    n = pulse.shape[0]
    context = np.empty(n, np.int32)
    within = np.empty(n, np.int32)
    for i in range(n):
        within[i] = pulse[i]
    fill_contexts(first, within, law, context)
    for i in range(n):
        for j in range(4):
            out[i, j] = 0.5 * stokes[context[i], j]


@kernel
def _fill_cyclic_states(
    first: int, pulse: Pulses, stokes: Floats, shift: int, out: Floats
) -> None:
    """Write half the Stokes vectors of pulses of a pattern, k at (k + shift) mod n."""
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


@kernel
def look_up_states(
    first: int,
    pulse: Pulses,
    stokes: Floats,
    shift: int,
    law: Law,
    is_fresh: bool,
    before: Floats,
    eve: float,
    keys: Keys,
    out: Floats,
) -> None:
    """Write half the Stokes vectors of pulses first + pulse[i] to `out`.

    They hold at the input of the analysers: after Eve, or as in the table without
    her. Intensity noise is left to the caller.
    """
    if is_fresh:
        _fill_fresh_states(first, pulse, stokes, law, out)
    else:
        _fill_cyclic_states(first, pulse, stokes, shift, out)
    if eve > 0.0:
        for i in range(pulse.shape[0]):
            state = (out[i, 0], out[i, 1], out[i, 2], out[i, 3])
            state = _attack(first + pulse[i], state, before, eve, keys)
            for j in range(4):
                out[i, j] = state[j]
