"""Verification: a short public hash that differs when the corrected strings differ.

The string, zero-padded to 128-bit blocks b_0 ... b_{L-1}, is evaluated at a public
random point r of GF(2^128):

    H = b_0 r^L + b_1 r^(L-1) + ... + b_{L-1} r,

and the tag is the low `tag_bits` bits of H. Bit i of a block (bit i of word 2j for
i < 64, of word 2j + 1 above) is the coefficient of x^i; the field's modulus is
x^128 + x^7 + x^2 + x + 1. For two different strings of one length the difference of
their hashes is a polynomial in r of degree at most L without constant term, so each of
the 2^(128-t) field elements whose low t bits vanish is met by at most L values of r:
the collision probability is at most L / 2^t. The strings must be final before r is
drawn (SECURITY rule 7).

Where the CPU multiplies without carries the hash is made of such products, elsewhere
of products of whole numbers. Either way its time depends on the length alone, and no
address on a bit; the tags are the same.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless.lanes import lanes_of_this_cpu

__all__ = ["KEY_BITS", "collision_bound", "tag_bits_for", "verification_tag"]

KEY_BITS = 128
"""Length of the public hash key r."""


def collision_bound(n_bits: int, tag_bits: int) -> float:
    """Return ceil(n / 128) / 2^t, the chance that different strings get equal tags.

    n_bits:   length of each string
    tag_bits: length t of the tag, 1 to 128
    """
    if n_bits < 0 or not 1 <= tag_bits <= KEY_BITS:
        raise ValueError("verification wants n >= 0 bits and a tag of 1 to 128 bits")
    return float(-(-n_bits // 128)) / 2.0**tag_bits


def tag_bits_for(n_bits: int, epsilon_correctness: float) -> int:
    """Return the length of the shortest tag that keeps `collision_bound` in epsilon.

    n_bits:              the most bits that the strings can have
    epsilon_correctness: chance that different strings may pass, above 0

    Exact: no rounding ever gives a tag that is too short. Raises ValueError when no
    tag is long enough.
    """
    blocks = max(1, -(-n_bits // 128))
    for tag_bits in range(1, KEY_BITS + 1):
        if Fraction(blocks, 1 << tag_bits) <= Fraction(epsilon_correctness):
            return tag_bits
    raise ValueError("no verification tag is long enough for this epsilon")


def verification_tag(
    bits: BitArray, key: BitArray, tag_bits: int, *, portable: bool | None = None
) -> BitArray:
    """Return the tag of `bits` under the public random `key` of 128 bits.

    portable: without carry-less products, for tests; as this CPU has them when not
              given. The tag does not depend on it.

    The tag is derived from secret bits: its `tag_bits` bits are charged once in the
    key length. Raises ValueError for a key or tag of another length.
    """
    from qkdlab.distill.polynomial._kernels import hash_by_integers, hash_by_products

    if len(key) != KEY_BITS or not 1 <= tag_bits <= KEY_BITS:
        raise ValueError("verification wants a key of 128 bits, a tag of 1 to 128 bits")
    if portable is None:
        portable = not lanes_of_this_cpu()
    words = bits.words
    padded = np.append(words, np.uint64(0)) if words.size % 2 else words
    way = hash_by_integers if portable else hash_by_products
    total = way(padded, key.words[0], key.words[1])
    if padded is not words:
        padded.fill(0)
    tag = BitArray.from_words(total, tag_bits)
    total.fill(0)  # of its other bits nobody may learn
    return tag
