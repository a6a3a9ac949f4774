"""The modified Toeplitz hash against a bit-by-bit product, and its properties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_distillation import toeplitz as plain_toeplitz

from qkdlab.bits.array import BitArray
from qkdlab.distill.carryless.lanes import lanes_of_this_cpu
from qkdlab.distill.toeplitz import seed_bits, toeplitz_hash

EDGES = [1, 2, 3, 63, 64, 65, 127, 128, 129, 200]
CASES = [(n, m) for n in EDGES for m in EDGES if m <= n]


# every way that this CPU has
CARRYLESS = ["karatsuba", "additive-fft"] if lanes_of_this_cpu() else []
METHODS = [*CARRYLESS, "float-fft"]


def random_bits(n, seed):
    return BitArray.from_bools(np.random.default_rng(seed).integers(0, 2, n))


@pytest.mark.parametrize(("n", "m"), CASES)
@pytest.mark.parametrize("method", METHODS)
def test_agrees_with_the_product_bit_by_bit(n, m, method):
    x, seed = random_bits(n, n), random_bits(n - 1, 1000 + m)
    got = toeplitz_hash(x, seed, m, method=method).to_bools().tolist()
    expected = plain_toeplitz(x.to_bools().tolist(), seed.to_bools().tolist(), m)
    assert got == expected


@given(st.integers(2, 300), st.data())
def test_is_linear(n, data):
    m = data.draw(st.integers(1, n))
    method = data.draw(st.sampled_from(METHODS))
    seed, x, y = random_bits(n - 1, 1), random_bits(n, 2), random_bits(n, 3)

    def hashed(bits):
        return toeplitz_hash(bits, seed, m, method=method)

    assert hashed(x) ^ hashed(y) == hashed(x ^ y)


@pytest.mark.parametrize("method", METHODS)
def test_long_input_agrees_with_inner_products_at_some_outputs(method):
    n, m = 300_000, 110_000
    x, seed = random_bits(n, 4), random_bits(n - 1, 5)
    got = toeplitz_hash(x, seed, m, method=method).to_bools()
    bits, diagonals = x.to_bools(), seed.to_bools()
    k = n - m
    for i in [0, 1, 32767, 32768, 65536, m - 2, m - 1]:
        row = diagonals[i : i + k][::-1]
        assert got[i] == bits[i] ^ (int(np.sum(row & bits[m:])) & 1)


def test_the_whole_family_is_two_universal_on_small_strings():
    n, m = 5, 2
    seeds = [BitArray.from_bools(s) for s in itertools.product((0, 1), repeat=n - 1)]
    for difference in itertools.product((0, 1), repeat=n):
        if any(difference):
            zero = [
                toeplitz_hash(BitArray.from_bools(difference), seed, m).count() == 0
                for seed in seeds
            ]
            assert sum(zero) <= len(seeds) / 2**m


def test_all_output_bits_leave_the_string_as_it_is():
    x = random_bits(77, 6)
    assert toeplitz_hash(x, random_bits(76, 7), 77) == x


@pytest.mark.parametrize(("n", "seed", "m"), [(10, 8, 5), (10, 9, 0), (10, 9, 11)])
def test_lengths_that_do_not_fit_are_refused(n, seed, m):
    with pytest.raises(ValueError, match="bits"):
        toeplitz_hash(BitArray.zeros(n), BitArray.zeros(seed), m)


def test_seed_is_one_bit_shorter_than_the_input():
    assert [seed_bits(n) for n in (0, 1, 2, 100)] == [0, 0, 1, 99]


def test_lost_precision_is_an_error_not_a_wrong_key(monkeypatch):
    from scipy import fft

    exact = fft.irfft
    monkeypatch.setattr(fft, "irfft", lambda *a: exact(*a) + 0.2)
    with pytest.raises(FloatingPointError, match="precision"):
        toeplitz_hash(BitArray.zeros(10), BitArray.zeros(9), 5, method="float-fft")


@pytest.mark.parametrize("method", METHODS)
def test_its_own_copies_are_wiped_and_what_was_given_is_not(method, monkeypatch):
    x, seed = random_bits(1000, 1), random_bits(999, 2)
    ones, expected = x.count(), toeplitz_hash(x, seed, 300, method=method)
    wiped = []
    wipe = BitArray.wipe
    monkeypatch.setattr(BitArray, "wipe", lambda one: (wiped.append(one), wipe(one)))
    assert toeplitz_hash(x, seed, 300, method=method) == expected
    assert [len(one) for one in wiped[-3:]] == [300, 700, 300]
    assert all(one.count() == 0 for one in wiped)
    assert x.count() == ones


@pytest.mark.parametrize("method", METHODS)
def test_what_stays_in_memory_does_not_depend_on_the_input(method, monkeypatch):
    # every array that is asked for and is left as it is: the same for two inputs
    seed, left = random_bits(299_999, 1), []
    inputs = [random_bits(300_000, first) for first in (2, 3)]

    def remembered(make):
        def made(*arguments, **options):
            left[-1].append(make(*arguments, **options))
            return left[-1][-1]

        return made

    for name in ("empty", "zeros"):
        monkeypatch.setattr(np, name, remembered(getattr(np, name)))
    for bits in inputs:
        left.append([])
        toeplitz_hash(bits, seed, 100_000, method=method).wipe()
    monkeypatch.undo()
    assert len(left[0]) == len(left[1]) > 3
    for one, other in zip(*left, strict=True):
        assert np.array_equal(one, other)
