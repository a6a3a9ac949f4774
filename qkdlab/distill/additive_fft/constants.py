"""What the transform of a length needs, made once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.additive_fft.field import twiddles

__all__ = ["SMALLEST", "Constants", "constants_for", "room_for"]

SMALLEST = 12
"""log2 of the shortest transform."""

_BOTTOM, _MIDDLE = 8, 16  # as in the kernels


class Constants(NamedTuple):
    """Arguments of the kernels behind `a` and `k`.

    top, upper, lower: int64[n, 3], steps of the conversion: log2 of the block, m, and
                       log2 of how far its coefficients are apart
    table:  uint64, constants of the butterflies of vectors by block
    bases:  uint64[log2 width, squares], of the last levels
    within: uint64[width - 1, width]
    """

    top: NDArray[np.int64]
    upper: NDArray[np.int64]
    lower: NDArray[np.int64]
    table: NDArray[np.uint64]
    bases: NDArray[np.uint64]
    within: NDArray[np.uint64]


def room_for(k: int) -> int:
    """Return how many coefficients of input and output a transform of 2^k holds.

    For k even or odd the product is known modulo the polynomial that vanishes on all
    2^k points: x^(2^k) + x^(2^(k - l)) + ..., l the lowest set bit of k. What wraps
    around does not reach the wanted coefficients while input and output together have
    no more than 2^k - 2^(k - l).
    """
    return (1 << k) - (1 << (k - (k & -k)))


def _steps(k: int, apart: int = 0) -> list[tuple[int, int, int]]:
    """Return the substitutions that convert 2^k coefficients, first to last."""
    if k <= 1:
        return []
    m = 1
    while 2 * m < k:
        m *= 2
    return [(k, m, apart), *_steps(k - m, apart + m), *_steps(m, apart)]


def _array(steps: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    return np.array(steps, np.int64).reshape(-1, 3)


@lru_cache(maxsize=4)
def constants_for(k: int, width: int) -> Constants:
    """Return the constants of transforms of 2^k words in vectors of `width`."""
    squares = (1 << k) // (width * width)
    n_levels = width.bit_length() - 1
    bases = np.array([twiddles(squares, width << i) for i in range(n_levels)])
    within = []
    for level in range(n_levels):
        n_blocks = 1 << level
        table = twiddles(n_blocks * width)
        within += [table[block::n_blocks] for block in range(n_blocks)]
    return Constants(
        _array(_steps(max(k - _MIDDLE, 0))),
        _array(_steps(min(k, _MIDDLE) - _BOTTOM)),
        _array(_steps(_BOTTOM)),
        twiddles((1 << k) // (2 * width)),
        bases,
        np.ascontiguousarray(within),
    )
