"""The ways to a Toeplitz product: each against the plain one, at sizes of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.bits.array import BitArray
from qkdlab.distill.additive_fft.constants import room_for
from qkdlab.distill.additive_fft.product import pieces_for, product_by_additive_fft
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


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("m", "k"),
    # one transform of 2^12, several pieces, and all that its room holds, to the bit
    [
        (1, 1),
        (64, 65),
        (30_000, 20_000),
        (3000, 130_000),
        (90_000, 80_000),
        (32 * 2560, 32 * 1280),
        (32 * 1280, 32 * 2560),
    ],
)
def test_additive_fft_agrees_with_integers(width, m, k):
    seed, tail = random_bits(m + k - 1, m), random_bits(k, k)
    assert product_by_additive_fft(seed, tail, lanes=width) == plain(seed, tail)


def test_the_fullest_transform_is_tested():
    pieces = pieces_for(32 * 2560, 32 * 1280)
    assert pieces.k == 12
    assert pieces.rows + pieces.columns == room_for(12) == 3840


@pytest.mark.parametrize("piece_bits", [16, 1000, 1 << 20])
def test_float_fft_agrees_with_integers_whatever_its_pieces(piece_bits):
    seed, tail = random_bits(5000, 1), random_bits(2200, 2)
    got = product_by_float_fft(seed, tail, piece_bits=piece_bits)
    assert got == plain(seed, tail)


@pytest.mark.parametrize("tile_bits", [700, 1024, 2200, 2801, 10_000])
def test_float_fft_agrees_with_integers_whatever_its_tiles(tile_bits):
    seed, tail = random_bits(5000, 1), random_bits(2200, 2)
    got = product_by_float_fft(seed, tail, piece_bits=300, tile_bits=tile_bits)
    assert got == plain(seed, tail)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("product", [product_by_karatsuba, product_by_additive_fft])
def test_one_bit_of_input_shows_the_seed(width, product):
    m, k = 5000, 7000
    seed = random_bits(m + k - 1, 3)
    for j in (0, 63, 64, 4095, k - 1):
        tail = BitArray.from_bools(np.arange(k) == j)
        assert product(seed, tail, lanes=width) == seed[k - 1 - j :][:m]


def test_all_ways_agree_on_a_million_bits():
    seed, tail = random_bits(999_999, 4), random_bits(620_000, 5)
    expected = product_by_float_fft(seed, tail)
    for width in WIDTHS:
        assert product_by_karatsuba(seed, tail, lanes=width) == expected
        assert product_by_additive_fft(seed, tail, lanes=width) == expected


@pytest.mark.parametrize("width", WIDTHS)
def test_a_hundred_million_bits_agree_with_inner_products_at_some_outputs(width):
    n, m = 100_000_000, 40_000_000
    k = n - m
    words = np.random.default_rng(6).integers(0, 1 << 64, n // 64 + 1, np.uint64)
    seed = BitArray.from_words(words, n - 1)
    tail = BitArray.from_words(words[::-1], k)
    got = product_by_additive_fft(seed, tail, lanes=width)
    backwards = BitArray.from_bools(tail.to_bools()[::-1])
    places = np.random.default_rng(7).integers(0, m, 20).tolist()
    for i in [0, 1, m - 1, *places]:
        row = BitArray.from_words(seed[i : i + k].words & backwards.words, k)
        assert got[i : i + 1].count() == row.count() & 1


@pytest.mark.parametrize("product", [product_by_karatsuba, product_by_additive_fft])
def test_a_width_that_this_cpu_lacks_is_refused(product):
    lacking = next((w for w in LANES if w not in WIDTHS), 16)
    with pytest.raises(ValueError, match="no carry-less product"):
        product(random_bits(10, 1), random_bits(5, 2), lanes=lacking)


@given(st.integers(1, 2_000_000), st.integers(1, 2_000_000))
def test_tiles_cover_the_product(rows, columns):
    tiles = tiles_for(rows, columns)
    assert tiles.rows * tiles.size >= rows > (tiles.rows - 1) * tiles.size
    assert tiles.columns * tiles.size >= columns > (tiles.columns - 1) * tiles.size
    levels = tiles.size // tiles.base
    assert tiles.size == tiles.base * levels
    assert levels & (levels - 1) == 0
    assert tiles.base % 8 == 0


@given(st.integers(1, 2_000_000_000), st.integers(1, 2_000_000_000))
def test_pieces_cover_the_product_and_fit_their_transforms(rows, columns):
    cut = pieces_for(rows, columns)
    assert 32 * cut.n_rows * cut.rows >= rows
    assert 32 * cut.n_columns * cut.columns >= columns
    assert cut.rows + cut.columns <= room_for(cut.k)
    assert cut.rows % 2 == cut.columns % 2 == 0
