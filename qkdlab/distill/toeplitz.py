"""Privacy amplification by the modified Toeplitz matrix (I | T).

With n input bits x, m output bits and k = n - m, output i is

    y[i] = x[i] xor  XOR_{j < k}  T[i, j] x[m + j],     T[i, j] = seed[i - j + k - 1],

so row 0 reads the seed from bit k - 1 down to bit 0, and the last row from bit n - 2
down to bit m - 1; the seed has n - 1 bits. The family is two-universal (Hayashi and
Tsurumaru, arXiv:1311.5322 [abs]). The sums are convolutions of zeros and ones by
float64 FFT, exact because each is an integer: the distance to the nearest integer is
asserted below 0.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray

__all__ = ["seed_bits", "toeplitz_hash"]

_PIECE_BITS = 1 << 18
_PIECES = 48
_MAX_ROUNDING = 0.1


def seed_bits(n_bits: int) -> int:
    """Return the length of the seed for `n_bits` input bits: n - 1."""
    return max(0, n_bits - 1)


def toeplitz_hash(
    bits: BitArray, seed: BitArray, n_output: int, *, piece_bits: int | None = None
) -> BitArray:
    """Return the `n_output` bits of (I | T) x.

    bits:       the n secret input bits
    seed:       n - 1 uniform public bits, fresh for each block
    n_output:   m, 1 to n
    piece_bits: length of the pieces of the convolution, for tests; the result does
                not depend on it

    Memory is about 16 n bytes. Raises ValueError when the lengths do not fit, and
    FloatingPointError if the transform ever lost the precision that makes it exact.
    """
    n = len(bits)
    if not 1 <= n_output <= n:
        raise ValueError(f"cannot make {n_output} bits of {n}")
    if len(seed) != seed_bits(n):
        raise ValueError(f"{n} input bits want a seed of {seed_bits(n)} bits")
    head = bits[:n_output]
    if n_output == n:
        return head
    # pieces that fit the cache, unless there would be too many products of them
    piece = piece_bits or max(_PIECE_BITS, 1 << (n // _PIECES).bit_length())
    sums = _valid_convolution(seed.to_bools(), bits[n_output:].to_bools(), piece)
    return head ^ BitArray.from_bools(sums)


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
    inputs = [
        fft.rfft(tail[b * piece : (b + 1) * piece].astype(np.float64), length)
        for b in range(n_in)
    ]
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
        values = fft.irfft(sums[a], length)[piece - 1 : 2 * piece - 1]
        rounded = np.rint(values)
        if float(np.max(np.abs(values - rounded))) >= _MAX_ROUNDING:
            raise FloatingPointError("the Toeplitz convolution lost its precision")
        out[a * piece : (a + 1) * piece] = rounded.astype(np.int64) & 1
    return out[:m]
