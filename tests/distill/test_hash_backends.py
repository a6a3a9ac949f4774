"""Every back-end of the hashes gives the same bits: at its edges and on any CPU."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from every_hash import hashes, random_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_distillation import toeplitz as plain_toeplitz

from qkdlab import cpu
from qkdlab.bits.array import BitArray
from qkdlab.distill.additive_fft import product
from qkdlab.distill.additive_fft.constants import room_for
from qkdlab.distill.additive_fft.product import Pieces, product_by_additive_fft
from qkdlab.distill.carryless.lanes import lanes_of_this_cpu
from qkdlab.distill.float_fft import product_by_float_fft
from qkdlab.distill.karatsuba.product import product_by_karatsuba
from qkdlab.distill.toeplitz import toeplitz_hash

WIDTHS = lanes_of_this_cpu()
EACH_WIDTH = WIDTHS or (0,)
"""For tests that state something of each; 0 stands for a CPU that has none."""
HOST = cpu.features()
BITS = 32
"""Bits of a coefficient of the additive FFT."""

LEVELS = {
    "all that there is": HOST,
    "AVX2": HOST - {f for f in HOST if f.startswith("avx512")},
    "PCLMUL": HOST - {"vpclmulqdq"},
    "none": frozenset[str](),
}


def refuses(way):
    """Say that a product wants a CPU that multiplies without carries."""
    with pytest.raises(ValueError, match="this CPU has no carry-less product"):
        way(random_bits(200, 1), random_bits(100, 2))
    return True


def one_transform(rows, columns, k):
    return lambda *_: Pieces(1, 1, rows, columns, k)


@pytest.mark.parametrize("width", EACH_WIDTH)
@pytest.mark.parametrize("k", [12, 13, 14, 15, 16, 17])
@pytest.mark.parametrize("more", [-1, 0])
def test_a_transform_gives_the_product_up_to_its_edge(width, k, more, monkeypatch):
    if not width:
        assert refuses(product_by_additive_fft)
        return
    # input and output fill (3/4) 2^k coefficients of 32 bits (k even), to the bit
    rows = room_for(k) // 3 // 2 * 2
    columns = (room_for(k) - rows) // 2 * 2
    n_tail, m = BITS * columns + more, BITS * rows
    seed, tail = random_bits(m + n_tail - 1, k), random_bits(n_tail, 100 + k)
    monkeypatch.setattr(product, "pieces_for", one_transform(rows, columns, k))
    got = product_by_additive_fft(seed, tail, lanes=width)
    assert got == product_by_karatsuba(seed, tail, lanes=width)


@pytest.mark.parametrize("k", [18, 20])
def test_long_transforms_agree_up_to_their_edge_with_inner_products(k, monkeypatch):
    if not WIDTHS:
        assert refuses(product_by_additive_fft)
        return
    rows = room_for(k) // 4 * 2
    columns = (room_for(k) - rows) // 2 * 2
    n_tail, m = BITS * columns, BITS * rows
    seed, tail = random_bits(m + n_tail - 1, k), random_bits(n_tail, 100 + k)
    monkeypatch.setattr(product, "pieces_for", one_transform(rows, columns, k))
    got = product_by_additive_fft(seed, tail)
    backwards = BitArray.from_bools(tail.to_bools()[::-1])
    places = np.random.default_rng(k).integers(0, m, 20).tolist()
    for i in [0, 1, 31, 32, 63, 64, m - 1, *places]:
        row = seed[i : i + n_tail] & backwards
        assert got[i : i + 1].count() == row.count() & 1


def test_beyond_its_edge_a_transform_is_wrong(monkeypatch):
    if not WIDTHS:
        assert refuses(product_by_karatsuba)
        return
    rows, columns = 1280, room_for(12) - 1280 + 2
    n_tail, m = BITS * columns, BITS * rows
    seed, tail = random_bits(m + n_tail - 1, 1), random_bits(n_tail, 2)
    monkeypatch.setattr(product, "pieces_for", one_transform(rows, columns, 12))
    assert product_by_additive_fft(seed, tail) != product_by_karatsuba(seed, tail)


@pytest.mark.parametrize("width", EACH_WIDTH)
@pytest.mark.parametrize("way", [product_by_karatsuba, product_by_additive_fft])
@settings(max_examples=15)
@given(st.integers(1, 40_000), st.integers(1, 40_000), st.integers(0, 2**32 - 1))
def test_products_are_linear_in_both_factors(way, width, m, k, number):
    if not width:
        assert refuses(way)
        return
    seeds = [random_bits(m + k - 1, number + i) for i in range(2)]
    tails = [random_bits(k, number + i) for i in range(2, 4)]

    def by(seed, tail):
        return way(seed, tail, lanes=width)

    total = by(seeds[0] ^ seeds[1], tails[0] ^ tails[1])
    parts = [by(seed, tail) for seed in seeds for tail in tails]
    assert total == parts[0] ^ parts[1] ^ parts[2] ^ parts[3]


@settings(max_examples=25)
@given(st.integers(1, 60_000), st.integers(1, 60_000), st.data())
def test_one_bit_shows_the_seed_wherever_it_stands(m, k, data):
    j = data.draw(st.integers(0, k - 1))
    seed = random_bits(m + k - 1, m)
    words = np.zeros(-(-k // 64), np.uint64)
    words[j // 64] = 1 << (j % 64)
    tail, expected = BitArray.from_words(words, k), seed[k - 1 - j :][:m]
    for width in WIDTHS:
        assert product_by_karatsuba(seed, tail, lanes=width) == expected
        assert product_by_additive_fft(seed, tail, lanes=width) == expected
    assert product_by_float_fft(seed, tail) == expected


@pytest.mark.parametrize("level", LEVELS)
def test_whatever_the_cpu_has_the_bits_are_the_same(level, monkeypatch):
    bits, mask = random_bits(700_000, 1), random_bits(700_000, 2)

    def results():
        return [*hashes(), bits.sift(mask)]

    monkeypatch.setattr(cpu, "features", lambda: frozenset[str]())
    assert lanes_of_this_cpu() == ()
    plainly = results()
    monkeypatch.setattr(cpu, "features", lambda: LEVELS[level])
    assert all(a == b for a, b in zip(results(), plainly, strict=True))


@pytest.mark.parametrize(
    ("features", "widths"),
    [
        ({"pclmul", "ssse3", "avx2", "vpclmulqdq", "avx512bw"}, (8, 4, 2)),
        ({"pclmul", "ssse3", "avx2", "vpclmulqdq"}, (4, 2)),
        ({"pclmul", "ssse3", "avx2", "avx512bw"}, (2,)),
        ({"pclmul", "ssse3", "avx2"}, (2,)),
        ({"pclmul"}, ()),
        ({"avx2"}, ()),
        (set(), ()),
    ],
)
def test_vectors_are_as_wide_as_the_cpu_allows(features, widths, monkeypatch):
    monkeypatch.setattr(cpu, "features", lambda: frozenset(features))
    assert lanes_of_this_cpu() == widths


@pytest.mark.parametrize(("n", "m"), [(4, 1), (4, 3), (5, 2), (6, 4)])
@pytest.mark.parametrize("method", ["karatsuba", "float-fft"])
def test_no_pair_of_strings_meets_more_often_than_two_universality_allows(n, m, method):
    if method == "karatsuba" and not WIDTHS:
        method = "float-fft"
    seeds = list(itertools.product((0, 1), repeat=n - 1))
    for difference in itertools.product((0, 1), repeat=n):
        if not any(difference):
            continue
        meets = 0
        for seed in seeds:
            got = toeplitz_hash(
                BitArray.from_bools(difference),
                BitArray.from_bools(seed),
                m,
                method=method,
            )
            plainly = plain_toeplitz(list(difference), list(seed), m)
            assert got.to_bools().tolist() == plainly
            meets += not any(plainly)
        assert meets <= len(seeds) / 2**m
