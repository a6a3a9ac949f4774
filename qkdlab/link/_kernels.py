"""Compiled loops over lists of slots. Plain references stand in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["check_gaps", "read_gaps", "write_gaps"]

_MORE = 0x80
_LAST_SHIFT = 56
_GREATEST = np.int64((1 << 63) - 1)


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
def check_gaps(data: NDArray[np.uint8], count: int, ends: NDArray[np.int64]) -> int:
    """Find the first and the last of `count` values, where there are any.

    Returns 0, or what is wrong: 1 bytes are missing or left over, 2 a gap has more
    than 63 bits, 3 it is not in its shortest form, 4 a value has more than 63 bits.
    """
    at = 0
    before = np.int64(-1)
    for i in range(count):
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
