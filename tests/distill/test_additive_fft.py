"""The additive FFT: its field, its values against powers, and the way back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.distill.additive_fft.field import cantor_basis, multiply, twiddles
from qkdlab.distill.additive_fft.transform import evaluate, interpolate
from qkdlab.distill.carryless.lanes import lanes_of_this_cpu

WIDTHS = lanes_of_this_cpu()
ELEMENTS = st.integers(0, (1 << 64) - 1)


def power(x, exponent):
    total = 1
    while exponent:
        if exponent & 1:
            total = multiply(total, x)
        x, exponent = multiply(x, x), exponent >> 1
    return total


@given(ELEMENTS, ELEMENTS, ELEMENTS)
def test_multiplication_is_that_of_a_commutative_ring(a, b, c):
    assert multiply(a, b) == multiply(b, a)
    assert multiply(a, multiply(b, c)) == multiply(multiply(a, b), c)
    assert multiply(a, b ^ c) == multiply(a, b) ^ multiply(a, c)
    assert multiply(a, 1) == a


def test_the_reduction_polynomial_is_irreducible():
    # x^(2^64) = x, and x^(2^32) + x is prime to it: has an inverse
    assert power(2, 1 << 64) == 2
    halfway = power(2, 1 << 32) ^ 2
    assert multiply(power(halfway, (1 << 64) - 2), halfway) == 1


def test_each_element_of_the_basis_maps_to_the_former():
    basis = cantor_basis(32)
    assert basis[0] == 1
    for former, element in pairwise(basis):
        assert multiply(element, element) ^ element == former


def test_twiddles_are_sums_of_the_basis():
    basis = cantor_basis(12)
    for stride in (1, 4):
        table = twiddles(64, stride)
        for j in (0, 1, 2, 3, 37, 63):
            bits = [i for i in range(10) if (j * stride) >> i & 1]
            total = 0
            for i in bits:
                total ^= basis[i + 1]
            assert int(table[j]) == total


def random_words(n, seed):
    return np.random.default_rng(seed).integers(0, 1 << 64, n, np.uint64)


@pytest.mark.parametrize("width", WIDTHS)
# the shortest, an odd one, one block of the cache, and with rows above it
@pytest.mark.parametrize("k", [12, 13, 16, 18])
def test_values_are_those_of_the_polynomial(width, k):
    basis = cantor_basis(k)
    a = np.zeros(1 << k, np.uint64)
    a[:5], a[300], a[3000], a[-1] = random_words(5, k), 5, 7, 11
    coefficients = {i: int(a[i]) for i in np.flatnonzero(a).tolist()}
    evaluate(a, width)
    for j in (0, 1, 2, 5, 77, 1 << (k - 1), (1 << k) - 1):
        x = 0
        for i in range(k):
            if j >> i & 1:
                x ^= basis[i]
        expected = 0
        for i, c in coefficients.items():
            expected ^= multiply(c, power(x, i))
        assert int(a[j]) == expected


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("k", [12, 15, 17, 20])
def test_interpolation_undoes_evaluation(width, k):
    a = random_words(1 << k, 1)
    before = a.copy()
    evaluate(a, width)
    assert not np.array_equal(a, before)
    interpolate(a, width)
    assert np.array_equal(a, before)
