"""Compiled kernels of the additive FFT over GF(2^64).

A polynomial has 2^k coefficients. First it is written in the basis of products of the
iterates of s(x) = x^2 + x (Lin, Al-Naffouri, Han and Chung, arXiv:1404.3458 [mem]), by
substituting y = s^m(x) = x^(2^m) + x for m a power of two, again and again: only sums.
Then k levels of butterflies give its values on the span of a Cantor basis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.additive_fft._intrinsics import (
    add_products,
    butterflies,
    butterflies_back,
    small_transforms,
    small_transforms_back,
    transpose_square,
)
from qkdlab.distill.carryless._intrinsics import xor_into
from qkdlab.distill.carryless.lanes import Lanes
from qkdlab.jit import kernel

__all__ = ["accumulate", "backward", "convert", "forward", "merge", "split"]

Words = NDArray[np.uint64]

BOTTOM = 8
"""log2 of the coefficients that are converted with blocks side by side in vectors."""
MIDDLE = 16
"""log2 of the coefficients that stay in the cache."""
STRIP = 64
"""Words of a row that are converted together, so that all rows stay in the cache."""


@kernel
def _add_run(lanes: Lanes, a: Words, to: int, source: int, n: int) -> None:
    """Add a[source : source + n] to a[to : to + n], which lies before it."""
    whole = n // len(lanes) * len(lanes)
    xor_into(lanes, a, to, a, source, whole)
    for i in range(whole, n):
        a[to + i] ^= a[source + i]


@kernel
def _substitute(lanes: Lanes, a: Words, at: int, k: int, m: int, back: bool) -> None:
    """Substitute y = x^(2^m) + x in 2^k coefficients from a[at] on, or undo it."""
    for level in range(k - m):
        i = level if back else k - m - 1 - level
        t, half = 1 << i, 1 << (m + i)
        for block in range(at, at + (1 << k), 2 * half):
            for phase in range(2):
                # the top of the high half within itself, then the low half, or back
                if (phase == 0) == back:
                    _add_run(lanes, a, block + t, block + half, half - t)
                else:
                    _add_run(lanes, a, block + half, block + 2 * half - t, t)


@kernel
def _substitute_rows(
    lanes: Lanes,
    a: Words,
    at: int,
    stride: int,
    width: int,
    k: int,
    m: int,
    back: bool,
) -> None:
    """Do as `_substitute` with rows of `width` words, `stride` apart, as coefficients.

    All blocks of 2^k of the rows from `at` on lie in the call's one block.
    """
    for level in range(k - m):
        i = level if back else k - m - 1 - level
        t, half = 1 << i, 1 << (m + i)
        for block in range(0, 1 << k, 2 * half):
            for phase in range(2):
                if (phase == 0) == back:
                    begin, end = block + t, block + half
                else:
                    begin, end = block + half, block + half + t
                for row in range(begin, end):
                    source = at + (row + half - t) * stride
                    xor_into(lanes, a, at + row * stride, a, source, width)


@kernel
def _convert_rows(
    lanes: Lanes,
    a: Words,
    at: int,
    stride: int,
    width: int,
    k: int,
    steps: NDArray[np.int64],
    back: bool,
) -> None:
    """Convert 2^k rows. steps: int64[n, 3], log2 of block, m, log2 of its stride."""
    for j in range(steps.shape[0]):
        size, m, apart = steps[steps.shape[0] - 1 - j if back else j]
        for group in range(1 << (k - size - apart)):
            for row in range(1 << apart):
                first = at + ((group << (size + apart)) + row) * stride
                _substitute_rows(lanes, a, first, stride << apart, width, size, m, back)


@kernel
def _convert_bottom(
    lanes: Lanes,
    a: Words,
    at: int,
    n: int,
    steps: NDArray[np.int64],
    room: Words,
    back: bool,
) -> None:
    """Convert blocks of 2^BOTTOM coefficients, one in each word of a vector."""
    width, size = len(lanes), 1 << BOTTOM
    for first in range(at, at + n, width * size):
        for column in range(0, size, width):
            transpose_square(
                lanes, room, column * width, width, a, first + column, size
            )
        _convert_rows(lanes, room, 0, width, width, BOTTOM, steps, back)
        for column in range(0, size, width):
            transpose_square(
                lanes, a, first + column, size, room, column * width, width
            )


@kernel
def _convert_middle(
    lanes: Lanes,
    a: Words,
    at: int,
    k: int,
    upper: NDArray[np.int64],
    lower: NDArray[np.int64],
    room: Words,
    back: bool,
) -> None:
    """Convert 2^k coefficients, BOTTOM < k <= MIDDLE. upper: steps of the rows."""
    rows = k - BOTTOM
    stride = 1 << BOTTOM
    if back:
        _convert_bottom(lanes, a, at, 1 << k, lower, room, back)
    else:
        _substitute(lanes, a, at, k, BOTTOM, back)
    for strip in range(0, stride, STRIP):
        _convert_rows(lanes, a, at + strip, stride, STRIP, rows, upper, back)
    if back:
        _substitute(lanes, a, at, k, BOTTOM, back)
    else:
        _convert_bottom(lanes, a, at, 1 << k, lower, room, back)


@kernel
def convert(
    lanes: Lanes,
    a: Words,
    k: int,
    top: NDArray[np.int64],
    upper: NDArray[np.int64],
    lower: NDArray[np.int64],
    back: bool,
) -> None:
    """Write 2^k coefficients in the basis of the transform, or back; k > BOTTOM.

    top, upper, lower: see `constants.Constants`
    """
    room = np.empty(len(lanes) << BOTTOM, np.uint64)
    middle = min(k, MIDDLE)
    stride = 1 << MIDDLE
    if k > MIDDLE and not back:
        _substitute(lanes, a, 0, k, MIDDLE, back)
        for strip in range(0, stride, STRIP):
            _convert_rows(lanes, a, strip, stride, STRIP, k - MIDDLE, top, back)
    for at in range(0, 1 << k, 1 << middle):
        _convert_middle(lanes, a, at, middle, upper, lower, room, back)
    if k > MIDDLE and back:
        for strip in range(0, stride, STRIP):
            _convert_rows(lanes, a, strip, stride, STRIP, k - MIDDLE, top, back)
        _substitute(lanes, a, 0, k, MIDDLE, back)
    room[:] = 0


@kernel
def forward(
    lanes: Lanes, a: Words, k: int, table: Words, bases: Words, within: Words
) -> None:
    """Replace converted coefficients by the polynomial's values.

    table, bases, within: see `constants.Constants`
    """
    width = len(lanes)
    middle = min(k, MIDDLE - 1)
    for level in range(k, middle, -1):
        half = 1 << (level - 1)
        for block in range(1 << (k - level)):
            butterflies(lanes, a, 2 * half * block, half, table[block])
    for part in range(1 << (k - middle)):
        at = part << middle
        half = 1 << (middle - 1)
        n_blocks = 1
        while half >= width:
            for block in range(n_blocks):
                butterflies(
                    lanes,
                    a,
                    at + 2 * half * block,
                    half,
                    table[part * n_blocks + block],
                )
            half >>= 1
            n_blocks <<= 1
        square = width * width
        for base in range(at // square, (at + (1 << middle)) // square):
            small_transforms(lanes, a, base * square, bases, base, within)


@kernel
def backward(
    lanes: Lanes, a: Words, k: int, table: Words, bases: Words, within: Words
) -> None:
    """Undo `forward`."""
    width = len(lanes)
    middle = min(k, MIDDLE - 1)
    for part in range(1 << (k - middle)):
        at = part << middle
        square = width * width
        for base in range(at // square, (at + (1 << middle)) // square):
            small_transforms_back(lanes, a, base * square, bases, base, within)
        half = width
        while half < 1 << middle:
            n_blocks = (1 << middle) // (2 * half)
            for block in range(n_blocks):
                butterflies_back(
                    lanes,
                    a,
                    at + 2 * half * block,
                    half,
                    table[part * n_blocks + block],
                )
            half <<= 1
    for level in range(middle + 1, k + 1):
        half = 1 << (level - 1)
        for block in range(1 << (k - level)):
            butterflies_back(lanes, a, 2 * half * block, half, table[block])


@kernel
def accumulate(lanes: Lanes, out: Words, a: Words, b: Words) -> None:
    """Add the products of values to `out`."""
    add_products(lanes, out, a, b)


@kernel
def split(words: Words, out: Words) -> None:
    """Write 32 bits of a string to each coefficient; the rest is zero."""
    low = np.uint64(0xFFFFFFFF)
    for i in range(words.size):
        out[2 * i] = words[i] & low
        out[2 * i + 1] = words[i] >> np.uint64(32)
    out[2 * words.size :] = 0


@kernel
def merge(a: Words, first: int, out: Words) -> None:
    """Read the string back: coefficients of 63 bits, 32 bits apart, from `first` on."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for i in range(out.size):
        j = first + 2 * i
        here = (a[j] ^ (a[j - 1] >> half)) & low
        above = (a[j + 1] ^ (a[j] >> half)) & low
        out[i] = here | (above << half)
