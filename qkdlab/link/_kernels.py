"""Compiled loops over lists of slots. Plain references stand in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import count_ones
from qkdlab.jit import kernel
from qkdlab.link._intrinsics import eight_bytes

__all__ = ["check_gaps", "read_gaps", "write_gaps"]

_MORE = 0x80
_LAST_SHIFT = 56
_GREATEST = np.int64((1 << 63) - 1)
_SIDE = 8
_FAR_FROM_END = _GREATEST - np.int64(_SIDE * _MORE)
"""From a value up to this, eight short gaps lead to one of 63 bits."""
_ONE, _THREE, _TOP, _BYTE, _SUM_AT = (np.uint64(n) for n in (1, 3, 7, 8, 48))
_TOP_BITS = np.uint64(0x8080808080808080)
_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_LOW_BITS = np.uint64(0x0001000100010001)


@kernel
def write_gaps(values: NDArray[np.int64], out: NDArray[np.uint8]) -> int:
    """Write the gaps of values that increase from 0 or more; return their bytes.

    out: nine bytes for each value; -1 is returned when the values do not increase
    """
    at = 0
    before = np.int64(-1)
    for value in values:
        if value <= before:
            return -1
        gap = value - before - 1
        while gap >= _MORE:
            out[at] = (gap & (_MORE - 1)) | _MORE
            gap >>= 7
            at += 1
        out[at] = gap
        at += 1
        before = value
    return at


@kernel
def short_gaps(data: NDArray[np.uint8], at: np.int64) -> tuple[np.int64, np.int64]:
    """Return how many of the eight bytes from `at` on stand before a long gap.

    Then what they add to the value before: their sum, and one for each.
    """
    gaps = eight_bytes(data, at)
    long = gaps & _TOP_BITS
    # all bits of the bytes before the first long one; of all eight without any
    short = ((long & (~long + _ONE)) >> _TOP) - _ONE
    gaps &= short
    n = np.int64(count_ones(short) >> _THREE)
    pairs = (gaps & _EVEN_BYTES) + (gaps >> _BYTE & _EVEN_BYTES)
    return n, np.int64(pairs * _LOW_BITS >> _SUM_AT) + n


@kernel
def check_gaps(data: NDArray[np.uint8], count: int, ends: NDArray[np.int64]) -> int:
    """Find the first and the last of `count` values, where there are any.

    Returns 0, or what is wrong: 1 bytes are missing or left over, 2 a gap has more
    than 63 bits, 3 it is not in its shortest form, 4 a value has more than 63 bits.
    """
    at = i = np.int64(0)
    before = np.int64(-1)
    while i < count:
        # eight bytes together take a third of the time of one after the other
        if 0 < i <= count - _SIDE and at <= data.size - _SIDE:
            n_short, step = short_gaps(data, at)
            if before <= _FAR_FROM_END:
                i += n_short
                at += n_short
                before += step
                if n_short == _SIDE:
                    continue
        gap = np.int64(0)
        shift = 0
        while True:
            if at == data.size:
                return 1
            byte = np.int64(data[at])
            at += 1
            if byte < _MORE:
                break
            if shift == _LAST_SHIFT:
                return 2
            gap |= (byte & (_MORE - 1)) << shift
            shift += 7
        if shift and byte == 0:
            return 3
        gap |= byte << shift
        if before >= 0 and gap > _GREATEST - before - 1:
            return 4
        before += gap + 1
        if i == 0:
            ends[0] = before
        i += 1
    if count:
        ends[1] = before
    return 0 if at == data.size else 1


@kernel
def read_gaps(data: NDArray[np.uint8], values: NDArray[np.int64]) -> None:
    """Write the values whose gaps `check_gaps` found right."""
    at = 0
    before = np.int64(-1)
    for i in range(values.size):
        byte = np.int64(data[at])
        at += 1
        gap = byte & (_MORE - 1)
        shift = 7
        while byte >= _MORE:
            byte = np.int64(data[at])
            at += 1
            gap |= (byte & (_MORE - 1)) << shift
            shift += 7
        before += gap + 1
        values[i] = before
