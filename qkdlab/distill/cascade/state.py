"""All that one half of Cascade knows of a batch of frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BISECTING",
    "CHECKING",
    "DONE",
    "OPENING",
    "READY",
    "SEARCHING",
    "CascadeState",
]

READY, OPENING, BISECTING, CHECKING, SEARCHING, DONE = range(6)
"""Stages of a frame: what it asks next."""


class CascadeState(NamedTuple):
    """Arrays that the kernels change in place, and what they read.

    A *place* is an index in the order of a pass, plus the pass times the length of a
    frame. In every opened pass the places of a frame are cut into known intervals:
    those whose parity difference between the parties is known. An interval is told by
    its first place.
    """

    words: NDArray[np.uint64]
    """[frame, word] own string; Bob flips what is found."""
    errors: NDArray[np.uint64]
    """[frame, word] positions found so far."""
    n_bits: int
    """Bits from frame 0 on; what lies behind them is zero on both sides."""
    flips: bool
    few: int
    """With no more odd intervals than this a frame opens its next pass."""
    crowd: NDArray[np.int64]
    """[i] with no more intervals listed in 64 frames, they are halved 2 + i times."""
    halvings: NDArray[np.int64]
    """[0] how many times listed intervals are cut in halves in this round."""
    order: NDArray[np.uint16]
    """[pass, place] -> position."""
    place: NDArray[np.uint16]
    """[pass, position] -> place."""
    block: NDArray[np.int64]
    """[pass] size of its blocks."""
    subsets: NDArray[np.uint64]
    """[check, word] the positions of each check."""
    rows: NDArray[np.uint64]
    """[frame, FIELDS * word of a place], see `places`; COPY is there where `copied`."""
    copied: NDArray[np.uint8]
    """[pass, frame // 64]."""
    opened: NDArray[np.int32]
    """[frame] number of passes begun."""
    stage: NDArray[np.int32]
    """[frame] READY, OPENING, BISECTING, CHECKING, SEARCHING or DONE."""
    parity: NDArray[np.uint8]
    """[frame] difference of the whole frame, known with its first pass."""
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    """[frame, i] the listed intervals; or what is left of a check under search."""
    listed: NDArray[np.int32]
    """[frame] how many are listed."""
    stale: NDArray[np.uint8]
    """[frame] a listed interval may have become even."""
    full: NDArray[np.uint8]
    """[frame] an odd interval may have found no room in the list."""
    checked: NDArray[np.uint8]
    """[frame] the checks have been asked."""
    check: NDArray[np.uint64]
    """[frame] one bit for each check, its difference."""
    found: NDArray[np.int32]
    """[i] scratch: places of errors."""
    mixed: NDArray[np.uint64]
    """[position] scratch: one bit for each of 64 frames."""

    def __repr__(self) -> str:
        return f"CascadeState({self.stage.size} frames)"
