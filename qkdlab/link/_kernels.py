"""Compiled loops over lists of slots. Plain references stand in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["gap_bytes", "read_gaps", "write_gaps"]

_MORE = 0x80
_LAST_SHIFT = 56
_GREATEST = np.int64((1 << 63) - 1)


@kernel
def gap_bytes(values: NDArray[np.int64]) -> int:
    """Return how many bytes the gaps take; -1 when the values do not increase."""
    n_bytes = 0
    before = np.int64(-1)
    for value in values:
        if value <= before:
            return -1
        gap = value - before - 1
        n_bytes += 1
        while gap >= _MORE:
            gap >>= 7
            n_bytes += 1
        before = value
    return n_bytes


@kernel
def write_gaps(values: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write the gaps of values that increase from 0 or more."""
    at = 0
    before = np.int64(-1)
    for value in values:
        gap = value - before - 1
        while gap >= _MORE:
            out[at] = (gap & (_MORE - 1)) | _MORE
            gap >>= 7
            at += 1
        out[at] = gap
        at += 1
        before = value


@kernel
def read_gaps(data: NDArray[np.uint8], values: NDArray[np.int64]) -> int:
    """Read as many values as there is room for.

    Returns 0, or what is wrong: 1 bytes are missing or left over, 2 a gap has more
    than 63 bits, 3 it is not in its shortest form, 4 a value has more than 63 bits.
    """
    at = 0
    before = np.int64(-1)
    for i in range(values.size):
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
        values[i] = before
    return 0 if at == data.size else 1
