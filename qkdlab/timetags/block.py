"""`TagBlock`: a stretch of time with all its tags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "TagBlock"]

Interval = tuple[int, int]
"""A half-open stretch ``[begin, end)`` in picoseconds."""


@dataclass(frozen=True, slots=True)
class TagBlock:
    """Tags of one stretch of time.

    t:        int64[n], picoseconds, non-decreasing, read-only
    ch:       uint8[n], channel of each tag, read-only
    t_begin, t_end: the stretch ``[t_begin, t_end)`` that was watched, even if empty
    lost:     intervals within the stretch in which tags may be missing (overflow)
    seq:      sequence number of the block in its stream

    Raises ValueError when the arrays do not match, are not sorted, or lie outside.
    """

    t: NDArray[np.int64]
    ch: NDArray[np.uint8]
    t_begin: int
    t_end: int
    lost: tuple[Interval, ...] = ()
    seq: int = 0

    def __post_init__(self) -> None:
        if self.t.dtype != np.int64 or self.ch.dtype != np.uint8:
            raise ValueError("TagBlock wants t as int64 and ch as uint8")
        if self.t.ndim != 1 or self.t.shape != self.ch.shape:
            raise ValueError("TagBlock wants t and ch of one equal length")
        if self.t_end < self.t_begin:
            raise ValueError("TagBlock ends before it begins")
        if self.t.size:
            if self.t[0] < self.t_begin or self.t[-1] >= self.t_end:
                raise ValueError("TagBlock has tags outside its stretch")
            if np.any(self.t[1:] < self.t[:-1]):
                raise ValueError("TagBlock wants its tags in order of time")
        self.t.flags.writeable = False
        self.ch.flags.writeable = False

    def __len__(self) -> int:
        return int(self.t.size)

    def __repr__(self) -> str:
        return (
            f"TagBlock(seq={self.seq}, {self.t.size} tags, "
            f"[{self.t_begin}, {self.t_end}) ps, lost={len(self.lost)})"
        )
