"""Compiled kernels of distillation: the inner loops of Cascade."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["CascadeState", "ask", "tell"]

ONE = np.uint64(1)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
IDLE, TOPS, BISECT, DONE = 0, 1, 2, 3


class CascadeState(NamedTuple):
    """All that one half of Cascade knows; arrays are changed in place.

    A frame's pass reads the frame in the pass's order; a *place* is an index in that
    order. In every opened pass of a frame the places are cut into known intervals:
    those whose parity difference between the two parties is known. Index c is 0 for
    frames of full length and 1 for the shorter last one.
    """

    words: NDArray[np.uint64]
    """Own string; Bob flips what is found."""
    errors: NDArray[np.uint64]
    """Positions found so far."""
    flips: bool
    frame_bits: int
    n_bits: int
    order: NDArray[np.int32]
    """[c, pass, place] -> position in the frame."""
    place: NDArray[np.int32]
    """[c, pass, position in the frame] -> place."""
    block: NDArray[np.int32]
    """[c, pass] -> block size."""
    copies: NDArray[np.uint64]
    """[frame, pass, :] own bits in the order of the pass, where `copied` is true."""
    copied: NDArray[np.bool_]
    """[frame, pass] a pass of two blocks asks one parity, mostly even: no copy yet."""
    first_half: NDArray[np.uint64]
    """[c, pass, :] of a pass of two blocks: a one at each position of the first."""
    starts: NDArray[np.uint64]
    """[frame, pass, :] a bit at each place where a known interval starts."""
    odd: NDArray[np.uint64]
    """[frame, pass, :] at the start of each known interval, its parity difference."""
    n_odd: NDArray[np.int32]
    """[frame, pass] number of known intervals with odd difference."""
    opened: NDArray[np.int32]
    """[frame] number of passes begun."""
    stage: NDArray[np.int32]
    """[frame] IDLE, TOPS, BISECT or DONE."""
    active_pass: NDArray[np.int32]
    n_active: NDArray[np.int32]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    """[frame, i] the intervals under bisection, in order of place."""


@kernel
def range_parity(row: NDArray[np.uint64], begin: int, end: int) -> int:
    """Return the parity of bits ``[begin, end)``, at least one bit."""
    first, last = begin >> 6, (end - 1) >> 6
    low_mask = ALL << np.uint64(begin & 63)
    high_mask = ALL >> np.uint64(63 - ((end - 1) & 63))
    if first == last:
        word = row[first] & low_mask & high_mask
    else:
        word = (row[first] & low_mask) ^ (row[last] & high_mask)
        for i in range(first + 1, last):
            word ^= row[i]
    word ^= word >> np.uint64(32)
    word ^= word >> np.uint64(16)
    word ^= word >> np.uint64(8)
    word ^= word >> np.uint64(4)
    word ^= word >> np.uint64(2)
    word ^= word >> ONE
    return int(word & ONE)


@kernel
def get_bit(row: NDArray[np.uint64], index: int) -> int:
    """Return one bit."""
    return int((row[index >> 6] >> np.uint64(index & 63)) & ONE)


@kernel
def flip_bit(row: NDArray[np.uint64], index: int) -> None:
    """Flip one bit."""
    row[index >> 6] ^= ONE << np.uint64(index & 63)


@kernel
def previous_one(row: NDArray[np.uint64], index: int) -> int:
    """Return the greatest index of a one at or before `index`; there must be one."""
    i = index >> 6
    word = row[i] & (ALL >> np.uint64(63 - (index & 63)))
    while word == 0:
        i -= 1
        word = row[i]
    bit = 0
    for step in (32, 16, 8, 4, 2, 1):
        if word >> np.uint64(step):
            word >>= np.uint64(step)
            bit += step
    return 64 * i + bit


@kernel
def next_one(row: NDArray[np.uint64], index: int, length: int) -> int:
    """Return the least index of a one at or after `index`, or `length`."""
    if index >= length:
        return length
    i = index >> 6
    word = row[i] & (ALL << np.uint64(index & 63))
    while word == 0:
        i += 1
        if 64 * i >= length:
            return length
        word = row[i]
    bit = 0
    for step in (32, 16, 8, 4, 2, 1):
        if not word << np.uint64(64 - step):
            word >>= np.uint64(step)
            bit += step
    return 64 * i + bit


@kernel
def frame_length(s: CascadeState, frame: int) -> int:
    """Return the number of bits of a frame."""
    return int(min(s.frame_bits, s.n_bits - frame * s.frame_bits))


@kernel
def asked_blocks(s: CascadeState, frame: int, p: int) -> int:
    """Return how many block parities a pass asks: all, later all but the implied."""
    length = frame_length(s, frame)
    block = s.block[1 if length < s.frame_bits else 0, p]
    blocks = (length + block - 1) // block
    return int(blocks if p == 0 else blocks - 1)


@kernel
def has_two_blocks(s: CascadeState, frame: int, p: int) -> bool:
    """Return whether a pass asks one parity that `half_parity` gives."""
    return p > 0 and s.frame_bits & 63 == 0 and asked_blocks(s, frame, p) == 1


@kernel
def half_parity(s: CascadeState, frame: int, p: int) -> bool:
    """Return the parity of the first of two blocks, from the frame's own bits."""
    length = frame_length(s, frame)
    row = s.first_half[1 if length < s.frame_bits else 0, p]
    offset = frame * (s.frame_bits >> 6)
    word = np.uint64(0)
    for w in range((length + 63) >> 6):
        word ^= s.words[offset + w] & row[w]
    for shift in (32, 16, 8, 4, 2, 1):
        word ^= word >> np.uint64(shift)
    return bool(word & ONE)


