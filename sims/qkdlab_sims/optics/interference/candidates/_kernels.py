"""Compiled kernels that thin candidate photons of two lights by their settings.

What a pulse has in common to all its photons, its phase, jitter and noises, is drawn
with its first candidate: the word that is left of that one's Philox block, and a byte
of a block that sixteen candidates share. Thermal powers are keyed by the pulse.

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

__all__ = ["draw_powers", "find_common", "keep_likely", "share_marks"]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]
Words: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
# four steps of 1024: three in a word, then what is left of it above a byte
_TO_PHASE, _TO_JITTER, _TO_NOISE, _BYTE = (
    np.uint64(22), np.uint64(12), np.uint64(2), np.uint64(8)
)  # fmt: skip
_STEP = np.uint64(1023)
_BLOCK_BYTES = 16


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
def share_marks(
    tick: int, pulse: Indices, keys: Keys, words: Words, mark: Words, more: Bytes
) -> None:
    """Give all candidates of a pulse what its first has drawn.

    pulse: sorted; keys: of `draw_two_lights`; words: uint32[n], n at least a quarter
    of the candidates and 4 more, room to work in; mark: uniform, 32 bits; more: so far
    anything, then uniform
    """
    n = pulse.shape[0]
    label = np.uint64(tick)
    for i in range(n // _BLOCK_BYTES + 1):
        a, b, c, d = philox(
            np.uint64(i), _ZERO, label & _LOW, label >> _HALF, keys[1, 0], keys[1, 1]
        )
        words[4 * i], words[4 * i + 1] = a, b
        words[4 * i + 2], words[4 * i + 3] = c, d
    drawn = words.view(np.uint8)
    for i in range(n):
        more[i] = drawn[i]
    for i in range(1, n):
        if pulse[i] == pulse[i - 1]:
            mark[i], more[i] = mark[i - 1], more[i - 1]


@kernel
def find_common(
    mark: Words,
    more: Bytes,
    kept: Indices,
    phases: Floats,
    alike: Floats,
    scale: Floats,
    out: Floats,
) -> None:
    """Write what the pulses of kept candidates have in common to all their photons.

    mark, more: of `share_marks`; alike: float64[1024], overlap by step of the jitter,
    twice; scale: float64[2, 1024], amplitude by step of the noise; out: float64[4 n],
    by candidate the power of a and of b, then cosine and sine of the phase times the
    overlap and both amplitudes
    """
    at = _ZERO
    for j in range(kept.shape[0]):
        which = np.uint64(kept[j])
        word, byte = np.uint64(mark[which]), np.uint64(more[which])
        a = scale[0, word >> _TO_NOISE & _STEP]
        b = scale[1, (word & _THREE) << _BYTE | byte]
        contrast = alike[word >> _TO_JITTER & _STEP] * a * b
        phase = phases[word >> _TO_PHASE]
        out[at], out[at + _ONE] = a * a, b * b
        out[at + _TWO], out[at + _THREE] = contrast * phase[0], contrast * phase[1]
        at += np.uint64(4)


@kernel
def draw_powers(
    first: int,
    pulse: Indices,
    kept: Indices,
    keys: Keys,
    thermal: tuple[bool, bool],
    out: Floats,
) -> None:
    """Let thermal lights have their powers in the `out` of `find_common`."""
    for j in range(kept.shape[0]):
        k = np.uint64(first + pulse[kept[j]])
        one, two, _, _ = philox(
            k & _LOW, k >> _HALF, _ZERO, _ZERO, keys[2, 0], keys[2, 1]
        )
        a = -log_unit(one) if thermal[0] else 1.0
        b = -log_unit(two) if thermal[1] else 1.0
        both = math.sqrt(a * b)
        out[4 * j] *= a
        out[4 * j + 1] *= b
        out[4 * j + 2] *= both
        out[4 * j + 3] *= both
