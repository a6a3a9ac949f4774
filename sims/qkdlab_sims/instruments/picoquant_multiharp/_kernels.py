"""Compiled encoder of T2 records. A plain reference stands in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["encode_t2"]

_WRAP_BITS = 25
_WRAP = 1 << _WRAP_BITS
_SPECIAL = np.uint32(1 << 31)
_OVERFLOW = np.uint32((1 << 31) | (63 << 25))


@kernel
def encode_t2(
    bins: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    limit: int,
    base: int,
    out: NDArray[np.uint32],
) -> tuple[int, int]:
    """Merge sorted streams of bins into records; return their number and the base.

    Stream s is ``bins[begin[s]:end[s]]``; stream 0 holds references, stream c inputs of
    stored channel c - 1. Ties come in order of stream. `base` is the multiple of 2^25
    bins that overflows have told of; those up to `limit` are told at the end.
    `begin` is used up. `out` wants room for twice the events and one more.
    """
    n = 0
    n_streams = begin.size
    while True:
        best = -1
        least = limit
        for s in range(n_streams):
            if begin[s] < end[s]:
                value = int(bins[begin[s]])
                if best < 0 or value < least:
                    best, least = s, value
        wraps = (least - base) >> _WRAP_BITS
        if wraps > 0:
            out[n] = _OVERFLOW | np.uint32(wraps)
            n += 1
            base += wraps << _WRAP_BITS
        if best < 0:
            return n, base
        begin[best] += 1
        record = np.uint32(least - base)
        if best == 0:
            record |= _SPECIAL
        else:
            record |= np.uint32((best - 1) << _WRAP_BITS)
        out[n] = record
        n += 1
