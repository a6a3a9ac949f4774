"""Compiled Philox4x32-10 and the variates made from its words.

Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11, 2011). Other
kernels have these functions compiled in: numba does not notice a change here, so
remove its caches after one.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["GAUSS_BOUND", "Word", "gauss", "numbers", "philox", "philox_fill", "unit"]

GAUSS_BOUND = math.sqrt(2.0 * math.log(2.0**33))
"""Largest magnitude that the Gaussian variates here can take."""

Word: TypeAlias = np.uint64
Words: TypeAlias = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_UNIT = 2.0**-32

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
_inline = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_inline
def philox(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> Words:
    """Return the four 32-bit words of Philox4x32-10, each in a uint64."""
    for _ in range(10):
        # the masks tell the compiler that 32 x 32 bit multipliers suffice
        p0 = _M0 * (c0 & _LOW)
        p1 = _M1 * (c2 & _LOW)
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@_jit
def philox_fill(
    first: Word, stream: Word, key: NDArray[np.uint64], out: NDArray[np.uint32]
) -> None:
    """Fill `out` uint32[n, 4] with the words of counters first .. first + n - 1."""
    for i in range(out.shape[0]):
        number = first + np.uint64(i)
        a, b, c, d = philox(
            number & _LOW,
            number >> _HALF,
            stream & _LOW,
            stream >> _HALF,
            key[0],
            key[1],
        )
        out[i, 0] = a
        out[i, 1] = b
        out[i, 2] = c
        out[i, 3] = d


@_jit
def unit(word: np.uint64) -> float:
    """Return a number strictly between 0 and 1."""
    return (float(word) + 0.5) * _UNIT


@_jit
def gauss(a: np.uint64, b: np.uint64) -> float:
    """Return a normal variate (Box and Muller), |x| <= GAUSS_BOUND."""
    return math.sqrt(-2.0 * math.log(unit(a))) * math.cos(2.0 * math.pi * unit(b))


@_jit
def numbers(number: int, use: Word, tick: int, keys: Keys, stream: int) -> Words:
    """Return the four words of event `number` of a tick."""
    label = np.uint64(tick)
    return philox(
        np.uint64(number),
        use,
        label & _LOW,
        label >> _HALF,
        keys[stream, 0],
        keys[stream, 1],
    )
