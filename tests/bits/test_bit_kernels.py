"""Kernels of bits against plain references, and by every way that this CPU has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab import cpu
from qkdlab.bits import _kernels as kernels
from qkdlab.bits import array as bits_array
from qkdlab.bits.array import BitArray, extracts_fast

WORD = st.integers(0, (1 << 64) - 1)
EDGES = [0, 1, 63, 64, 65, 127, 128, 129, 1000]
BITS = st.lists(st.integers(0, 1), max_size=300)


def random_bits(n, seed):
    return BitArray.from_bools(np.random.default_rng(seed).integers(0, 2, n))


def plain_sift(bits, mask):
    return [b for b, m in zip(bits.to_bools(), mask.to_bools(), strict=True) if m]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=300))
def test_sifting_takes_the_bits_of_the_mask(pairs):
    bits = BitArray.from_bools([b for b, _ in pairs])
    mask = BitArray.from_bools([m for _, m in pairs])
    expected = plain_sift(bits, mask)
    assert bits.sift(mask).to_bools().tolist() == expected
    assert bits.sift(mask, portable=True) == bits.sift(mask)


@pytest.mark.parametrize("n", EDGES)
@pytest.mark.parametrize("portable", [False, True])
def test_sifting_by_ones_zeros_and_at_random_at_the_edges_of_words(n, portable):
    bits, mask = random_bits(n, n), random_bits(n, 1000 + n)
    assert bits.sift(~BitArray.zeros(n), portable=portable) == bits
    assert len(bits.sift(BitArray.zeros(n), portable=portable)) == 0
    got = bits.sift(mask, portable=portable).to_bools().tolist()
    assert got == plain_sift(bits, mask)


@given(WORD, WORD)
def test_squeezing_a_word_moves_the_bits_of_the_mask_together(word, mask):
    chosen = [word >> i & 1 for i in range(64) if mask >> i & 1]
    expected = sum(bit << i for i, bit in enumerate(chosen))
    assert int(kernels.squeeze(np.uint64(word), np.uint64(mask))) == expected


@pytest.mark.parametrize(
    ("features", "name", "fast"),
    [
        ({"bmi2"}, "znver3", True),
        ({"bmi2"}, "znver2", False),
        ({"bmi2"}, "znver1", False),
        ({"pclmul"}, "znver3", False),
        (set(), "generic", False),
    ],
)
def test_the_instruction_is_used_where_it_is_there_and_quick(
    features, name, fast, monkeypatch
):
    monkeypatch.setattr(cpu, "features", lambda: frozenset(features))
    monkeypatch.setattr(cpu, "name", lambda: name)
    assert extracts_fast() == fast


def test_without_the_instruction_the_same_bits_are_sifted(monkeypatch):
    bits, mask = random_bits(5000, 1), random_bits(5000, 2)
    expected = bits.sift(mask)
    monkeypatch.setattr(bits_array, "extracts_fast", lambda: False)
    assert bits.sift(mask) == expected


def test_sifting_by_a_mask_of_another_length_is_refused():
    with pytest.raises(ValueError, match="different lengths"):
        BitArray.zeros(64).sift(BitArray.zeros(65))


@given(st.binary(max_size=300), st.integers(0, 7))
def test_a_plane_is_one_bit_of_each_byte(data, bit):
    values = np.frombuffer(data, np.uint8)
    expected = [byte >> bit & 1 for byte in data]
    assert BitArray.from_plane(values, bit).to_bools().tolist() == expected


@pytest.mark.parametrize("first", [0, 1, 7, 63, 64, 65, 200])
def test_a_plane_of_bytes_at_any_address(first):
    values = np.random.default_rng(first).integers(0, 256, 1000, np.uint8)
    expected = (values[first:] >> 3 & 1).tolist()
    got = BitArray.from_plane(values[first:], 3)
    assert got.to_bools().tolist() == expected
    every_other = BitArray.from_plane(values[first::2], 3)
    assert every_other.to_bools().tolist() == expected[::2]


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float64])
def test_zeros_and_ones_of_any_type_are_packed(dtype):
    bits = np.random.default_rng(1).integers(0, 2, 130)
    got = BitArray.from_bools(bits.astype(dtype)).to_bools()
    assert got.tolist() == bits.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_a_two_of_any_type_is_refused(dtype):
    with pytest.raises(ValueError, match="0 or 1"):
        BitArray.from_bools(np.array([0, 1, 2], dtype))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=200))
def test_and_or_and_not_are_bit_by_bit(pairs):
    left = BitArray.from_bools([a for a, _ in pairs])
    right = BitArray.from_bools([b for _, b in pairs])
    assert (left & right).to_bools().tolist() == [a & b for a, b in pairs]
    assert (left | right).to_bools().tolist() == [a | b for a, b in pairs]
    assert (~left).to_bools().tolist() == [1 - a for a, _ in pairs]


def test_the_complement_has_no_ones_behind_its_end():
    assert (~BitArray.zeros(65)).count() == 65
    assert int((~BitArray.zeros(65)).words[1]) == 1


@pytest.mark.parametrize("n", EDGES)
def test_pieces_put_together_again_are_the_whole(n):
    bits = random_bits(n, n)
    for cut in {0, 1, n // 3, n // 2, max(0, n - 1), n}:
        assert BitArray.concatenate([bits[:cut], bits[cut:]]) == bits


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("index", [-1, -(2**31), 65, 2**31 - 1])
def test_gathering_outside_is_refused_in_any_word(dtype, index):
    indices = np.zeros(100, dtype)
    indices[77] = index
    with pytest.raises(IndexError, match="65 bits"):
        BitArray.zeros(65).gather(indices)


@pytest.mark.parametrize("n", EDGES)
@pytest.mark.parametrize("first", [0, 1, 64, 65])
def test_kernels_write_nothing_beside_their_outputs(n, first):
    bits, mask = random_bits(n, n), random_bits(n, 7)
    guard = np.uint64(0xDEADBEEF)

    def within(n_words, work):
        memory = np.full(n_words + 8, guard)
        work(memory[4 : 4 + n_words])
        assert np.all(memory[:4] == guard)
        assert np.all(memory[4 + n_words :] == guard)

    def moved_up(out):
        out[:] = 0
        kernels.move_up(bits.words, first, out)

    start = min(first, n)
    within(-(-(n - start) // 64), lambda out: kernels.move_down(bits.words, start, out))
    within(-(-(n + first) // 64), moved_up)
    within(-(-n // 64), lambda out: kernels.pack(np.zeros(n, np.uint8), 0, out))
    size = -(-mask.count() // 64) + 1
    for way in (kernels.compress, kernels.compress_portably):
        within(size, lambda out, way=way: way(bits.words, mask.words, out))
