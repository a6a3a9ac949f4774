"""Compiled exponential function without branches, for loops that become vector code.

Other kernels have it compiled in: numba does not notice a change here, so remove its
caches after one.
"""

from __future__ import annotations

import numpy as np

from qkdlab_sims.optics.jit import inlined

__all__ = ["decay"]

_LEAST = -700.0  # below, the result has no exponent of its own any more
_PER_LN2 = 1.44269504088896338700
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_TO_INTEGER = 1.5 * 2.0**52
_BIAS, _EXPONENT = np.uint64(1023), np.uint64(52)
_P1 = 1.66666666666666019037e-01
_P2 = -2.77777777770155933842e-03
_P3 = 6.61375632143793436117e-05
_P4 = -1.65339022054652515390e-06
_P5 = 4.13813679705723846039e-08


@inlined
def decay(x: float) -> float:
    """Return exp(-x) of x >= 0 within 2 ulp; exp(-700) beyond 700.

    Every machine and every place in a vector gets the same number. Method of fdlibm's
    e_exp.c (Sun, 1993): x = k ln 2 + r, and a rational function of r.
    """
    x = max(-x, _LEAST)
    shifted = x * _PER_LN2 + _TO_INTEGER
    k = shifted - _TO_INTEGER
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (_P1 + t * (_P2 + t * (_P3 + t * (_P4 + t * _P5))))
    value = 1.0 - ((low - r * c / (2.0 - c)) - high)
    # the lowest bits of `shifted` are k as an integer
    scale = np.uint64((np.float64(shifted).view(np.uint64) + _BIAS) << _EXPONENT)
    return float(value * scale.view(np.float64))
