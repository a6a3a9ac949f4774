"""The verification tag against Python integers, and its collision bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_distillation import verification_tag as plain_tag

from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless import lanes
from qkdlab.distill.polynomial import _kernels
from qkdlab.distill.verify import collision_bound, tag_bits_for, verification_tag

BIT = st.integers(0, 1)
WAYS = [False, True] if lanes.lanes_of_this_cpu() else [True]
"""Whether the hash does without the CPU's products."""


@given(
    # up to two groups of blocks that are reduced together, and single ones before
    st.lists(BIT, max_size=2400),
    st.lists(BIT, min_size=128, max_size=128),
    st.integers(1, 128),
    st.sampled_from(WAYS),
)
def test_agrees_with_the_sum_of_powers(bits, key, tag_bits, portable):
    got = verification_tag(
        BitArray.from_bools(bits),
        BitArray.from_bools(key),
        tag_bits,
        portable=portable,
    )
    assert got.to_bools().tolist() == plain_tag(bits, key, tag_bits)


@pytest.mark.parametrize("n_blocks", [0, 1, 7, 8, 9, 15, 16, 17, 1000])
@pytest.mark.parametrize("key", [[0, 0], [1, 0], [2**64 - 1] * 2, [5 << 40, 1 << 63]])
def test_both_ways_give_the_same_hash(n_blocks, key):
    words = np.random.default_rng(n_blocks).integers(0, 1 << 64, 2 * n_blocks, "u8")
    bits, at = BitArray.from_words(words, 128 * n_blocks), BitArray.from_words(key, 128)
    tags = {verification_tag(bits, at, 128, portable=w).to_bytes() for w in WAYS}
    assert len(tags) == 1


class Unseen:
    """A word whose value may be computed with, and neither looked up nor tested."""

    __array_ufunc__ = None  # so that NumPy's words leave the operation to this one

    def __init__(self, value):
        self.value = int(value) & (1 << 64) - 1

    def _made(self, other, operation):
        other = other.value if isinstance(other, Unseen) else int(other)
        return Unseen(operation(self.value, other))

    def __and__(self, other):
        return self._made(other, int.__and__)

    def __or__(self, other):
        return self._made(other, int.__or__)

    def __xor__(self, other):
        return self._made(other, int.__xor__)

    def __mul__(self, other):
        return self._made(other, int.__mul__)

    def __lshift__(self, places):
        return Unseen(self.value << int(places))

    def __rshift__(self, places):
        return Unseen(self.value >> int(places))

    __rand__, __rxor__ = __and__, __xor__

    def __int__(self):
        return self.value

    def __bool__(self):
        raise AssertionError("a branch follows from the word")

    def __index__(self):
        raise AssertionError("an address follows from the word")


def test_the_portable_hash_looks_nothing_up_by_what_is_secret(monkeypatch):
    for name in ("_low_product", "_high_product", "_turned", "_times_fold"):
        plainly = getattr(_kernels, name).py_func
        monkeypatch.setattr(_kernels, name, plainly)
    words = [3 << 62, 5, 7 << 40, (1 << 64) - 1]
    key = np.uint64(9 << 60), np.uint64(3)
    secret = np.array([Unseen(word) for word in words], object)
    got = _kernels.hash_by_integers.py_func(secret, *key)
    assert (got == _kernels.hash_by_integers(np.array(words, np.uint64), *key)).all()


def mirrored(data):
    """Turn a block of GHASH, whose first bit is the highest of byte 0, into ours."""
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


# McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, cases 2 and 3:
# hash key, blocks with their lengths, GHASH
GHASH = [
    (
        "66e94bd4ef8a2c3b884cfa59ca342b2e",
        "0388dace60b6a392f328c2b971b2fe78" + "00000000000000000000000000000080",
        "f38cbb1ad69223dcc3457ae5b6b0f885",
    ),
    (
        "b83b533708bf535d0aa6e52980d53b78",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
        "00000000000000000000000000000200",
        "7f1b32b81b820d02614f8895ac1d4eac",
    ),
]


@pytest.mark.parametrize(("key", "blocks", "expected"), GHASH)
@pytest.mark.parametrize("portable", WAYS)
def test_published_vectors_of_ghash(key, blocks, expected, portable):
    data, r = (mirrored(bytes.fromhex(text)) for text in (blocks, key))
    got = verification_tag(
        BitArray.from_bytes(data, 8 * len(data)),
        BitArray.from_bytes(r, 128),
        128,
        portable=portable,
    )
    assert mirrored(got.to_bytes()).hex() == expected


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


@pytest.mark.parametrize(
    ("n_bits", "epsilon", "tag_bits"),
    [
        (1, 0.5, 1),
        (128, 2.0**-40, 40),
        (129, 2.0**-40, 41),
        (129, 2.0**-41 * (1 - 2**-52), 43),
        (10**6, 1e-15, 63),
        (10**8, 1e-15, 70),
        (10**8, 1e-18, 80),
        (1, 2.0**-128, 128),
    ],
)
def test_the_tag_is_the_shortest_that_epsilon_allows(n_bits, epsilon, tag_bits):
    assert tag_bits_for(n_bits, epsilon) == tag_bits
    assert collision_bound(n_bits, tag_bits) <= epsilon
    assert tag_bits == 1 or collision_bound(n_bits, tag_bits - 1) > epsilon


@pytest.mark.parametrize(
    ("n_bits", "epsilon"), [(129, 2.0**-128), (10, 0.0), (10**8, 1e-38)]
)
def test_without_a_tag_long_enough_there_is_none(n_bits, epsilon):
    with pytest.raises(ValueError, match="long enough"):
        tag_bits_for(n_bits, epsilon)


def test_at_a_hundred_million_bits_the_bound_holds_and_differences_show():
    n = 100_000_000
    tag_bits = tag_bits_for(n, 1e-15)
    assert collision_bound(n, tag_bits) <= 1e-15
    words = np.random.default_rng(3).integers(0, 1 << 64, n // 64, "u8")
    left = BitArray.from_words(words, n)
    words[[0, n // 128, n // 64 - 1]] ^= np.uint64(1 << 17)
    right = BitArray.from_words(words, n)
    for seed in range(5):
        r = np.random.default_rng(seed).integers(0, 1 << 64, 2, "u8")
        key = BitArray.from_words(r, 128)
        tag = verification_tag(left, key, tag_bits)
        assert tag != verification_tag(right, key, tag_bits)
    # one of the collisions that the bound counts
    zero = BitArray.zeros(128)
    tag = verification_tag(left, zero, tag_bits)
    assert tag == verification_tag(right, zero, tag_bits)


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
