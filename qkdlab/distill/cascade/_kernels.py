"""The inner loops of Cascade: many frames in lock-step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import first_one
from qkdlab.distill.cascade.correction._kernels import (
    correct,
    drop_stale,
    list_again,
)
from qkdlab.distill.cascade.places._kernels import (
    FIELDS,
    ODD,
    ONE,
    ask_ahead,
    copy_in_order,
    flip_place,
    get_bit,
    masked_parity,
    range_parity,
    start_at,
)
from qkdlab.distill.cascade.state import (
    BISECTING,
    CHECKING,
    DONE,
    OPENING,
    READY,
    SEARCHING,
    CascadeState,
)
from qkdlab.jit import kernel

__all__ = ["ask", "tell"]

AHEAD = 8
"""Intervals between asking for the words of one and reading them."""


@kernel
def advance(s: CascadeState, frame: int) -> None:
    """Bring a frame to its next questions or its end."""
    if s.stale[frame]:
        drop_stale(s, frame)
    if s.listed[frame] == 0 and s.full[frame]:
        list_again(s, frame)
    p = s.opened[frame]
    if p < s.block.size and s.listed[frame] <= s.few:
        group = frame >> 6
        if not s.copied[p, group]:
            length = 64 * s.words.shape[1]
            some = slice(64 * group, min(64 * group + 64, s.words.shape[0]))
            copy_in_order(s.words[some], s.order[p], s.rows[some], p * length, s.mixed)
            s.copied[p, group] = 1
        s.opened[frame] = p + 1
        s.stage[frame] = OPENING
    elif s.listed[frame]:
        s.stage[frame] = BISECTING
    elif not s.checked[frame]:
        s.stage[frame] = CHECKING
    elif s.check[frame]:
        s.stage[frame] = SEARCHING
        s.low[frame, 0], s.high[frame, 0] = 0, 64 * s.words.shape[1]
    else:
        s.stage[frame] = DONE


@kernel
def asked_blocks(s: CascadeState, p: int) -> int:
    """Return how many block parities a pass asks: all, later all but the implied."""
    length = 64 * s.words.shape[1]
    blocks = (length + s.block[p] - 1) // s.block[p]
    return int(blocks - (p > 0))


@kernel
def advance_all(s: CascadeState) -> None:
    """Bring all frames to their next questions, and see how these are to be cut."""
    listed = 0
    for frame in range(s.stage.size):
        if s.stage[frame] == READY:
            advance(s, frame)
        if s.stage[frame] == BISECTING:
            listed += s.listed[frame]
    halvings = 1
    for crowd in s.crowd:
        halvings += 64 * listed <= crowd * s.stage.size
    s.halvings[0] = halvings


@kernel
def ask(s: CascadeState, out: NDArray[np.uint64]) -> int:
    """Write this round's own parities; return their number."""
    length = 64 * s.words.shape[1]
    n = 0
    word = np.uint64(0)
    advance_all(s)
    halvings = s.halvings[0]
    for frame in range(s.stage.size):
        stage = s.stage[frame]
        if stage == DONE:
            continue
        row, low, high = s.rows[frame], s.low[frame], s.high[frame]
        if stage == OPENING:
            p = s.opened[frame] - 1
            begin, end = p * length, (p + 1) * length
            for _ in range(asked_blocks(s, p)):
                after = min(begin + s.block[p], end)
                word = put(out, word, n, range_parity(row, begin, after))
                begin = after
                n += 1
        elif stage == BISECTING and halvings == 1:
            last = s.listed[frame] - 1
            for i in range(last + 1):
                ask_ahead(row, low[min(i + AHEAD, last)])
                middle = (low[i] + high[i]) >> 1
                word = put(out, word, n, range_parity(row, low[i], middle))
                n += 1
        elif stage == BISECTING:
            for i in range(s.listed[frame]):
                begin = low[i]
                for piece in range(1, 1 << halvings):
                    after = low[i] + (piece * (high[i] - low[i]) >> halvings)
                    if after > begin:
                        word = put(out, word, n, range_parity(row, begin, after))
                        begin = after
                        n += 1
        elif stage == CHECKING:
            for c in range(s.subsets.shape[0]):
                bit = masked_parity(s.words[frame], s.subsets[c], 0, length)
                word = put(out, word, n, bit)
                n += 1
        elif stage == SEARCHING:
            mask = s.subsets[int(first_one(s.check[frame]))]
            middle = (low[0] + high[0]) >> 1
            bit = masked_parity(s.words[frame], mask, low[0], middle)
            word = put(out, word, n, bit)
            n += 1
    if n & 63:
        out[n >> 6] = word
    return n


@kernel
def put(out: NDArray[np.uint64], word: np.uint64, n: int, bit: np.uint64) -> np.uint64:
    """Add bit `n` to the word that is being filled; return what goes on."""
    word |= bit << np.uint64(n & 63)
    if n & 63 == 63:
        out[n >> 6] = word
        word = np.uint64(0)
    return word


