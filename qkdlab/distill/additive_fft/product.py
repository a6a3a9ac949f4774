"""Toeplitz product over GF(2) by additive FFT, for blocks of millions of bits and more.

Strings are cut into coefficients of 32 bits, so that products of two have 63 bits and
the field's 64 hold them without reduction. Exact by construction (distillation.md
section 2a; Chen et al., arXiv:1708.09746 [abs]).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.distill.additive_fft.constants import SMALLEST, room_for
from qkdlab.distill.additive_fft.transform import evaluate, interpolate
from qkdlab.distill.carryless.lanes import width_to_use
from qkdlab.distill.shifted import shifted

__all__ = ["Pieces", "pieces_for", "product_by_additive_fft"]

_BITS = 32
_MOST_PIECES = 8
_LARGEST = 28


class Pieces(NamedTuple):
    """How a product is cut: pieces of output and of input, and transforms of 2^k.

    rows, columns: coefficients of a piece of output, of input; both even
    """

    n_rows: int
    n_columns: int
    rows: int
    columns: int
    k: int

    @property
    def n_stretches(self) -> int:
        """Return how many different stretches of the seed the pieces meet."""
        if self.rows == self.columns:
            return self.n_rows + self.n_columns - 1
        return self.n_rows * self.n_columns

    @property
    def cost(self) -> float:
        """Return the work, in coefficients times levels."""
        n = self.n_rows + self.n_columns + self.n_stretches
        return n * (1 << self.k) * (self.k + 4.0)


def pieces_for(row_bits: int, column_bits: int) -> Pieces:
    """Return the cheapest cut of a product of so many output and input bits.

    Raises ValueError when the product is longer than any transform.
    """
    found = []
    for n_rows in range(1, _MOST_PIECES + 1):
        for n_columns in range(1, _MOST_PIECES + 1):
            rows = _even(-(-row_bits // (n_rows * _BITS)))
            columns = _even(-(-column_bits // (n_columns * _BITS)))
            if n_rows > 1 and n_columns > 1:
                rows = columns = max(rows, columns)
            for k in range(SMALLEST, _LARGEST + 1):
                if rows + columns <= room_for(k):
                    found.append(Pieces(n_rows, n_columns, rows, columns, k))
                    break
    if not found:
        raise ValueError(f"no transform holds {row_bits + column_bits} bits")
    return min(found, key=lambda one: one.cost)


def _even(n: int) -> int:
    return n + n % 2


def product_by_additive_fft(
    seed: BitArray, tail: BitArray, *, lanes: int | None = None
) -> BitArray:
    """Return XOR_j seed[i + k - 1 - j] tail[j] for all i that the seed allows.

    lanes: words in a vector, for tests; the most that this CPU has when not given.
    Memory is 8 bytes per coefficient of 32 bits for each transform kept.

    Raises ValueError for a width that this CPU lacks.
    """
    from qkdlab.distill.additive_fft import _kernels as kernels

    width = width_to_use(lanes)
    n_tail = len(tail)
    m = len(seed) - n_tail + 1
    cut = pieces_for(m, n_tail)
    vectors = (0,) * width
    n_coefficients = 1 << cut.k
    columns, rows = cut.n_columns * cut.columns // 2, cut.n_rows * cut.rows // 2
    # so that output 0, coefficient n_tail - 1 of the product, begins a word
    t = shifted(seed.words, 64 * columns - (n_tail - 1), columns + rows)
    x = np.zeros(columns, np.uint64)
    x[: tail.words.size] = tail.words

    def values(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        out = np.empty(n_coefficients, np.uint64)
        kernels.split(words, out)
        evaluate(out, width)
        return out

    step = cut.columns // 2
    inputs = [values(x[c * step : (c + 1) * step]) for c in range(cut.n_columns)]
    sums = np.zeros((cut.n_rows, n_coefficients), np.uint64)
    for first, pairs in _stretches(cut).items():
        stretch = values(t[first : first + (cut.rows + cut.columns) // 2])
        for row, column in pairs:
            kernels.accumulate(vectors, sums[row], inputs[column], stretch)
    out = np.empty(rows, np.uint64)
    step = cut.rows // 2
    for row in range(cut.n_rows):
        interpolate(sums[row], width)
        kernels.merge(sums[row], cut.columns, out[row * step : (row + 1) * step])
    product = BitArray.from_words(out, m)
    for secret in (x, out, sums, *inputs):
        secret.fill(0)
    return product


def _stretches(cut: Pieces) -> dict[int, list[tuple[int, int]]]:
    """Return by first word of a stretch of the seed the pieces (row, column)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for row in range(cut.n_rows):
        for column in range(cut.n_columns):
            ahead = (cut.n_columns - 1 - column) * cut.columns
            first = (row * cut.rows + ahead) // 2
            found.setdefault(first, []).append((row, column))
    return found
