"""Compiled kernels that thin candidate photons of two lights by their settings.

Nothing of a pulse is drawn before the settings alone have had their say. What it then
has in common to all its photons comes from one Philox block, keyed by the pulse: two
words for its phase, the jitter and the noises, two for thermal powers.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox

__all__ = ["draw_pulses", "find_common", "keep_likely"]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]
Words: TypeAlias = NDArray[np.uint32]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_TO_HIGH, _TO_LOW = np.uint64(22), np.uint64(12)  # two steps of 1024 in a word
_STEP = np.uint64(1023)


@kernel
def keep_likely(
    context_a: Indices,
    context_b: Indices,
    most_a: Floats,
    most_b: Floats,
    picks: Floats,
    pair: Indices,
    likely: Indices,
    kept: Indices,
) -> int:
    """List the candidates that some phase and noise let pass; return their number.

    most_a, most_b: bounds by context, together above the mean at all detectors;
    pair: number of each candidate's pair of contexts, written; likely: room for as
    many as there are picks; kept: for one more
    """
    n_b = np.int32(most_b.shape[0])
    for i in range(picks.shape[0]):
        pair[i] = context_a[i] * n_b + context_b[i]
    for i in range(picks.shape[0]):
        most = most_a[np.uint64(context_a[i])] + most_b[np.uint64(context_b[i])]
        likely[i] = np.int32(picks[i] < most)
    n = _ZERO
    for i in range(picks.shape[0]):
        # all indices are listed, and one that is not wanted is overwritten
        kept[n] = i
        n += np.uint64(likely[i])
    return int(n)


@kernel
def draw_pulses(first: int, pulse: Indices, keys: Keys, words: Words) -> None:
    """Write the four words of pulses first + pulse[i].

    keys: of `draw_two_lights`; words: uint32[4, n]
    """
    k0, k1 = keys[1, 0], keys[1, 1]
    one, two, three, four = words[0], words[1], words[2], words[3]
    # no branches: the compiler makes vector code of it
    for i in range(pulse.shape[0]):
        k = np.uint64(first + pulse[i])
        a, b, c, d = philox(k & _LOW, k >> _HALF, _ZERO, _ZERO, k0, k1)
        one[i], two[i], three[i], four[i] = a, b, c, d


@kernel
def find_common(
    words: Words,
    phases: Floats,
    alike: Floats,
    scale: Floats,
    thermal: tuple[bool, bool],
    out: Floats,
) -> None:
    """Write what pulses have in common to all their photons.

    words: of `draw_pulses`; alike: float64[1024], overlap by step of the jitter,
    twice; scale: float64[2, 1024], amplitude by step of the noise; out: float64[4 n],
    by pulse the power of a and of b, then cosine and sine of the phase times the
    overlap and both amplitudes
    """
    one, two = words[0], words[1]
    at = _ZERO
    for j in range(out.shape[0] // 4):
        mark, other = np.uint64(one[j]), np.uint64(two[j])
        a, b = scale[0, other >> _TO_HIGH], scale[1, other >> _TO_LOW & _STEP]
        contrast = alike[mark >> _TO_LOW & _STEP] * a * b
        phase = phases[mark >> _TO_HIGH]
        out[at], out[at + _ONE] = a * a, b * b
        out[at + _TWO], out[at + _THREE] = contrast * phase[0], contrast * phase[1]
        at += np.uint64(4)
    if thermal[0] or thermal[1]:
        for j in range(out.shape[0] // 4):
            a = -log_unit(np.uint64(words[2, j])) if thermal[0] else 1.0
            b = -log_unit(np.uint64(words[3, j])) if thermal[1] else 1.0
            both = math.sqrt(a * b)
            out[4 * j] *= a
            out[4 * j + 1] *= b
            out[4 * j + 2] *= both
            out[4 * j + 3] *= both
