"""Compiled kernels of `BitArray`: each reads and writes every word once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import count_ones, extract_bits, first_one, pack_64
from qkdlab.jit import kernel

__all__ = [
    "compress",
    "compress_portably",
    "count",
    "gather",
    "move_down",
    "move_up",
    "pack",
    "places_of_ones",
    "shuffle",
    "squeeze",
]

Words = NDArray[np.uint64]
ONE = np.uint64(1)
LAST = np.uint64(63)


@kernel
def count(words: Words) -> int:
    """Return the number of ones."""
    total = np.uint64(0)
    for word in words:
        total += count_ones(word)
    return int(total)


@kernel
def places_of_ones(words: Words, out: NDArray[np.int64]) -> None:
    """Write the indices of the ones, in order; `out` has room for them."""
    n = 0
    for i in range(words.size):
        word = words[i]
        while word:
            out[n] = 64 * i + np.int64(first_one(word))
            word &= word - ONE
            n += 1


@kernel
def pack(values: NDArray[np.uint8], bit: int, out: Words) -> None:
    """Write bit `bit` of each byte."""
    whole = values.size >> 6
    for w in range(whole):
        out[w] = pack_64(values, 64 * w, np.uint8(bit))
    word = np.uint64(0)
    for i in range(64 * whole, values.size):
        word |= np.uint64(values[i] >> np.uint8(bit) & 1) << np.uint64(i & 63)
    if values.size & 63:
        out[whole] = word


@kernel
def move_down(words: Words, first: int, out: Words) -> None:
    """Write the bits from bit `first` on; there are at least as many as `out` has."""
    at, shift = first >> 6, np.uint64(first & 63)
    n = out.size
    for i in range(min(n, words.size - at - 1)):
        high = (words[at + i + 1] << ONE) << (LAST - shift)
        out[i] = words[at + i] >> shift | high
    if n and at + n == words.size:
        out[n - 1] = words[at + n - 1] >> shift


@kernel
def move_up(words: Words, first: int, out: Words) -> None:
    """Join the bits to `out` from bit `first` on, where it is zero from there on."""
    at, shift = first >> 6, np.uint64(first & 63)
    if words.size == 0:
        return
    out[at] |= words[0] << shift
    for i in range(1, words.size):
        low = (words[i - 1] >> ONE) >> (LAST - shift)
        out[at + i] = words[i] << shift | low
    high = (words[words.size - 1] >> ONE) >> (LAST - shift)
    if high:
        out[at + words.size] = high


@kernel
def squeeze(word: np.uint64, mask: np.uint64) -> np.uint64:
    """Do as `extract_bits` on any CPU (Warren, Hacker's Delight 7-4 [mem]).

    Each round moves the bits that have an odd number of gaps below them, in units of
    1, 2, 4, ...; a prefix sum of parities tells which those are.
    """
    word &= mask
    gaps = ~mask << ONE
    for i in range(6):
        odd = gaps ^ (gaps << ONE)
        for shift in (2, 4, 8, 16, 32):
            odd ^= odd << np.uint64(shift)
        moved = odd & mask
        step = np.uint64(1 << i)
        mask = (mask ^ moved) | (moved >> step)
        bits = word & moved
        word = (word ^ bits) | (bits >> step)
        gaps &= ~odd
    return word


@kernel
def append(
    out: Words,
    at: np.int64,
    filled: np.uint64,
    used: np.uint64,
    chosen: np.uint64,
    n: np.uint64,
) -> tuple[np.int64, np.uint64, np.uint64]:
    """Put n bits behind the `used` bits of `filled`, which becomes word `at` of `out`.

    Returns what `at`, `filled` and `used` are then. n is 0 to 64.
    """
    filled |= chosen << used
    out[at] = filled
    total = used + n
    # no branch: whether the word is full is anybody's guess
    full = total >> np.uint64(6)
    kept, over = full - ONE, np.uint64(0) - full
    filled = (filled & kept) | (((chosen >> ONE) >> (LAST - used)) & over)
    return at + np.int64(full), filled, total & LAST


@kernel
def compress(words: Words, mask: Words, out: Words) -> None:
    """Write the bits where `mask` has ones; `out` has a word more than these fill."""
    at, filled, used = np.int64(0), np.uint64(0), np.uint64(0)
    for i in range(mask.size):
        chosen, n = extract_bits(words[i], mask[i]), count_ones(mask[i])
        at, filled, used = append(out, at, filled, used, chosen, n)
    out[at] = filled


@kernel
def compress_portably(words: Words, mask: Words, out: Words) -> None:
    """Do as `compress` on any CPU."""
    at, filled, used = np.int64(0), np.uint64(0), np.uint64(0)
    for i in range(mask.size):
        chosen, n = squeeze(words[i], mask[i]), count_ones(mask[i])
        at, filled, used = append(out, at, filled, used, chosen, n)
    out[at] = filled


@kernel
def gather(words: Words, n_bits: int, indices: NDArray[Any], out: Words) -> bool:
    """Set bit i of `out` to bit ``indices[i]`` of `words`; False if one is outside."""
    n, end = indices.size, np.uint64(n_bits)
    for w in range(out.size):
        word = np.uint64(0)
        first = 64 * w
        for bit in range(min(64, n - first)):
            index = np.uint64(indices[first + bit])  # a negative one is outside, too
            if index >= end:
                return False
            here = words[index >> np.uint64(6)] >> (index & LAST) & ONE
            word |= here << np.uint64(bit)
        out[w] = word
    return True


@kernel
def shuffle(order: NDArray[np.int32], above: int, numbers: NDArray[np.uint32]) -> int:
    """Go on with a Fisher-Yates shuffle while there are random numbers.

    Exchanges places ``above - 1``, ``above - 2``, ... 1 with one at or below them each,
    and returns the `above` of what is left to do, 1 at the end. See `permutation`.
    """
    low = np.uint64(0xFFFFFFFF)
    for number in numbers:
        if above <= 1:
            break
        product = np.uint64(number) * np.uint64(above)
        rest = product & low
        if rest < np.uint64(above) and rest < np.uint64(1 << 32) % np.uint64(above):
            continue
        above -= 1
        other = product >> np.uint64(32)
        order[above], order[other] = order[other], order[above]
    return above
