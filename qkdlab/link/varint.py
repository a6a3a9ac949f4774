"""Increasing slot numbers as variable-length gaps, two nanoseconds an entry.

Each value is stored as its distance from the one before, less one, in groups of seven
bits, least significant group first, the top bit set on all but the last group
(LEB128). A mean gap of 57 slots costs little more than a byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_increasing", "encode_increasing"]

_WRONG = {
    1: "gaps are cut short",
    2: "a gap is too long",
    3: "a gap is not in its shortest form",
    4: "slot numbers overflow",
}
"""By what `read_gaps` returns."""


def encode_increasing(values: NDArray[np.int64]) -> bytes:
    """Return the gaps of int64[n] `values`, which must increase and not be negative.

    Raises ValueError when they do not.
    """
    from qkdlab.link._kernels import gap_bytes, write_gaps

    array = np.ascontiguousarray(values, dtype=np.int64)
    if array.ndim != 1:
        raise ValueError("slot numbers are one-dimensional")
    n_bytes = gap_bytes(array)
    if n_bytes < 0:
        raise ValueError("slot numbers must increase and not be negative")
    out = np.empty(n_bytes, np.uint8)
    write_gaps(array, out)
    return out.tobytes()


def decode_increasing(data: bytes, count: int) -> NDArray[np.int64]:
    """Return the int64[count] whose gaps `data` holds.

    Raises ValueError unless `data` is exactly what :func:`encode_increasing` writes.
    """
    from qkdlab.link._kernels import read_gaps

    # each value takes a byte at least: the peer names the count
    if count > len(data):
        raise ValueError(_WRONG[1])
    values = np.empty(count, np.int64)
    wrong = read_gaps(np.frombuffer(data, np.uint8), values)
    if wrong:
        raise ValueError(_WRONG[wrong])
    return values
