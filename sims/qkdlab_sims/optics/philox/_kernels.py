"""Compiled Philox4x32-10 and the variates made from its words.

Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11, 2011). Other
kernels have these functions compiled in: numba does not notice a change here, so
remove its caches after one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel

__all__ = [
    "UNIT",
    "Word",
    "log_unit",
    "numbers",
    "philox",
    "philox_fill",
    "unit",
]

UNIT = 2.0**-32
"""Distance of the uniform numbers."""

Word: TypeAlias = np.uint64
Words: TypeAlias = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)

# Of `log_unit`: bit patterns of float64, then coefficients.
_EXPONENT = np.uint64(52)
_FRACTION = np.uint64((1 << 52) - 1)
_TWO_52 = np.uint64(0x433 << 52)
_TWO_52_LESS_HALF = 2.0**52 - 0.5
_ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)
_TO_ROOT_HALF = np.uint64((0x3FF << 52) - 0x3FE6A09E667F3BCD)
_BIAS = 2.0**52 + 1023.0 + 32.0
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_L1 = 6.666666666666735130e-01
_L2 = 3.999999999940941908e-01
_L3 = 2.857142874366239149e-01
_L4 = 2.222219843214978396e-01
_L5 = 1.818357216161805012e-01
_L6 = 1.531383769920937332e-01
_L7 = 1.479819860511658591e-01


@inlined
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


@kernel
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


@inlined
def _middle(word: np.uint64) -> float:
    """Return word + 1/2 for a word below 2**51; quicker in vectors than float()."""
    return float(np.uint64(word | _TWO_52).view(np.float64) - _TWO_52_LESS_HALF)


@kernel
def unit(word: np.uint64) -> float:
    """Return a number strictly between 0 and 1; `word` has 32 bits."""
    return float(_middle(word) * UNIT)


@inlined
def log_unit(word: np.uint64) -> float:
    """Return the natural logarithm of ``unit(word)``, within 1 ulp.

    No branches and no library call: loops over it become vector code, and every
    machine gets the same numbers. Method of fdlibm's e_log.c (Sun, 1993): x = 2**k m
    with m in [sqrt(1/2), sqrt(2)), and an even polynomial in (m - 1) / (m + 1).
    """
    bits = np.float64(_middle(word)).view(np.uint64) + _TO_ROOT_HALF
    k = np.uint64(bits >> _EXPONENT | _TWO_52).view(np.float64) - _BIAS
    f = np.uint64((bits & _FRACTION) + _ROOT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (_L2 + w * (_L4 + w * _L6))
    odd = z * (_L1 + w * (_L3 + w * (_L5 + w * _L7)))
    half = 0.5 * f * f
    low = s * (half + even + odd) + k * _LN2_LOW
    return float(k * _LN2_HIGH - ((half - low) - f))


@kernel
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
