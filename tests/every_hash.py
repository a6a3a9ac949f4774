"""Every kind of hash of the distillation, of strings that do not change.

As a program: print the words of a vector for a CPU with the features that are named as
arguments, and the hashes by its instructions, done in software.
"""

from __future__ import annotations

import sys

import numpy as np
import plain_instructions

from qkdlab import cpu
from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless.lanes import width_to_use
from qkdlab.distill.toeplitz import toeplitz_hash
from qkdlab.distill.verify import verification_tag


def random_bits(n, seed):
    rng = np.random.default_rng(seed)
    return BitArray.from_words(rng.integers(0, 1 << 64, n // 64 + 1, np.uint64), n)


def hashes():
    """Return products by Karatsuba, those of transforms of 2^12 and more, and a tag."""
    bits, seed = random_bits(1_700_000, 1), random_bits(1_699_999, 3)
    lengths = [(200, 77), (20_001, 9_001), (90_000, 30_001), (249_999, 120_000)]
    lengths += [(280_000, 5_000), (700_000, 300_001), (1_700_000, 900_001)]
    found = [toeplitz_hash(bits[:n], seed[: n - 1], m) for n, m in lengths]
    return [*found, verification_tag(bits[:99_999], random_bits(128, 4), 128)]


if __name__ == "__main__":
    plain_instructions.take_over()
    cpu.features = lambda: frozenset(sys.argv[1:])
    print(width_to_use(None))
    for one in hashes():
        print(one.to_bytes().hex())