@kernel
def tell_opening(
    s: CascadeState, frame: int, difference: NDArray[np.uint64], n: int
) -> int:
    """Take the differences of a pass's blocks from bit `n`; return the next."""
    length = 64 * s.words.shape[1]
    p = s.opened[frame] - 1
    row, low, high = s.rows[frame], s.low[frame], s.high[frame]
    begin, end = p * length, (p + 1) * length
    asked, listed, most = asked_blocks(s, p), s.listed[frame], low.size - 1
    implied = np.uint64(s.parity[frame])
    for b in range(asked + (p > 0)):
        bit = implied
        if b < asked:
            bit = get_bit(difference, n)
            n += 1
        implied ^= bit
        start_at(row, begin, bit)
        low[listed] = begin
        begin = min(begin + s.block[p], end)
        high[listed] = begin
        odd = np.int64(bit)
        s.full[frame] |= odd & (listed == most)
        listed += odd & (listed < most)
    if p == 0:
        s.parity[frame] = np.uint8(implied)
    s.listed[frame] = listed
    return n


@kernel
def tell_halves(
    s: CascadeState, frame: int, difference: NDArray[np.uint64], n: int
) -> int:
    """Take the differences of the listed intervals' first halves from bit `n`.

    Returns the number of errors found, which `correct` takes.
    """
    row, low, high = s.rows[frame], s.low[frame], s.high[frame]
    kept = hits = 0
    last = s.listed[frame] - 1
    for i in range(last + 1):
        ahead = min(i + AHEAD, last)
        ask_ahead(row, low[ahead])
        ask_ahead(row, (low[ahead] + high[ahead]) >> 1)
        begin, end = low[i], high[i]
        middle = (begin + end) >> 1
        bit = get_bit(difference, n + i)
        other = bit ^ ONE
        start_at(row, middle, other)
        row[FIELDS * (begin >> 6) + ODD] ^= other << np.uint64(begin & 63)
        begin, end = (begin, middle) if bit else (middle, end)
        low[kept], high[kept], s.found[hits] = begin, end, begin
        is_one = int(end - begin == 1)
        kept += 1 - is_one
        hits += is_one
    s.listed[frame] = kept
    return hits


@kernel
def tell_pieces(
    s: CascadeState, frame: int, difference: NDArray[np.uint64], n: int
) -> tuple[int, int]:
    """Do as `tell_halves` for smaller pieces, of which several may be odd.

    Returns the number of errors found and the bit after the last that was taken.
    """
    row, low, high = s.rows[frame], s.low[frame], s.high[frame]
    asked, most = int(s.listed[frame]), low.size - 1
    kept, top, hits = 0, asked, 0
    for i in range(asked):
        first, end = int(low[i]), int(high[i])
        begin, implied, is_first = first, ONE, True
        flip_place(row, ODD, first)
        for piece in range(1, (1 << s.halvings[0]) + 1):
            after = first + (piece * (end - first) >> s.halvings[0])
            if after == begin:
                continue
            bit = implied
            if after < end:
                bit = get_bit(difference, n)
                n += 1
            implied ^= bit
            start_at(row, begin, bit)
            if bit and after - begin == 1:
                s.found[hits] = begin
                hits += 1
            elif bit and is_first:
                low[kept], high[kept] = begin, after
                kept += 1
                is_first = False
            elif bit and top < most:
                low[top], high[top] = begin, after
                top += 1
            elif bit:
                s.full[frame] = 1
            begin = after
    for i in range(asked, top):
        low[kept], high[kept] = low[i], high[i]
        kept += 1
    s.listed[frame] = kept
    return hits, n


@kernel
def tell(s: CascadeState, difference: NDArray[np.uint64]) -> bool:
    """Take this round's parity differences; False when they contradict each other."""
    n = 0
    for frame in range(s.stage.size):
        stage = s.stage[frame]
        if stage == OPENING:
            n = tell_opening(s, frame, difference, n)
            s.stage[frame] = READY
        elif stage == BISECTING:
            if s.halvings[0] == 1:
                after = n + s.listed[frame]
                hits = tell_halves(s, frame, difference, n)
            else:
                hits, after = tell_pieces(s, frame, difference, n)
            if not correct(s, frame, hits):
                return False
            n = after
            s.stage[frame] = READY
        elif stage == CHECKING:
            for c in range(s.subsets.shape[0]):
                s.check[frame] |= get_bit(difference, n) << np.uint64(c)
                n += 1
            s.checked[frame] = 1
            s.stage[frame] = READY
        elif stage == SEARCHING:
            low, high = s.low[frame], s.high[frame]
            middle = (low[0] + high[0]) >> 1
            if get_bit(difference, n):
                high[0] = middle
            else:
                low[0] = middle
            n += 1
            if high[0] - low[0] == 1:
                position = int(low[0])
                if not get_bit(s.subsets[int(first_one(s.check[frame]))], position):
                    return False
                s.found[0] = -1 - position
                if not correct(s, frame, 1):
                    return False
                s.stage[frame] = READY
    return True
