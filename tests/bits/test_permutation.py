"""Public permutations against their description."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_cascade import public_permutation as described

from qkdlab.bits._kernels import shuffle
from qkdlab.bits.permutation import MOST, public_permutation

SEED = bytes(range(32))


@given(st.integers(0, 300), st.text(max_size=5), st.binary(max_size=40))
def test_another_party_finds_it_from_the_description(n, label, seed):
    assert public_permutation(seed, label, n).tolist() == described(seed, label, n)


def test_it_goes_on_where_one_stretch_of_numbers_ends():
    n = 70_000
    assert public_permutation(SEED, "long", n).tolist() == described(SEED, "long", n)


@pytest.mark.parametrize("n", [0, 1, 2, 1000, 200_000])
def test_each_place_appears_once(n):
    assert sorted(public_permutation(SEED, "all", n).tolist()) == list(range(n))


def test_seed_and_label_give_orders_of_their_own():
    orders = [
        public_permutation(seed, label, 100).tolist()
        for seed, label in itertools.product((SEED, bytes(32)), ("a", "b"))
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_numbers_that_favour_a_place_are_passed_over():
    # 2^32 mod 3 = 1: the product's low half 0, of the number 0, is one too many
    order = np.arange(3, dtype=np.int32)
    assert shuffle(order, 3, np.array([0], np.uint32)) == 3
    assert shuffle(order, 3, np.array([1], np.uint32)) == 2
    assert order.tolist() == [2, 1, 0]


def test_all_orders_of_four_are_equally_likely():
    # chi squared with 23 degrees of freedom: p = 1e-4 at 56.2; leaving one exchange
    # out (a mutant) makes half of the orders impossible
    numbers = np.random.default_rng(7)
    counts: dict[tuple[int, ...], int] = {}
    n = 24_000
    for _ in range(n):
        order = np.arange(4, dtype=np.int32)
        drawn = numbers.integers(0, 1 << 32, 8, np.uint32)
        assert shuffle(order, 4, drawn) == 1
        key = tuple(order.tolist())
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 24
    assert sum((c - n / 24) ** 2 for c in counts.values()) / (n / 24) < 56.2


def test_too_many_places_are_refused():
    with pytest.raises(ValueError, match="places"):
        public_permutation(SEED, "all", MOST + 1)
