"""Compiled normal variates: the inverse distribution function by cubics in a table.

A cubic for every sixteenth of an octave of the tail probability is within 2e-8 of the
function everywhere, far less than any test of the law could see. Other kernels have
these functions compiled in: numba does not notice a change here, so remove its caches
after one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel

__all__ = ["GAUSS_BOUND", "fill_normals", "gauss"]

_BITS = 35
"""Of the tail probability, one half at most, in steps of 2^-36."""

GAUSS_BOUND = -NormalDist().inv_cdf(2.0 ** (-_BITS - 2))
"""Largest magnitude of the variates, 6.8: more has a probability of 1.5e-11."""

Word: TypeAlias = np.uint64
Floats: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint32]

_PARTS = 16  # of an octave
_TO_PART = np.uint64(48)  # bits of a float64 below those that choose the part
_WITHIN = np.uint64((1 << 48) - 1)
_FIRST_PART = np.uint64(1022 * _PARTS)  # that of 1/2, the lowest tail
_TO_ONE, _ONE = np.uint64(4), np.uint64(0x3FF << 52)
_TWO_52 = np.uint64(0x433 << 52)
_TWO_52_LESS_HALF = 2.0**52 - 0.5
_HIGH = np.uint64((1 << (_BITS - 32)) - 1)
_HALF, _SIGN = np.uint64(32), np.uint64(31)
_FOUR, _TWO, _THREE, _STEP = np.uint64(4), np.uint64(2), np.uint64(3), np.uint64(1)


def _table() -> Floats:
    """Return the coefficients, four of each part, over [1, 2) as its length."""
    normal, order = NormalDist(), 4
    nodes = 1.5 + 0.5 * np.cos((2 * np.arange(order) + 1) / (2 * order) * np.pi)
    fit = np.linalg.inv(np.vander(nodes, order, increasing=True))
    rows = []
    for octave in range(-1, _BITS):
        for part in range(_PARTS):
            width = 2.0 ** (octave - _BITS - 1) / _PARTS
            tails = width * (_PARTS + part + nodes - 1.0)
            rows.append(fit @ [-normal.inv_cdf(p) for p in tails.tolist()])
    return np.concatenate(rows)


_TABLE = _table()


@inlined
def _tail(a: Word, b: Word) -> Word:
    """Return the bits of the tail probability as float64, in steps of 2^-36."""
    word = np.uint64(a | (b & _HIGH) << _HALF | _TWO_52)
    return np.float64(word.view(np.float64) - _TWO_52_LESS_HALF).view(np.uint64)


@inlined
def _cubic(part: Word, x: float) -> float:
    """Return the normal variate above a tail that is `x` times its part's length."""
    at = part * _FOUR
    low = _TABLE[at] + x * _TABLE[at + _STEP]
    return float(low + x * x * (_TABLE[at + _TWO] + x * _TABLE[at + _THREE]))


@inlined
def gauss(a: Word, b: Word) -> float:
    """Return a normal variate of two words of 32 bits, |x| <= GAUSS_BOUND."""
    bits = _tail(a, b)
    x = np.uint64((bits & _WITHIN) << _TO_ONE | _ONE).view(np.float64)
    magnitude = _cubic(np.uint64((bits >> _TO_PART) - _FIRST_PART), x)
    return magnitude if b >> _SIGN else -magnitude


@kernel
def fill_normals(
    a: Words, b: Words, scale: Floats, parts: Words, within: Floats, out: Floats
) -> None:
    """Write scale[i] gauss(a[i], b[i]) to out[i].

    In two loops, the first of which is vector code; parts, within: room to work in
    """
    for i in range(out.shape[0]):
        high = np.uint64(b[i])
        bits = _tail(np.uint64(a[i]), high)
        parts[i] = np.uint32((bits >> _TO_PART) - _FIRST_PART)
        within[i] = np.uint64((bits & _WITHIN) << _TO_ONE | _ONE).view(np.float64)
        out[i] = scale[i] if high >> _SIGN else -scale[i]
    for i in range(out.shape[0]):
        out[i] *= _cubic(np.uint64(parts[i]), within[i])
