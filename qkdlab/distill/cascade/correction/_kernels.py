"""Corrections of one frame, and its list of odd intervals afterwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import first_one
from qkdlab.distill.cascade.places._kernels import (
    COPY,
    FIELDS,
    ODD,
    ONE,
    ask_ahead,
    end_of,
    flip_bit,
    flip_place,
    get_bit,
    get_place,
    start_of,
)
from qkdlab.distill.cascade.state import CascadeState
from qkdlab.jit import kernel

__all__ = ["correct", "drop_stale", "list_again"]

AHEAD = 8
"""Errors between asking for the words around one and changing them."""


@kernel
def look_ahead(
    s: CascadeState, row: NDArray[np.uint64], opened: int, found: int
) -> None:
    """Ask for the words around an error in every opened pass."""
    length = 64 * s.words.shape[1]
    position = int(-1 - found)
    if found >= 0:
        own = found // length
        position = int(s.order[own, found - own * length])
    for t in range(opened):
        ask_ahead(row, t * length + np.int64(s.place[t, position]))


@kernel
def correct(s: CascadeState, frame: int, hits: int) -> bool:
    """Correct the errors that were found; False when one of them cannot be.

    What an earlier one of them made even, is none.
    """
    n_words = s.words.shape[1]
    length = 64 * n_words
    row, errors, words = s.rows[frame], s.errors[frame], s.words[frame]
    low, high = s.low[frame], s.high[frame]
    order, places, found = s.order, s.place, s.found
    opened, most, flips = s.opened[frame], low.size - 1, s.flips
    copied = opened
    while copied < order.shape[0] and s.copied[copied, frame >> 6]:
        copied += 1
    listed = np.int64(s.listed[frame])
    stale = full = np.int64(0)
    parity = s.parity[frame]
    check = s.check[frame]
    for i in range(min(hits, AHEAD)):
        look_ahead(s, row, opened, found[i])
    for i in range(hits):
        if i + AHEAD < hits:
            look_ahead(s, row, opened, found[i + AHEAD])
        own = -1
        position = int(-1 - found[i])
        if found[i] >= 0:
            if not get_place(row, ODD, found[i]):
                continue
            own = found[i] // length
            position = int(order[own, found[i] - own * length])
        if get_bit(errors, position) or frame * length + position >= s.n_bits:
            return False
        flip_bit(errors, position)
        parity ^= 1
        if flips:
            flip_bit(words, position)
            for t in range(copied):
                flip_place(row, COPY, t * length + np.int64(places[t, position]))
        for t in range(opened):
            here = t * length + np.int64(places[t, position])
            start = here if t == own else start_of(row, here)
            flip_place(row, ODD, start)
            odd = np.int64(get_place(row, ODD, start))
            if t != own:
                end = end_of(row, start)
                if odd and end - start == 1:
                    return False
                low[listed], high[listed] = start, end
                stale |= 1 - odd
                full |= odd & (listed == most)
                listed += odd & (listed < most)
        if s.checked[frame]:
            for c in range(s.subsets.shape[0]):
                check ^= get_bit(s.subsets[c], position) << np.uint64(c)
    s.listed[frame] = listed
    s.stale[frame] |= stale
    s.full[frame] |= full
    s.parity[frame] = parity
    s.check[frame] = check
    return True


@kernel
def drop_stale(s: CascadeState, frame: int) -> None:
    """Take intervals that became even from the list, and repeats."""
    row = s.rows[frame]
    kept = 0
    for i in range(s.listed[frame]):
        low = s.low[frame, i]
        if get_place(row, ODD, low):
            flip_place(row, ODD, low)
            s.low[frame, kept], s.high[frame, kept] = low, s.high[frame, i]
            kept += 1
    for i in range(kept):
        flip_place(row, ODD, s.low[frame, i])
    s.listed[frame] = kept
    s.stale[frame] = 0


@kernel
def list_again(s: CascadeState, frame: int) -> None:
    """List the odd intervals in order of place, as many as there is room for."""
    row = s.rows[frame]
    n, most = 0, s.low.shape[1] - 1
    for w in range(s.opened[frame] * s.words.shape[1]):
        word = row[FIELDS * w + ODD]
        while word != 0 and n < most:
            start = int(64 * w + np.int64(first_one(word)))
            word &= word - ONE
            s.low[frame, n], s.high[frame, n] = start, end_of(row, start)
            n += 1
    s.listed[frame] = n
    s.full[frame] = n == most
