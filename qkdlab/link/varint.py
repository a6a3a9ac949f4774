"""Increasing slot numbers as variable-length gaps, a few nanoseconds an entry.

Each value is stored as its distance from the one before, less one, in groups of seven
bits, least significant group first, the top bit set on all but the last group
(LEB128). A mean gap of 57 slots costs little more than a byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_increasing", "encode_increasing"]

GROUP_BITS = 7
MORE = 0x80
MAX_GROUPS = 9
"""Nine groups hold 63 bits: every gap between two int64 that are not negative."""


def encode_increasing(values: NDArray[np.int64]) -> bytes:
    """Return the gaps of int64[n] `values`, which must increase and not be negative.

    Raises ValueError when they do not.
    """
    array = np.asarray(values, dtype=np.int64)
    if array.ndim != 1:
        raise ValueError("slot numbers are one-dimensional")
    if array.size == 0:
        return b""
    gaps = np.empty(array.size, np.int64)
    gaps[0] = array[0]
    np.subtract(array[1:], array[:-1], out=gaps[1:])
    gaps[1:] -= 1
    if int(gaps.min()) < 0:
        raise ValueError("slot numbers must increase and not be negative")
    longest = int(gaps.max())
    if longest < MORE:
        return gaps.astype(np.uint8).tobytes()
    extra = (gaps >= MORE).astype(np.int64)
    for group in range(2, MAX_GROUPS):
        bound = 1 << (GROUP_BITS * group)
        if longest < bound:
            break
        extra += gaps >= bound
    starts = np.cumsum(extra)
    starts -= extra
    starts += np.arange(array.size)
    out = np.empty(int(starts[-1] + extra[-1]) + 1, np.uint8)
    out[starts] = (gaps & (MORE - 1)) | ((extra > 0) * MORE)
    chosen = np.flatnonzero(extra)
    group = 1
    while chosen.size:
        high = gaps[chosen] >> (GROUP_BITS * group)
        follows = extra[chosen] > group
        out[starts[chosen] + group] = (high & (MORE - 1)) | (follows * MORE)
        chosen = chosen[follows]
        group += 1
    return out.tobytes()


def decode_increasing(data: bytes, count: int) -> NDArray[np.int64]:
    """Return the int64[count] whose gaps `data` holds.

    Raises ValueError unless `data` is exactly what :func:`encode_increasing` writes.
    """
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < MORE)
    if ends.size != count or (raw.size and raw[-1] >= MORE):
        raise ValueError("gaps are cut short")
    if count == 0:
        return np.zeros(0, np.int64)
    starts = np.empty(count, np.int64)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    extra = ends - starts
    if int(extra.max()) >= MAX_GROUPS:
        raise ValueError("a gap is too long")
    gaps = (raw[starts] & (MORE - 1)).astype(np.int64)
    chosen = np.flatnonzero(extra)
    if chosen.size and int(raw[ends[chosen]].min()) == 0:
        raise ValueError("a gap is not in its shortest form")
    group = 1
    while chosen.size:
        piece = raw[starts[chosen] + group] & (MORE - 1)
        gaps[chosen] |= piece.astype(np.int64) << (GROUP_BITS * group)
        chosen = chosen[extra[chosen] > group]
        group += 1
    gaps[1:] += 1
    values = np.cumsum(gaps, dtype=np.int64)
    # one step beyond int64 turns negative, so any overflow breaks the order
    if int(values[0]) < 0 or np.any(values[1:] <= values[:-1]):
        raise ValueError("slot numbers overflow")
    return values
