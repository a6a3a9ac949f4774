"""Parities of ranges of packed bits, and rows of places with their known intervals.

A row holds FIELDS words for 64 places, side by side in memory: COPY, own bits in some
order; STARTS, a one where a known interval starts and behind the last place; ODD, at
the start of each interval, whether its parity differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import count_ones, first_one, last_one
from qkdlab.distill.prefetch._intrinsics import prefetch
from qkdlab.jit import kernel

__all__ = [
    "ALL",
    "COPY",
    "FIELDS",
    "ODD",
    "ONE",
    "ask_ahead",
    "copy_in_order",
    "end_of",
    "flip_bit",
    "flip_place",
    "get_bit",
    "get_place",
    "masked_parity",
    "range_parity",
    "start_at",
    "start_of",
]

ONE = np.uint64(1)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
COPY, STARTS, ODD, FIELDS = 0, 1, 2, 3


@kernel
def ask_ahead(row: NDArray[np.uint64], place: int) -> None:
    """Ask for the words of a place, which will be wanted soon.

    The rows of a batch are larger than the caches of a core, and wanted in no order.
    """
    prefetch(row, np.int64(FIELDS * (place >> 6)))


@kernel
def range_parity(row: NDArray[np.uint64], begin: int, end: int) -> Any:
    """Return the parity of the copied bits of places ``[begin, end)``."""
    first, last = begin >> 6, (end - 1) >> 6
    low_mask = ALL << np.uint64(begin & 63)
    high_mask = ALL >> np.uint64(63 - ((end - 1) & 63))
    word = row[FIELDS * first + COPY] & low_mask
    if first == last:
        return count_ones(word & high_mask) & ONE
    for i in range(first + 1, last):
        word ^= row[FIELDS * i + COPY]
    return count_ones(word ^ row[FIELDS * last + COPY] & high_mask) & ONE


@kernel
def masked_parity(
    words: NDArray[np.uint64], mask: NDArray[np.uint64], begin: int, end: int
) -> Any:
    """Return the parity of the masked bits of positions ``[begin, end)``."""
    first, last = begin >> 6, (end - 1) >> 6
    word = words[first] & mask[first] & (ALL << np.uint64(begin & 63))
    high_mask = ALL >> np.uint64(63 - ((end - 1) & 63))
    if first == last:
        return count_ones(word & high_mask) & ONE
    for i in range(first + 1, last):
        word ^= words[i] & mask[i]
    return count_ones(word ^ words[last] & mask[last] & high_mask) & ONE


@kernel
def get_bit(words: NDArray[np.uint64], index: int) -> Any:
    """Return one bit."""
    return (words[index >> 6] >> np.uint64(index & 63)) & ONE


@kernel
def flip_bit(words: NDArray[np.uint64], index: int) -> None:
    """Flip one bit."""
    words[index >> 6] ^= ONE << np.uint64(index & 63)


@kernel
def get_place(row: NDArray[np.uint64], what: int, place: int) -> Any:
    """Return the bit of a place."""
    return (row[FIELDS * (place >> 6) + what] >> np.uint64(place & 63)) & ONE


@kernel
def flip_place(row: NDArray[np.uint64], what: int, place: int) -> None:
    """Flip the bit of a place."""
    row[FIELDS * (place >> 6) + what] ^= ONE << np.uint64(place & 63)


@kernel
def start_at(row: NDArray[np.uint64], place: int, odd: np.uint64) -> None:
    """Have a known interval begin at a place, whose parity differs where `odd` is 1."""
    at = FIELDS * (place >> 6)
    row[at + STARTS] |= ONE << np.uint64(place & 63)
    row[at + ODD] |= odd << np.uint64(place & 63)


@kernel
def start_of(row: NDArray[np.uint64], place: int) -> int:
    """Return the first place of the known interval that holds a place."""
    i = place >> 6
    word = row[FIELDS * i + STARTS] & (ALL >> np.uint64(63 - (place & 63)))
    while word == 0:
        i -= 1
        word = row[FIELDS * i + STARTS]
    return int(64 * i + last_one(word))


@kernel
def end_of(row: NDArray[np.uint64], start: int) -> int:
    """Return the place after the known interval that begins at `start`."""
    place = start + 1
    i = place >> 6
    word = row[FIELDS * i + STARTS] & (ALL << np.uint64(place & 63))
    while word == 0:
        i += 1
        word = row[FIELDS * i + STARTS]
    return int(64 * i + np.int64(first_one(word)))


@kernel
def transpose(block: NDArray[np.uint64]) -> None:
    """Exchange bit j of word i with bit i of word j, of 64 words."""
    step = 32
    mask = np.uint64(0x00000000FFFFFFFF)
    while step:
        shift = np.uint64(step)
        for begin in range(0, 64, 2 * step):
            for k in range(begin, begin + step):
                swap = ((block[k] >> shift) ^ block[k + step]) & mask
                block[k] ^= swap << shift
                block[k + step] ^= swap
        step >>= 1
        mask ^= mask << np.uint64(step)


@kernel
def copy_in_order(
    words: NDArray[np.uint64],
    order: NDArray[np.uint16],
    rows: NDArray[np.uint64],
    first_place: int,
    mixed: NDArray[np.uint64],
) -> None:
    """Copy the bits of at most 64 frames in one order to their rows.

    words:       [frame, word]
    order:       place -> position
    rows:        [frame, FIELDS * word of a place], from `first_place` on
    mixed:       [position] scratch

    Side by side, 64 frames are one word for each position, so that an order moves
    whole words.
    """
    n, n_words = words.shape
    block = np.zeros((8, 64), np.uint64)
    for w in range(0, n_words, 8):
        line = min(8, n_words - w)
        for f in range(n):
            for i in range(line):
                block[i, f] = words[f, w + i]
        for i in range(line):
            for f in range(n, 64):
                block[i, f] = 0
            transpose(block[i])
            for bit in range(64):
                mixed[64 * (w + i) + bit] = block[i, bit]
    at = first_place >> 6
    for w in range(0, n_words, 8):
        line = min(8, n_words - w)
        for i in range(line):
            for bit in range(64):
                block[i, bit] = mixed[order[64 * (w + i) + bit]]
            transpose(block[i])
        for f in range(n):
            for i in range(line):
                rows[f, FIELDS * (at + w + i) + COPY] = block[i, f]
    block[:] = 0
