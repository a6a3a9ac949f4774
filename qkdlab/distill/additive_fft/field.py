"""GF(2^64), its Cantor basis, and the constants of the transform.

The field is GF(2)[x] modulo x^64 + x^4 + x^3 + x + 1. A Cantor basis has b_0 = 1 and
b_i^2 + b_i = b_(i-1); in it the polynomial that vanishes on the span of b_0 ... b_(k-1)
is the k-fold iterate of s(x) = x^2 + x, whose coefficients are 0 and 1 (Cantor 1989;
Gao and Mateer, IEEE Trans. Inf. Theory 56, 6265 (2010) [mem]).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["POLYNOMIAL", "cantor_basis", "multiply", "twiddles"]

POLYNOMIAL = 0x1B
"""The reduction polynomial without x^64."""

_DEGREE = 64


def multiply(a: int, b: int) -> int:
    """Return the product of two elements, slowly."""
    product = 0
    for i in range(_DEGREE):
        if b >> i & 1:
            product ^= a << i
    for i in range(2 * _DEGREE - 2, _DEGREE - 1, -1):
        if product >> i & 1:
            product ^= ((1 << _DEGREE) | POLYNOMIAL) << (i - _DEGREE)
    return product


@cache
def cantor_basis(n: int) -> tuple[int, ...]:
    """Return the first `n` <= 64 elements of the basis that starts from 1.

    x^2 + x is linear over GF(2), so each element follows from the former by Gaussian
    elimination; of the two solutions the one without the component 1 is taken.
    """
    pivots: dict[int, tuple[int, int]] = {}
    for i in range(_DEGREE):
        image, origin = multiply(1 << i, 1 << i) ^ (1 << i), 1 << i
        while image and image.bit_length() in pivots:
            other, made_of = pivots[image.bit_length()]
            image, origin = image ^ other, origin ^ made_of
        if image:
            pivots[image.bit_length()] = image, origin
    basis = [1]
    while len(basis) < n:
        rest, solution = basis[-1], 0
        while rest:
            image, origin = pivots[rest.bit_length()]
            rest, solution = rest ^ image, solution ^ origin
        basis.append(solution & ~1)
    return tuple(basis)


def twiddles(n: int, stride: int = 1) -> NDArray[np.uint64]:
    """Return uint64[n], n a power of two: the constants of blocks 0, stride, ...

    Block j of a level multiplies by the sum of b_(i+1) over the bits i of j; stride is
    a power of two.
    """
    first = stride.bit_length()
    basis = cantor_basis(first + n.bit_length())
    table = np.zeros(n, np.uint64)
    for i in range(n.bit_length() - 1):
        table[1 << i : 2 << i] = table[: 1 << i] ^ np.uint64(basis[first + i])
    return table
