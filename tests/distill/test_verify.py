"""The verification tag against Python integers, and its collision bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_distillation import verification_tag as plain_tag

from qkdlab.bits.array import BitArray
from qkdlab.distill.verify import collision_bound, verification_tag

BIT = st.integers(0, 1)


@given(
    st.lists(BIT, max_size=600),
    st.lists(BIT, min_size=128, max_size=128),
    st.integers(1, 128),
)
def test_agrees_with_the_sum_of_powers(bits, key, tag_bits):
    got = verification_tag(
        BitArray.from_bools(bits), BitArray.from_bools(key), tag_bits
    )
    assert got.to_bools().tolist() == plain_tag(bits, key, tag_bits)


@pytest.mark.parametrize("n", [1, 64, 128, 129, 1000])
def test_every_single_bit_changes_the_tag(n):
    rng = np.random.default_rng(n)
    bits = rng.integers(0, 2, n)
    key = BitArray.from_bools(rng.integers(0, 2, 128))
    tag = verification_tag(BitArray.from_bools(bits), key, 128)
    for i in range(n):
        bits[i] ^= 1
        assert verification_tag(BitArray.from_bools(bits), key, 128) != tag
        bits[i] ^= 1


def test_collision_bound_is_blocks_over_two_to_the_tag():
    assert collision_bound(1281, 40) == 11 / 2**40


def test_collisions_of_a_short_tag_stay_within_the_bound():
    # all keys of a 128-bit field cannot be tried: 2^13 random ones, t = 8, L = 4;
    # bound 4 / 256; 128 expected at most, observed must stay below + 6 sigma
    rng = np.random.default_rng(11)
    left, right = (BitArray.from_bools(rng.integers(0, 2, 512)) for _ in range(2))
    collisions = 0
    for _ in range(2**13):
        key = BitArray.from_words(rng.integers(0, 2**64, 2, dtype=np.uint64), 128)
        collisions += verification_tag(left, key, 8) == verification_tag(right, key, 8)
    assert collisions < 128 + 6 * 128**0.5


@pytest.mark.parametrize(("key_bits", "tag_bits"), [(127, 64), (128, 0), (128, 129)])
def test_wrong_lengths_are_refused(key_bits, tag_bits):
    with pytest.raises(ValueError, match="128 bits"):
        verification_tag(BitArray.zeros(9), BitArray.zeros(key_bits), tag_bits)


def test_different_short_strings_never_share_all_bits_of_the_hash():
    key = BitArray.from_bools([1, 1, 0, 1] * 32)
    tags = [
        verification_tag(BitArray.from_bools(bits), key, 128).to_bytes()
        for bits in itertools.product((0, 1), repeat=6)
    ]
    assert len(set(tags)) == 64
