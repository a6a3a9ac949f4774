"""Toeplitz product over GF(2) by float64 FFT: for CPUs without carry-less products.

The sums are convolutions of zeros and ones, exact because each is an integer: the
distance to the nearest integer is asserted below 0.1. float32 would not do: its error
reaches 0.5 at 1e7 bits (distillation.md section 1, [measured]).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray

__all__ = ["product_by_float_fft"]

_PIECE_BITS = 1 << 18
_PIECES = 48
_TILE_BITS = 1 << 24
_MAX_ROUNDING = 0.1


def product_by_float_fft(
    seed: BitArray,
    tail: BitArray,
    *,
    piece_bits: int | None = None,
    tile_bits: int = _TILE_BITS,
) -> BitArray:
    """Return XOR_j seed[i + k - 1 - j] tail[j] for all i that the seed allows.

    piece_bits: length of the pieces of a convolution
    tile_bits:  of output and of input that are convolved at a time; memory is some 40
                bytes for each

    The result depends on neither. Raises FloatingPointError if the transform ever lost
    the precision that makes it exact.
    """
    k = len(tail)
    m = len(seed) - k + 1
    # pieces that fit the cache, unless there would be too many products of them
    tile = min(max(k, m), tile_bits)
    piece = piece_bits or max(_PIECE_BITS, 1 << (2 * tile // _PIECES).bit_length())
    rows = []
    for row in range(0, m, tile_bits):
        n_rows = min(tile_bits, m - row)
        total = BitArray.zeros(n_rows)
        for column in range(0, k, tile_bits):
            part = tail[column : column + tile_bits]
            first = row + k - column - len(part)
            stretch = seed[first : first + n_rows + len(part) - 1]
            product = _tile(stretch, part, piece)
            former, total = total, total ^ product
            for secret in (part, product, former):
                secret.wipe()
        rows.append(total)
    whole = BitArray.concatenate(rows)
    for total in rows:
        total.wipe()
    return whole


def _tile(seed: BitArray, tail: BitArray, piece: int) -> BitArray:
    bits = tail.to_bools()
    sums = _valid_convolution(seed.to_bools(), bits, piece)
    product = BitArray.from_bools(sums)
    for secret in (bits, sums):
        secret.fill(0)
    return product


def _valid_convolution(
    seed: NDArray[np.uint8], tail: NDArray[np.uint8], piece: int
) -> NDArray[np.uint8]:
    """Return sum_j seed[i + k - 1 - j] tail[j] modulo 2 for i = 0 .. m - 1.

    Outputs and tail are cut into pieces of one length. Output piece a and tail piece b
    meet the stretch of the seed that depends on a - b only, so each stretch is
    transformed once and the products are summed before the transform back.
    """
    from scipy import fft

    k = tail.size
    m = seed.size - k + 1
    piece = min(piece, max(m, k))
    length = fft.next_fast_len(2 * piece - 1, real=True)
    n_out, n_in = -(-m // piece), -(-k // piece)
    inputs = []
    for b in range(n_in):
        padded = np.zeros(length)
        part = tail[b * piece : (b + 1) * piece]
        padded[: part.size] = part
        inputs.append(fft.rfft(padded))
        padded.fill(0)
    sums = np.zeros((n_out, length // 2 + 1), dtype=np.complex128)
    for shift in range(-(n_in - 1), n_out):
        # seed indices that output piece a and tail piece b = a - shift touch
        first = shift * piece + k - piece
        stretch = np.zeros(length)
        begin, end = max(first, 0), min(first + 2 * piece - 1, seed.size)
        if begin >= end:
            continue
        stretch[begin - first : end - first] = seed[begin:end]
        transform = fft.rfft(stretch)
        for a in range(max(0, shift), min(n_out, n_in + shift)):
            sums[a] += transform * inputs[a - shift]
    out = np.empty(n_out * piece, dtype=np.uint8)
    for a in range(n_out):
        full = fft.irfft(sums[a], length)
        values = full[piece - 1 : 2 * piece - 1]
        rounded = np.rint(values)
        values -= rounded
        if float(max(values.max(), -values.min())) >= _MAX_ROUNDING:
            raise FloatingPointError("the Toeplitz convolution lost its precision")
        rounded %= 2
        out[a * piece : (a + 1) * piece] = rounded
        for secret in (full, rounded):
            secret.fill(0)
    for secret in (sums, *inputs):
        secret.fill(0)
    out[m:] = 0
    return out[:m]
