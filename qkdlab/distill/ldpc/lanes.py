"""Frames side by side: from a bit string to lanes, to messages, and back.

Lanes are uint32[groups, n]: bit f of entry [g, j] is bit j of frame ``32 g + f``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray

__all__ = [
    "Lanes",
    "add_to_string",
    "chosen_frames",
    "from_string",
    "packed",
    "unpacked",
]

Lanes = NDArray[np.uint32]
WIDTH = 32


def from_string(
    words: NDArray[np.uint64], starts: NDArray[np.int64], length: int
) -> Lanes:
    """Return the frames of `length` bits that begin at `starts`.

    words: a bit string, and one word more than the last frame ends in
    """
    from qkdlab.distill.ldpc._kernels import to_lanes

    lanes = np.zeros((-(-starts.size // WIDTH), length), np.uint32)
    for group, row in enumerate(lanes):
        to_lanes(words, starts[group * WIDTH : (group + 1) * WIDTH], row)
    return lanes


def add_to_string(
    lanes: Lanes, starts: NDArray[np.int64], words: NDArray[np.uint64]
) -> None:
    """Add frames to a bit string modulo 2, where they begin at `starts`."""
    from qkdlab.distill.ldpc._kernels import from_lanes

    for group, row in enumerate(lanes):
        whole = np.ascontiguousarray(row)
        from_lanes(whole, starts[group * WIDTH : (group + 1) * WIDTH], words)


def packed(lanes: Lanes, n_frames: int) -> BitArray:
    """Return the bits of the frames, one frame after the other."""
    n = lanes.shape[1]
    words = np.zeros(n_frames * n // 64 + 2, np.uint64)
    add_to_string(lanes, np.arange(n_frames, dtype=np.int64) * n, words)
    return BitArray.from_words(words, n_frames * n)


def unpacked(bits: BitArray, n_frames: int, n: int) -> Lanes:
    """Return the frames of `packed`."""
    words = np.concatenate([bits.words, np.zeros(2, np.uint64)])
    return from_string(words, np.arange(n_frames, dtype=np.int64) * n, n)


def chosen_frames(lanes: Lanes, frames: NDArray[np.int64]) -> Lanes:
    """Return lanes of some frames only, in this order."""
    out = np.zeros((-(-frames.size // WIDTH), lanes.shape[1]), np.uint32)
    for place, frame in enumerate(frames.tolist()):
        bits = lanes[frame // WIDTH] >> np.uint32(frame % WIDTH) & np.uint32(1)
        out[place // WIDTH] |= bits << np.uint32(place % WIDTH)
    return out
