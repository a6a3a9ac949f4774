"""Compiled kernels of the polynomial hash.

Both ways take whole blocks of 128 bits as pairs of words, low word first, and give the
same two words: sum_j b_j r^(L-j) in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.polynomial._intrinsics import product_of_words
from qkdlab.jit import kernel

__all__ = ["hash_by_integers", "hash_by_products"]

Words = NDArray[np.uint64]
Wide = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
FOLD = np.uint64(0x87)
"""The modulus without x^128."""
EVERY_4 = tuple(np.uint64(0x1111111111111111 << i) for i in range(4))
ALTERNATE = tuple(np.uint64((1 << 64) // ((1 << (1 << i)) + 1)) for i in range(5))
"""Masks of 1, 2, 4, 8, 16 ones and as many zeros in turn."""
TOGETHER = 8
"""Blocks between two reductions."""


@kernel
def _wide_product(
    a_low: np.uint64, a_high: np.uint64, b_low: np.uint64, b_high: np.uint64
) -> Wide:
    """Return the 256 bits of a product of two blocks, lowest word first."""
    low_0, low_1 = product_of_words(a_low, b_low)
    high_0, high_1 = product_of_words(a_high, b_high)
    middle_0, middle_1 = product_of_words(a_low ^ a_high, b_low ^ b_high)
    middle_0 ^= low_0 ^ high_0
    middle_1 ^= low_1 ^ high_1
    return low_0, low_1 ^ middle_0, high_0 ^ middle_1, high_1


@kernel
def _reduced(
    w_0: np.uint64, w_1: np.uint64, w_2: np.uint64, w_3: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Return 256 bits modulo the field's polynomial."""
    low, high = product_of_words(w_3, FOLD)
    w_1 ^= low
    w_2 ^= high
    low, high = product_of_words(w_2, FOLD)
    return w_0 ^ low, w_1 ^ high


@kernel
def hash_by_products(words: Words, key_low: np.uint64, key_high: np.uint64) -> Words:
    """Hash by carry-less products, in a time that does not depend on the bits.

    Several blocks are multiplied by powers of r of their own, their products of 256
    bits summed, and the sum reduced once.
    """
    low_of = np.empty(TOGETHER, np.uint64)
    high_of = np.empty(TOGETHER, np.uint64)
    low, high = key_low, key_high
    for i in range(TOGETHER):
        low_of[i], high_of[i] = low, high
        w_0, w_1, w_2, w_3 = _wide_product(low, high, key_low, key_high)
        low, high = _reduced(w_0, w_1, w_2, w_3)
    low, high = np.uint64(0), np.uint64(0)
    n_blocks = words.size >> 1
    alone = n_blocks % TOGETHER
    for block in range(alone):
        low ^= words[2 * block]
        high ^= words[2 * block + 1]
        w_0, w_1, w_2, w_3 = _wide_product(low, high, key_low, key_high)
        low, high = _reduced(w_0, w_1, w_2, w_3)
    for block in range(alone, n_blocks, TOGETHER):
        w_0, w_1, w_2, w_3 = _wide_product(
            low ^ words[2 * block],
            high ^ words[2 * block + 1],
            low_of[TOGETHER - 1],
            high_of[TOGETHER - 1],
        )
        for i in range(1, TOGETHER):
            at, power = 2 * (block + i), TOGETHER - 1 - i
            v_0, v_1, v_2, v_3 = _wide_product(
                words[at], words[at + 1], low_of[power], high_of[power]
            )
            w_0 ^= v_0
            w_1 ^= v_1
            w_2 ^= v_2
            w_3 ^= v_3
        low, high = _reduced(w_0, w_1, w_2, w_3)
    total = np.empty(2, np.uint64)
    total[0], total[1] = low, high
    return total


@kernel
def _low_product(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the low word of the carry-less product, by products of whole numbers.

    Every fourth bit of a word stays alone: at most 16 ones meet in a place, and their
    carry runs over the three empty places above it, or out of the word.
    """
    a_0, a_1, a_2, a_3 = a & EVERY_4[0], a & EVERY_4[1], a & EVERY_4[2], a & EVERY_4[3]
    b_0, b_1, b_2, b_3 = b & EVERY_4[0], b & EVERY_4[1], b & EVERY_4[2], b & EVERY_4[3]
    c_0 = (a_0 * b_0) ^ (a_1 * b_3) ^ (a_2 * b_2) ^ (a_3 * b_1)
    c_1 = (a_0 * b_1) ^ (a_1 * b_0) ^ (a_2 * b_3) ^ (a_3 * b_2)
    c_2 = (a_0 * b_2) ^ (a_1 * b_1) ^ (a_2 * b_0) ^ (a_3 * b_3)
    c_3 = (a_0 * b_3) ^ (a_1 * b_2) ^ (a_2 * b_1) ^ (a_3 * b_0)
    low, high = (c_0 & EVERY_4[0]) | (c_1 & EVERY_4[1]), c_2 & EVERY_4[2]
    return low | high | (c_3 & EVERY_4[3])


@kernel
def _turned(word: np.uint64) -> np.uint64:
    """Return a word with its bits in reverse order."""
    for i in range(5):
        step = np.uint64(1) << np.uint64(i)
        word = ((word >> step) & ALTERNATE[i]) | ((word & ALTERNATE[i]) << step)
    return (word >> np.uint64(32)) | (word << np.uint64(32))


@kernel
def _high_product(a_turned: np.uint64, b_turned: np.uint64) -> np.uint64:
    """Return the high word of the carry-less product of two words given turned."""
    return _turned(_low_product(a_turned, b_turned)) >> np.uint64(1)


@kernel
def _times_fold(word: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return low and high word of the carry-less product with FOLD."""
    low = word ^ (word << np.uint64(1)) ^ (word << np.uint64(2))
    high = (word >> np.uint64(63)) ^ (word >> np.uint64(62))
    return low ^ (word << np.uint64(7)), high ^ (word >> np.uint64(57))


@kernel
def hash_by_integers(words: Words, key_low: np.uint64, key_high: np.uint64) -> Words:
    """Hash on any CPU by products of whole numbers; no address follows from a bit.

    So its time depends on the length alone wherever that of a multiplication of 64 bits
    does not depend on the factors. Method: Pornin's for GHASH in BearSSL [mem].
    """
    key_both = key_low ^ key_high
    low_turned, high_turned = _turned(key_low), _turned(key_high)
    both_turned = low_turned ^ high_turned
    low, high = np.uint64(0), np.uint64(0)
    for j in range(0, words.size, 2):
        low ^= words[j]
        high ^= words[j + 1]
        a, b = _turned(low), _turned(high)
        w_0, w_1 = _low_product(low, key_low), _high_product(a, low_turned)
        w_2, w_3 = _low_product(high, key_high), _high_product(b, high_turned)
        middle_0 = _low_product(low ^ high, key_both) ^ w_0 ^ w_2
        middle_1 = _high_product(a ^ b, both_turned) ^ w_1 ^ w_3
        w_1 ^= middle_0
        w_2 ^= middle_1
        fold_low, fold_high = _times_fold(w_3)
        w_1 ^= fold_low
        w_2 ^= fold_high
        fold_low, fold_high = _times_fold(w_2)
        low, high = w_0 ^ fold_low, w_1 ^ fold_high
    total = np.empty(2, np.uint64)
    total[0], total[1] = low, high
    return total
