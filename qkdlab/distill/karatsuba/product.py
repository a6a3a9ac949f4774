"""Toeplitz product over GF(2) by Karatsuba's splitting, in tiles that fit the cache.

A square Toeplitz product splits into three of half the size (transposed Karatsuba);
at the bottom stand products of words without carries (distillation.md section 2a).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless.lanes import width_to_use
from qkdlab.distill.shifted import shifted

__all__ = ["Tiles", "product_by_karatsuba", "tiles_for"]

BASES = (32, 40, 48, 56, 64)
"""Sizes in words at which the splitting may end; multiples of every vector's width."""

XOR_SHARE = 24.0
"""What a level of splitting costs beside its products, in products of words, per word
of its size [measured: 24 on Zen 3 with 256-bit vectors]."""


class Tiles(NamedTuple):
    """Tiles of `size` = `base` 2^n words that cover a product of rows x columns."""

    rows: int
    columns: int
    size: int
    base: int


def tiles_for(row_words: int, column_words: int) -> Tiles:
    """Return the cheapest tiles that cover so many words of output and of input."""
    found: list[tuple[float, Tiles]] = []
    for base in BASES:
        size, cost = base, float(base * base)
        while True:
            rows, columns = -(-row_words // size), -(-column_words // size)
            found.append((rows * columns * cost, Tiles(rows, columns, size, base)))
            if rows == columns == 1:
                break
            size, cost = 2 * size, 3.0 * cost + XOR_SHARE * size
    return min(found)[1]


def product_by_karatsuba(
    seed: BitArray, tail: BitArray, *, lanes: int | None = None
) -> BitArray:
    """Return XOR_j seed[i + k - 1 - j] tail[j] for all i that the seed allows.

    lanes: words in a vector, for tests; the most that this CPU has when not given

    Raises ValueError for a width that this CPU lacks.
    """
    from qkdlab.distill.karatsuba._kernels import toeplitz_tiles

    width = width_to_use(lanes)
    k = len(tail)
    m = len(seed) - k + 1
    tiles = tiles_for(-(-m // 64), -(-k // 64))
    n_columns, n_rows = tiles.columns * tiles.size, tiles.rows * tiles.size
    # so that output 0, coefficient k - 1 of the product, begins a word
    t = shifted(
        seed.words, 64 * n_columns - (k - 1), n_columns + tiles.rows * tiles.size
    )
    x = np.zeros(n_columns, np.uint64)
    x[: tail.words.size] = tail.words
    out = np.zeros(n_rows, np.uint64)
    toeplitz_tiles((0,) * width, t, x, out, tiles.size, tiles.base, 0, tiles.rows)
    product = BitArray.from_words(out, m)
    for secret in (x, out):
        secret.fill(0)
    return product
