"""Increasing slot numbers as variable-length gaps, some nanoseconds an entry.

Each value is stored as its distance from the one before, less one, in groups of seven
bits, least significant group first, the top bit set on all but the last group
(LEB128). A mean gap of 57 slots costs little more than a byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Increasing"]

_MOST_BYTES = 9
_WRONG = {
    1: "gaps are cut short",
    2: "a gap is too long",
    3: "a gap is not in its shortest form",
    4: "slot numbers overflow",
}
"""By what `check_gaps` returns."""


@dataclass(frozen=True, slots=True)
class Increasing:
    """Numbers that increase from 0 or more, below 2^63, kept as their gaps.

    So a hundred million of them take little more memory than bytes.

    data:        the gaps; first, last: of the numbers, 0 and -1 when there are none
    """

    data: bytes
    count: int
    first: int
    last: int

    @classmethod
    def of(cls, values: NDArray[np.int64]) -> Increasing:
        """Take int64[n]; raises ValueError when they do not increase from 0 or more."""
        from qkdlab.link._kernels import write_gaps

        array = np.ascontiguousarray(values, dtype=np.int64)
        if array.ndim != 1:
            raise ValueError("slot numbers are one-dimensional")
        out = np.empty(_MOST_BYTES * array.size, np.uint8)
        n_bytes = write_gaps(array, out)
        if n_bytes < 0:
            raise ValueError("slot numbers must increase and not be negative")
        first, last = array[[0, -1]].tolist() if array.size else (0, -1)
        return cls(out[:n_bytes].tobytes(), int(array.size), first, last)

    @classmethod
    def read(cls, data: bytes, count: int) -> Increasing:
        """Take `count` numbers from their gaps.

        Raises ValueError unless `data` is exactly what :meth:`of` would keep.
        """
        from qkdlab.link._kernels import check_gaps

        # each value takes a byte at least: the peer names the count
        if count > len(data):
            raise ValueError(_WRONG[1])
        ends = np.array([0, -1])
        wrong = check_gaps(np.frombuffer(data, np.uint8), count, ends)
        if wrong:
            raise ValueError(_WRONG[wrong])
        first, last = ends.tolist()
        return cls(data, count, first, last)

    def values(self) -> NDArray[np.int64]:
        """Return the numbers, int64[n]."""
        from qkdlab.link._kernels import read_gaps

        values = np.empty(self.count, np.int64)
        read_gaps(np.frombuffer(self.data, np.uint8), values)
        return values

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"Increasing({self.count} numbers)"
