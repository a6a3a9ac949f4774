"""Privacy amplification by the modified Toeplitz matrix (I | T).

With n input bits x, m output bits and k = n - m, output i is

    y[i] = x[i] xor  XOR_{j < k}  T[i, j] x[m + j],     T[i, j] = seed[i - j + k - 1],

so row 0 reads the seed from bit k - 1 down to bit 0, and the last row from bit n - 2
down to bit m - 1; the seed has n - 1 bits. The family is two-universal (Hayashi and
Tsurumaru, arXiv:1311.5322 [abs]).

The product is computed over GF(2), exact by construction, where the CPU multiplies
without carries, and by float64 FFT elsewhere; all ways give the same bits.
"""

from __future__ import annotations

from typing import Literal

from qkdlab.bits.array import BitArray

__all__ = ["Method", "seed_bits", "toeplitz_hash"]

Method = Literal["karatsuba", "additive-fft", "float-fft"]

LONG_BITS = 250_000
"""Input bits above which the additive FFT is the faster one [measured, Zen 3]."""


def seed_bits(n_bits: int) -> int:
    """Return the length of the seed for `n_bits` input bits: n - 1."""
    return max(0, n_bits - 1)


def toeplitz_hash(
    bits: BitArray,
    seed: BitArray,
    n_output: int,
    *,
    method: Method | None = None,
) -> BitArray:
    """Return the `n_output` bits of (I | T) x.

    bits:     the n secret input bits
    seed:     n - 1 uniform public bits, fresh for each block
    n_output: m, 1 to n
    method:   of the product, for tests and measurements; the fastest that this CPU
              has when not given. The result does not depend on it.

    Copies of the input that are made here are overwritten, and so are the products'
    work arrays; what scipy keeps while it transforms (float-fft) is out of reach.
    Raises ValueError when the lengths do not fit.
    """
    n = len(bits)
    if not 1 <= n_output <= n:
        raise ValueError(f"cannot make {n_output} bits of {n}")
    if len(seed) != seed_bits(n):
        raise ValueError(f"{n} input bits want a seed of {seed_bits(n)} bits")
    head = bits[:n_output]
    if n_output == n:
        return head
    tail = bits[n_output:]
    product = _product(seed, tail, method or _fastest(n))
    hashed = head ^ product
    for spent in (head, tail, product):
        spent.wipe()
    return hashed


def _fastest(n_bits: int) -> Method:
    from qkdlab.distill.carryless.lanes import lanes_of_this_cpu

    if not lanes_of_this_cpu():
        return "float-fft"
    return "additive-fft" if n_bits > LONG_BITS else "karatsuba"


def _product(seed: BitArray, tail: BitArray, method: Method) -> BitArray:
    if method == "float-fft":
        from qkdlab.distill.float_fft import product_by_float_fft

        return product_by_float_fft(seed, tail)
    if method == "additive-fft":
        from qkdlab.distill.additive_fft.product import product_by_additive_fft

        return product_by_additive_fft(seed, tail)
    from qkdlab.distill.karatsuba.product import product_by_karatsuba

    return product_by_karatsuba(seed, tail)
