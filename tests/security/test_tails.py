"""Tail bounds against the digits of theory section 10."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.security import tails

EPSILON = 1e-10


@pytest.mark.parametrize(
    ("n", "width"), [(10**4, 339.307), (10**6, 3393.07), (10**8, 33930.7)]
)
def test_hoeffding(n, width):
    assert tails.hoeffding_width(n, EPSILON).number == pytest.approx(width, rel=2e-6)


def test_hoeffding_of_nothing_is_zero():
    assert tails.hoeffding_width(0, EPSILON).number == 0


@pytest.mark.parametrize(
    ("observed", "low", "high", "digits"),
    [
        (10, 0.38221, 48.897, 5),
        (100, 46.54, 184.0, 4),
        (10**4, 9336.7, 10694, 5),
        (10**6, 993229, 1006800, 5),
    ],
)
def test_inverse_chernoff(observed, low, high, digits):
    found = tails.chernoff_interval(observed, EPSILON)
    assert float(found.low) == pytest.approx(low, rel=0.6 * 10.0 ** (1 - digits))
    assert float(found.high) == pytest.approx(high, rel=0.6 * 10.0 ** (1 - digits))


def test_inverse_chernoff_of_zero_events():
    found = tails.chernoff_interval(0, EPSILON)
    assert float(found.low) == 0
    assert float(found.high) == pytest.approx(math.log(1e10))


@settings(max_examples=20)
@given(st.integers(1, 10**9))
def test_inverse_chernoff_ends_solve_the_equation_from_outside(observed):
    found = tails.chernoff_interval(observed, EPSILON)
    for end in (float(found.low), float(found.high)):
        excess = end - observed + observed * math.log(observed / end)
        assert excess == pytest.approx(math.log(1e10), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((1e-9, 0.02, 10**6, 10**5), 4.23937e-3),
        ((1e-9, 0.03, 10**5, 10**7), 4.91997e-3),
    ],
)
def test_gamma_of_lim(arguments, value):
    got = tails.gamma_random_sampling(*arguments).number
    assert got == pytest.approx(value, rel=1e-6)


def test_serfling():
    got = tails.serfling_width(10**6, 10**5, EPSILON).number
    assert got == pytest.approx(0.0112536, rel=5e-6)
