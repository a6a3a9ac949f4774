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
    double_butterflies,
    double_butterflies_back,
    small_transforms,
    small_transforms_back,
    transpose_square,
)
from qkdlab.distill.carryless._intrinsics import copy, xor_into
from qkdlab.distill.carryless.lanes import Lanes
from qkdlab.jit import kernel

__all__ = ["accumulate", "backward", "convert", "forward", "merge", "split"]

Words = NDArray[np.uint64]

BOTTOM = 8
"""log2 of the coefficients that are converted with blocks side by side in vectors."""
MIDDLE = 16
"""log2 of the coefficients that stay in the cache."""
NEAR = 11
"""log2 of the words that are transformed in the nearest cache."""
ROOM = 1 << 12
"""Words that are converted together, in the nearest cache."""


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
def _convert_side_by_side(
    lanes: Lanes,
    room: Words,
    width: int,
    k: int,
    steps: NDArray[np.int64],
    back: bool,
) -> None:
    """Convert `width` polynomials of 2^k coefficients, each a row of the others' too.

    width: whole vectors
    steps: int64[n, 3], log2 of block, m, log2 of how far its coefficients are apart
    """
    for j in range(steps.shape[0]):
        size, m, apart = steps[steps.shape[0] - 1 - j if back else j]
        row = width << apart
        for level in range(size - m):
            i = level if back else size - m - 1 - level
            t, half = row << i, row << (m + i)
            for block in range(0, width << k, 2 * half):
                for phase in range(2):
                    if (phase == 0) == back:
                        to, source, n = block + t, block + half, half - t
                    else:
                        to, source, n = block + half, block + 2 * half - t, t
                    xor_into(lanes, room, to, room, source, n)


@kernel
def _convert_columns(
    lanes: Lanes,
    a: Words,
    at: int,
    stride: int,
    k: int,
    steps: NDArray[np.int64],
    room: Words,
    back: bool,
) -> None:
    """Convert the columns of 2^k rows of `stride` words from a[at] on.

    Some columns at a time are brought together, where they stay in the nearest cache:
    rows that are a power of two apart would drive each other out of it.
    """
    width = min(max(len(room) >> k, len(lanes)), stride)
    for first in range(at, at + stride, width):
        for row in range(1 << k):
            source = first + row * stride
            copy(lanes, room, row * width, a, source, width)
        _convert_side_by_side(lanes, room, width, k, steps, back)
        for row in range(1 << k):
            copy(lanes, a, first + row * stride, room, row * width, width)


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
        _convert_side_by_side(lanes, room, width, BOTTOM, steps, back)
        for column in range(0, size, width):
            transpose_square(
                lanes, a, first + column, size, room, column * width, width
            )


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
    room = np.empty(max(ROOM, len(lanes) << max(BOTTOM, k - MIDDLE)), np.uint64)
    middle = min(k, MIDDLE)
    # loops rather than calls one by one: each is compiled wherever it stands
    for stage in range(2):
        whole = (stage == 0) != back
        if whole and k <= MIDDLE:
            continue
        size, m, steps = (k, MIDDLE, top) if whole else (middle, BOTTOM, upper)
        for at in range(0, 1 << k, 1 << size):
            for i in range(3):
                step = 2 - i if back else i
                if step == 0:
                    _substitute(lanes, a, at, size, m, back)
                elif step == 1:
                    _convert_columns(lanes, a, at, 1 << m, size - m, steps, room, back)
                elif not whole:
                    _convert_bottom(lanes, a, at, 1 << size, lower, room, back)
    room[:] = 0


@kernel
def _levels(
    lanes: Lanes,
    a: Words,
    at: int,
    high: int,
    low: int,
    number: int,
    table: Words,
    back: bool,
) -> None:
    """Transform block `number` of 2^high words by its levels above `low`, or undo it.

    Two levels at a time, so that each word is fetched half as often.
    """
    n_steps = (high - low + 1) // 2
    for step in range(n_steps):
        # of an odd number of levels the lowest stands alone
        level = high - 2 * (n_steps - 1 - step if back else step)
        n_blocks, size = 1 << (high - level), 1 << level
        for block in range(n_blocks):
            begin, factor = at + size * block, number * n_blocks + block
            if level - low == 1:
                if back:
                    butterflies_back(lanes, a, begin, size >> 1, table[factor])
                else:
                    butterflies(lanes, a, begin, size >> 1, table[factor])
                continue
            top, left, right = table[factor], table[2 * factor], table[2 * factor + 1]
            if back:
                double_butterflies_back(lanes, a, begin, size >> 2, top, left, right)
            else:
                double_butterflies(lanes, a, begin, size >> 2, top, left, right)


@kernel
def _lowest(lanes: Lanes) -> int:
    """Return log2 of the words of a vector: the levels that squares are for."""
    level = 0
    while 1 << level < len(lanes):
        level += 1
    return level


@kernel
def forward(
    lanes: Lanes, a: Words, k: int, table: Words, bases: Words, within: Words
) -> None:
    """Replace converted coefficients by the polynomial's values.

    table, bases, within: see `constants.Constants`
    """
    low, near, far = _lowest(lanes), min(k, NEAR), min(k, MIDDLE)
    squares = 1 << (near - 2 * low)
    _levels(lanes, a, 0, k, far, 0, table, False)
    for part in range(1 << (k - far)):
        _levels(lanes, a, part << far, far, near, part, table, False)
        for block in range(part << (far - near), (part + 1) << (far - near)):
            _levels(lanes, a, block << near, near, low, block, table, False)
            for base in range(block * squares, (block + 1) * squares):
                small_transforms(lanes, a, base << (2 * low), bases, base, within)


@kernel
def backward(
    lanes: Lanes, a: Words, k: int, table: Words, bases: Words, within: Words
) -> None:
    """Undo `forward`."""
    low, near, far = _lowest(lanes), min(k, NEAR), min(k, MIDDLE)
    squares = 1 << (near - 2 * low)
    for part in range(1 << (k - far)):
        for block in range(part << (far - near), (part + 1) << (far - near)):
            for base in range(block * squares, (block + 1) * squares):
                small_transforms_back(lanes, a, base << (2 * low), bases, base, within)
            _levels(lanes, a, block << near, near, low, block, table, True)
        _levels(lanes, a, part << far, far, near, part, table, True)
    _levels(lanes, a, 0, k, far, 0, table, True)


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
