"""The ways to a Toeplitz product: each against the plain one, at sizes of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless.lanes import LANES, lanes_of_this_cpu
from qkdlab.distill.float_fft import product_by_float_fft
from qkdlab.distill.karatsuba.product import product_by_karatsuba, tiles_for

WIDTHS = lanes_of_this_cpu()


def random_bits(n, seed):
    return BitArray.from_bools(np.random.default_rng(seed).integers(0, 2, n))


def to_int(bits):
    return int.from_bytes(bits.to_bytes(), "little")


def plain(seed, tail):
    """Multiply polynomials as integers, one set bit of the shorter at a time."""
    t, k = to_int(seed), len(tail)
    total = 0
    for position in tail.ones().tolist():
        total ^= t << position
    m = len(seed) - k + 1
    wanted = (total >> (k - 1)) & ((1 << m) - 1)
    return BitArray.from_bytes(wanted.to_bytes(-(-m // 8), "little"), m)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("m", "k"),
    # about the smallest tile (32 words), several tiles, a split tile, long and flat
    [(1, 1), (2047, 2048), (2048, 2049), (2049, 2047), (9000, 30_000), (100, 40_000)],
)
def test_karatsuba_agrees_with_integers(width, m, k):
    seed, tail = random_bits(m + k - 1, m), random_bits(k, k)
    assert product_by_karatsuba(seed, tail, lanes=width) == plain(seed, tail)


@pytest.mark.parametrize("piece_bits", [16, 1000, 1 << 20])
def test_float_fft_agrees_with_integers_whatever_its_pieces(piece_bits):
    seed, tail = random_bits(5000, 1), random_bits(2200, 2)
    got = product_by_float_fft(seed, tail, piece_bits=piece_bits)
    assert got == plain(seed, tail)


@pytest.mark.parametrize("width", WIDTHS)
def test_one_bit_of_input_shows_the_seed(width):
    m, k = 5000, 7000
    seed = random_bits(m + k - 1, 3)
    for j in (0, 63, 64, 4095, k - 1):
        tail = BitArray.from_bools(np.arange(k) == j)
        assert product_by_karatsuba(seed, tail, lanes=width) == seed[k - 1 - j :][:m]


def test_all_ways_agree_on_a_million_bits():
    seed, tail = random_bits(999_999, 4), random_bits(620_000, 5)
    expected = product_by_float_fft(seed, tail)
    for width in WIDTHS:
        assert product_by_karatsuba(seed, tail, lanes=width) == expected


def test_a_width_that_this_cpu_lacks_is_refused():
    lacking = next((w for w in LANES if w not in WIDTHS), 16)
    with pytest.raises(ValueError, match="no carry-less product"):
        product_by_karatsuba(random_bits(10, 1), random_bits(5, 2), lanes=lacking)


@given(st.integers(1, 2_000_000), st.integers(1, 2_000_000))
def test_tiles_cover_the_product(rows, columns):
    tiles = tiles_for(rows, columns)
    assert tiles.rows * tiles.size >= rows > (tiles.rows - 1) * tiles.size
    assert tiles.columns * tiles.size >= columns > (tiles.columns - 1) * tiles.size
    levels = tiles.size // tiles.base
    assert tiles.size == tiles.base * levels
    assert levels & (levels - 1) == 0
    assert tiles.base % 8 == 0
