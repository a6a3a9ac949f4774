"""`BitArray` against plain Python lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray

BITS = st.lists(st.integers(0, 1), max_size=300)


def plain(array: BitArray) -> list[int]:
    return array.to_bools().tolist()


@given(BITS)
def test_from_bools_keeps_every_bit(bits):
    assert plain(BitArray.from_bools(bits)) == bits


@given(BITS)
def test_bytes_are_least_significant_bit_first(bits):
    value = sum(bit << i for i, bit in enumerate(bits))
    expected = value.to_bytes(-(-len(bits) // 8), "little")
    assert BitArray.from_bools(bits).to_bytes() == expected


@given(BITS)
def test_from_bytes_inverts_to_bytes(bits):
    array = BitArray.from_bools(bits)
    assert BitArray.from_bytes(array.to_bytes(), len(bits)) == array


@given(BITS)
def test_unused_bits_of_the_last_word_are_zero(bits):
    words = BitArray.from_words([2**64 - 1] * 5, len(bits)).words
    assert sum(int(w).bit_count() for w in words) == len(bits)


@given(BITS, st.integers(-310, 310), st.integers(-310, 310))
def test_slice_is_that_of_a_list(bits, start, stop):
    assert plain(BitArray.from_bools(bits)[start:stop]) == bits[start:stop]


def test_slice_with_a_step_is_refused():
    with pytest.raises(ValueError, match="step 1"):
        BitArray.zeros(9)[::2]


@given(st.lists(BITS, max_size=6))
def test_concatenate_is_that_of_lists(parts):
    joined = BitArray.concatenate(BitArray.from_bools(p) for p in parts)
    assert plain(joined) == [bit for part in parts for bit in part]


@given(st.lists(st.integers(0, 1), min_size=1, max_size=300), st.data())
def test_gather_takes_the_named_bits(bits, data):
    indices = data.draw(st.lists(st.integers(0, len(bits) - 1), max_size=200))
    got = BitArray.from_bools(bits).gather(np.array(indices, dtype=np.int64))
    assert plain(got) == [bits[i] for i in indices]


@pytest.mark.parametrize("index", [-1, 5])
def test_gather_outside_is_refused(index):
    with pytest.raises(IndexError):
        BitArray.zeros(5).gather(np.array([index], dtype=np.int64))


@given(BITS)
def test_count_and_ones_are_those_of_a_list(bits):
    array = BitArray.from_bools(bits)
    ones = [i for i, bit in enumerate(bits) if bit]
    assert array.count() == len(ones)
    assert array.ones().tolist() == ones


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=200))
def test_xor_is_bit_by_bit(pairs):
    left = BitArray.from_bools([a for a, _ in pairs])
    right = BitArray.from_bools([b for _, b in pairs])
    assert plain(left ^ right) == [a ^ b for a, b in pairs]


def test_xor_of_different_lengths_is_refused():
    with pytest.raises(ValueError, match="different lengths"):
        BitArray.zeros(3) ^ BitArray.zeros(4)


@given(BITS, BITS)
def test_equality_is_that_of_lists(left, right):
    equal = BitArray.from_bools(left) == BitArray.from_bools(right)
    assert equal == (left == right)


def test_something_else_than_zero_and_one_is_refused():
    with pytest.raises(ValueError, match="0 or 1"):
        BitArray.from_bools([0, 1, 2])


def test_repr_shows_no_bits():
    assert repr(BitArray.from_bools([1, 0, 1])) == "BitArray(3 bits)"


def test_words_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        BitArray.zeros(64).words[0] = 1


def test_too_few_words_are_refused():
    with pytest.raises(ValueError, match="cannot hold"):
        BitArray.from_words([0], 65)


def test_a_string_that_was_wiped_is_all_zeros():
    array = BitArray.from_bools([1] * 100)
    kept, copied = array[:], array.to_bytes()
    array.wipe()
    assert array == BitArray.zeros(100)
    # what was made of it before is an object of its own
    assert kept.count() == 100
    assert copied.count(b"\xff") == 12


def test_packing_leaves_what_was_packed_alone():
    bits = np.ones(70, np.uint8)
    assert BitArray.from_bools(bits).count() == 70
    assert bits.all()


def test_a_slice_holds_no_bit_beside_its_own():
    whole = BitArray.from_words(np.full(3, 2**64 - 1, np.uint64), 192)
    part = whole[:64]
    base = part.words if part.words.base is None else part.words.base
    assert base.size == 1