@kernel
def copy_pass(s: CascadeState, frame: int, p: int) -> None:
    """Copy the frame's bits in the order of pass `p`."""
    s.copied[frame, p] = True
    length = frame_length(s, frame)
    order = s.order[1 if length < s.frame_bits else 0, p]
    copy = s.copies[frame, p]
    offset = frame * s.frame_bits
    for w in range((length + 63) >> 6):
        word = np.uint64(0)
        for bit in range(min(64, length - 64 * w)):
            index = offset + order[64 * w + bit]
            value = (s.words[index >> 6] >> np.uint64(index & 63)) & ONE
            word |= value << np.uint64(bit)
        copy[w] = word


@kernel
def correct(s: CascadeState, frame: int, p: int, place: int) -> bool:
    """Note the error at a place of pass `p`; False if it had been found before."""
    c = 1 if frame_length(s, frame) < s.frame_bits else 0
    position = s.order[c, p, place]
    index = frame * s.frame_bits + position
    if get_bit(s.errors, index):
        return False
    flip_bit(s.errors, index)
    if s.flips:
        flip_bit(s.words, index)
    for t in range(s.opened[frame]):
        here = s.place[c, t, position]
        if s.flips and s.copied[frame, t]:
            flip_bit(s.copies[frame, t], here)
        start = previous_one(s.starts[frame, t], here)
        flip_bit(s.odd[frame, t], start)
        s.n_odd[frame, t] += 2 * get_bit(s.odd[frame, t], start) - 1
    return True


@kernel
def gather_odd(s: CascadeState, frame: int, p: int) -> None:
    """Make the first odd intervals of pass `p` the active ones."""
    length = frame_length(s, frame)
    if not s.copied[frame, p]:
        copy_pass(s, frame, p)
    found = 0
    start = next_one(s.odd[frame, p], 0, length)
    while start < length and found < s.low.shape[1]:
        s.low[frame, found] = start
        s.high[frame, found] = next_one(s.starts[frame, p], start + 1, length)
        found += 1
        start = next_one(s.odd[frame, p], start + 1, length)
    s.active_pass[frame] = p
    s.n_active[frame] = found


@kernel
def advance(s: CascadeState, frame: int) -> bool:
    """Bring a frame to its next question or its end; False on a contradiction."""
    while s.stage[frame] != DONE:
        kept = 0
        for a in range(s.n_active[frame]):
            low, high = s.low[frame, a], s.high[frame, a]
            if high - low == 1:
                if not correct(s, frame, s.active_pass[frame], low):
                    return False
            else:
                s.low[frame, kept], s.high[frame, kept] = low, high
                kept += 1
        s.n_active[frame] = kept
        if kept:
            s.stage[frame] = BISECT
            return True
        p = 0
        while p < s.opened[frame] and s.n_odd[frame, p] == 0:
            p += 1
        if p < s.opened[frame]:
            gather_odd(s, frame, p)
        elif p < s.n_odd.shape[1]:
            if not has_two_blocks(s, frame, p):
                copy_pass(s, frame, p)
            s.opened[frame] += 1
            s.starts[frame, p, 0] |= ONE
            if asked_blocks(s, frame, p):
                s.stage[frame] = TOPS
                return True
        else:
            s.stage[frame] = DONE
    return True


@kernel
def ask(s: CascadeState, out: NDArray[np.uint64]) -> int:
    """Write this round's own parities; return their number, or -1 (contradiction)."""
    n = 0
    for frame in range(s.stage.size):
        if not advance(s, frame):
            return -1
        if s.stage[frame] == TOPS:
            p = s.opened[frame] - 1
            if not s.copied[frame, p]:
                if half_parity(s, frame, p):
                    flip_bit(out, n)
                n += 1
                continue
            length = frame_length(s, frame)
            block = s.block[1 if length < s.frame_bits else 0, p]
            for b in range(asked_blocks(s, frame, p)):
                end = min((b + 1) * block, length)
                if range_parity(s.copies[frame, p], b * block, end):
                    flip_bit(out, n)
                n += 1
        elif s.stage[frame] == BISECT:
            copy = s.copies[frame, s.active_pass[frame]]
            for a in range(s.n_active[frame]):
                low, high = s.low[frame, a], s.high[frame, a]
                if range_parity(copy, low, (low + high) // 2):
                    flip_bit(out, n)
                n += 1
    return n


@kernel
def tell(s: CascadeState, difference: NDArray[np.uint64]) -> None:
    """Take this round's parity differences, in the order of `ask`."""
    n = 0
    for frame in range(s.stage.size):
        if s.stage[frame] == TOPS:
            p = s.opened[frame] - 1
            block = s.block[1 if frame_length(s, frame) < s.frame_bits else 0, p]
            asked = asked_blocks(s, frame, p)
            starts, odd = s.starts[frame, p], s.odd[frame, p]
            n_odd = 0
            for b in range(asked):
                if b:
                    flip_bit(starts, b * block)
                if get_bit(difference, n):
                    flip_bit(odd, b * block)
                    n_odd += 1
                n += 1
            if p:
                # the frame's total difference is even: the last block follows
                flip_bit(starts, asked * block)
                if n_odd & 1:
                    flip_bit(odd, asked * block)
                    n_odd += 1
            s.n_odd[frame, p] = n_odd
            s.stage[frame] = IDLE
        elif s.stage[frame] == BISECT:
            p = s.active_pass[frame]
            for a in range(s.n_active[frame]):
                low, high = s.low[frame, a], s.high[frame, a]
                middle = (low + high) // 2
                flip_bit(s.starts[frame, p], middle)
                if get_bit(difference, n):
                    s.high[frame, a] = middle
                else:
                    flip_bit(s.odd[frame, p], low)
                    flip_bit(s.odd[frame, p], middle)
                    s.low[frame, a] = middle
                n += 1
            s.stage[frame] = IDLE
