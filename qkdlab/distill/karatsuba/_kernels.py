"""Compiled kernels of the Toeplitz product of words by Karatsuba's splitting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.carryless._intrinsics import (
    copy,
    low_product,
    multiply_rows,
    xor_both,
    xor_into,
)
from qkdlab.distill.carryless.lanes import Lanes
from qkdlab.jit import kernel

__all__ = ["toeplitz_tiles"]

Words = NDArray[np.uint64]
Offsets = NDArray[np.int64]
FOUR, ONE = (0, 0, 0, 0), (0,)


@kernel
def _plain(
    lanes: Lanes, w: Words, t_at: int, x_at: int, out_at: int, size: int
) -> None:
    """Add a square product of `size` words, a multiple of 8, within `w`."""
    wide, first = 4 * len(lanes), t_at + size - 1
    row = 0
    while row < size:
        out_row = out_at + row
        if size - row >= wide:
            due = multiply_rows(lanes, FOUR, w, first + row, w, x_at, size, w, out_row)
            step = wide
        else:
            due = multiply_rows(lanes, ONE, w, first + row, w, x_at, size, w, out_row)
            step = len(lanes)
        if row > 0:
            w[out_row - 1] ^= due
        row += step
    w[out_at + size - 1] ^= low_product(w, first + size, w, x_at, size)


@kernel
def _square(lanes: Lanes, w: Words, size: int, base: int, tasks: Offsets) -> None:
    """Add the product of w[:2 size] and w[2 size : 3 size] to w[3 size : 4 size].

    Three products of half the size, down to `base` words: with halves T1 T0 over T2 T1
    of the matrix and x0, x1 of the vector, T1 (x0 + x1) goes to both halves of the
    output, (T0 + T1) x1 to the first and (T1 + T2) x0 to the second.

    w: 8 size words; each level works in 2 of its sizes behind those of the level above
    tasks: int64[level, 4], places of matrix, vector and output, and what is done
    """
    tasks[0, 0], tasks[0, 1], tasks[0, 2], tasks[0, 3] = 0, 2 * size, 3 * size, 0
    level = 0
    room = 4 * size
    while level >= 0:
        n = size >> level
        half = n >> 1
        t_at, x_at, out_at, done = tasks[level]
        if n <= base or done == 3:
            if n <= base:
                _plain(lanes, w, t_at, x_at, out_at, n)
            level -= 1
            room -= 4 * n  # 2 sizes of the level above
            continue
        common = room + half
        if done == 0:
            matrix, vector, next_out = t_at + half, room, common
            xor_both(lanes, w, vector, w, x_at, w, x_at + half, half)
            w[common : common + half] = 0
        else:
            if done == 1:
                xor_into(lanes, w, out_at, w, common, half)
                xor_into(lanes, w, out_at + half, w, common, half)
            shift = 0 if done == 1 else half
            matrix, vector, next_out = room, x_at + half - shift, out_at + shift
            xor_both(lanes, w, matrix, w, t_at + shift, w, t_at + shift + half, n)
        tasks[level, 3] = done + 1
        level += 1
        room += 2 * n
        tasks[level, 0], tasks[level, 1], tasks[level, 2] = matrix, vector, next_out
        tasks[level, 3] = 0


@kernel
def toeplitz_tiles(
    lanes: Lanes,
    t: Words,
    x: Words,
    out: Words,
    size: int,
    base: int,
    row_begin: int,
    row_end: int,
) -> None:
    """Add rows of tiles of a Toeplitz product to `out`.

    x: uint64[columns size]; out: uint64[rows size]; t: uint64[(rows + columns) size];
    word i of the whole is word i + columns size of the product of the polynomials t
    and x. size: base times a power of two.
    """
    columns = x.size // size
    w = np.empty(8 * size, np.uint64)
    tasks = np.empty((64, 4), np.int64)
    for row in range(row_begin, row_end):
        first = row * size
        copy(lanes, w, 3 * size, out, first, size)
        for column in range(columns):
            t_at = (row - column + columns - 1) * size
            copy(lanes, w, 0, t, t_at, 2 * size)
            copy(lanes, w, 2 * size, x, column * size, size)
            _square(lanes, w, size, base, tasks)
        copy(lanes, out, first, w, 3 * size, size)
    w[:] = 0
