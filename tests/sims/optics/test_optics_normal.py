"""The normal variates are the inverse distribution function of their words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import kstest

from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND, fill_normals, gauss

WORD = st.integers(0, 2**32 - 1)
TAIL_BITS = 35


def plain_normal(a, b):
    """The inverse distribution function itself, in the words of the docstrings."""
    tail = ((a | (b & 7) << 32) + 0.5) * 2.0**-36
    return -ndtri(tail) * (1 if b >> 31 else -1)


def filled(a, b, scale):
    out, within = np.empty(len(a)), np.empty(len(a))
    fill_normals(a, b, scale, np.empty(len(a), np.uint32), within, out)
    return out


def words(seed, n):
    return np.random.default_rng(seed).integers(0, 2**32, (2, n)).astype(np.uint32)


@given(WORD, WORD)
def test_a_variate_is_that_of_its_tail_probability(a, b):
    found = gauss(np.uint64(a), np.uint64(b))
    assert found == pytest.approx(plain_normal(a, b), abs=2e-8)


@given(st.integers(0, 2**TAIL_BITS - 1), st.integers(0, TAIL_BITS), st.booleans())
def test_the_table_holds_in_every_octave_of_the_tail(tail, octave, positive):
    tail >>= octave
    a, b = tail & 0xFFFFFFFF, tail >> 32 | positive << 31
    found = gauss(np.uint64(a), np.uint64(b))
    assert found == pytest.approx(plain_normal(a, b), abs=2e-8)


def test_the_rarest_variate_is_the_bound():
    # the first cubic ends a little off the function
    lowest = gauss(np.uint64(0), np.uint64(0))
    assert -GAUSS_BOUND - 2e-8 < lowest < -GAUSS_BOUND + 2e-8


def test_the_bound_is_that_of_the_tail_in_its_smallest_step():
    assert pytest.approx(-ndtri(2.0**-37)) == GAUSS_BOUND


def test_variates_follow_the_normal_law():
    a, b = words(1, 100_000)
    found = filled(a, b, np.ones(100_000))
    assert kstest(found, "norm").pvalue > 1e-4
    assert kstest(1.03 * found, "norm").pvalue < 1e-4


def test_many_at_once_are_the_same_as_one_by_one():
    a, b = words(2, 300)
    scale = np.linspace(0.0, 3.0, 300)
    one_by_one = [gauss(np.uint64(x), np.uint64(y)) for x, y in zip(a, b, strict=True)]
    assert np.array_equal(filled(a, b, scale), scale * np.array(one_by_one))
