"""The inner loops of Cascade: many frames in lock-step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import first_one
from qkdlab.distill.cascade.places._kernels import (
    COPY,
    FIELDS,
    ODD,
    ONE,
    STARTS,
    copy_in_order,
    end_of,
    flip_bit,
    flip_place,
    get_bit,
    get_place,
    masked_parity,
    range_parity,
    start_of,
)
from qkdlab.jit import kernel

__all__ = ["CascadeState", "ask", "tell"]

READY, OPENING, BISECTING, CHECKING, SEARCHING, DONE = range(6)


class CascadeState(NamedTuple):
    """All that one half of Cascade knows of a batch; arrays are changed in place.

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
    for i in range(hits):
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
def ask(s: CascadeState, out: NDArray[np.uint64]) -> int:
    """Write this round's own parities; return their number."""
    length = 64 * s.words.shape[1]
    n = 0
    word = np.uint64(0)
    for frame in range(s.stage.size):
        if s.stage[frame] == READY:
            advance(s, frame)
        stage = s.stage[frame]
        if stage == DONE:
            continue
        row, low, high = s.rows[frame], s.low[frame], s.high[frame]
        if stage == OPENING:
            p = s.opened[frame] - 1
            begin, end = p * length, (p + 1) * length
            for _ in range(asked_blocks(s, p)):
                after = min(begin + s.block[p], end)
                word |= range_parity(row, begin, after) << np.uint64(n & 63)
                begin = after
                n += 1
                if n & 63 == 0:
                    out[(n >> 6) - 1] = word
                    word = np.uint64(0)
        elif stage == BISECTING:
            for i in range(s.listed[frame]):
                middle = (low[i] + high[i]) >> 1
                word |= range_parity(row, low[i], middle) << np.uint64(n & 63)
                n += 1
                if n & 63 == 0:
                    out[(n >> 6) - 1] = word
                    word = np.uint64(0)
        elif stage == CHECKING:
            for c in range(s.subsets.shape[0]):
                bit = masked_parity(s.words[frame], s.subsets[c], 0, length)
                word |= bit << np.uint64(n & 63)
                n += 1
                if n & 63 == 0:
                    out[(n >> 6) - 1] = word
                    word = np.uint64(0)
        elif stage == SEARCHING:
            mask = s.subsets[int(first_one(s.check[frame]))]
            middle = (low[0] + high[0]) >> 1
            bit = masked_parity(s.words[frame], mask, low[0], middle)
            word |= bit << np.uint64(n & 63)
            n += 1
            if n & 63 == 0:
                out[(n >> 6) - 1] = word
                word = np.uint64(0)
    if n & 63:
        out[n >> 6] = word
    return n


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
        at = FIELDS * (begin >> 6)
        row[at + STARTS] |= ONE << np.uint64(begin & 63)
        row[at + ODD] |= bit << np.uint64(begin & 63)
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
def tell_bisecting(
    s: CascadeState, frame: int, difference: NDArray[np.uint64], n: int
) -> bool:
    """Take the differences of the listed intervals' first halves; correct errors."""
    row, low, high = s.rows[frame], s.low[frame], s.high[frame]
    kept = hits = 0
    for i in range(s.listed[frame]):
        begin, end = low[i], high[i]
        middle = (begin + end) >> 1
        bit = get_bit(difference, n + i)
        other = bit ^ ONE
        at = FIELDS * (middle >> 6)
        row[at + STARTS] |= ONE << np.uint64(middle & 63)
        row[at + ODD] |= other << np.uint64(middle & 63)
        row[FIELDS * (begin >> 6) + ODD] ^= other << np.uint64(begin & 63)
        begin, end = (begin, middle) if bit else (middle, end)
        low[kept], high[kept], s.found[hits] = begin, end, begin
        is_one = int(end - begin == 1)
        kept += 1 - is_one
        hits += is_one
    s.listed[frame] = kept
    return correct(s, frame, hits)


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
            asked = s.listed[frame]
            if not tell_bisecting(s, frame, difference, n):
                return False
            n += asked
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
