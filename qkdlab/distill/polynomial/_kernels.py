"""Compiled kernels of the polynomial hash.

Both ways take whole blocks of 128 bits as pairs of words, low word first, and give the
same two words: sum_j b_j r^(L-j) in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.polynomial._intrinsics import product_of_words
from qkdlab.jit import kernel

__all__ = ["hash_by_products", "hash_by_tables"]

Words = NDArray[np.uint64]
Wide = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
FOLD = np.uint64(0x87)
"""The modulus without x^128."""
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
def hash_by_tables(words: Words, key_low: np.uint64, key_high: np.uint64) -> Words:
    """Hash by Horner's rule on any CPU.

    Multiplication by r takes the accumulator four bits at a time, highest first, from
    a table of the 16 multiples of r.
    """
    table_low = np.zeros(16, np.uint64)
    table_high = np.zeros(16, np.uint64)
    table_low[1] = key_low
    table_high[1] = key_high
    for i in range(2, 16):
        if i & 1:
            table_low[i] = table_low[i - 1] ^ key_low
            table_high[i] = table_high[i - 1] ^ key_high
        else:
            low, high = table_low[i >> 1], table_high[i >> 1]
            carry = high >> np.uint64(63)
            table_high[i] = (high << np.uint64(1)) | (low >> np.uint64(63))
            table_low[i] = (low << np.uint64(1)) ^ (carry * FOLD)
    # x^128 times the four bits that a shift by four pushes out
    fold = np.zeros(16, np.uint64)
    for i in range(16):
        for bit in range(4):
            if (i >> bit) & 1:
                fold[i] ^= FOLD << np.uint64(bit)
    low, high = np.uint64(0), np.uint64(0)
    for j in range(0, words.size, 2):
        in_low, in_high = low ^ words[j], high ^ words[j + 1]
        low, high = np.uint64(0), np.uint64(0)
        for nibble in range(32):
            out = high >> np.uint64(60)
            high = (high << np.uint64(4)) | (low >> np.uint64(60))
            low = (low << np.uint64(4)) ^ fold[out]
            if nibble < 16:
                digit = (in_high >> np.uint64(60 - 4 * nibble)) & np.uint64(15)
            else:
                digit = (in_low >> np.uint64(124 - 4 * nibble)) & np.uint64(15)
            low ^= table_low[digit]
            high ^= table_high[digit]
    total = np.empty(2, np.uint64)
    total[0], total[1] = low, high
    return total
