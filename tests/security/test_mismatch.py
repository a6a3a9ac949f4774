"""delta_1 and delta_2 by the digits of theory-claims section 3; brute force; remedy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import UsageError
from qkdlab.security.mismatch import Detectors, delta_1, delta_2, equalise


@pytest.mark.parametrize(
    ("detectors", "first", "second"),
    [
        ((0.01, 0, 1e-6, False), 3.9801905145e-2, 1.9801940594e-2),
        ((0.01, 0.05, 1e-6, False), 1.0526310787e-1, 9.5238049976e-2),
        ((0, 0.01, 1e-6, False), 2.0202010208e-2, 1.9801970402e-2),
        ((0, 0.3, 1e-6, False), 8.5714255730e-1, 4.6153830004e-1),
        ((0.05, 0.05, 1e-6, True), 9.0805846783e-3, 4.5351387755e-3),
    ],
)
def test_published_values(detectors, first, second):
    found = Detectors(*detectors)
    assert float(delta_1(found)) == pytest.approx(first, rel=1e-9)
    assert float(delta_2(found)) == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize(
    ("detectors", "first", "second"),
    [
        ((0.2, 0.1, 1e-2, False), 0.719, 0.3274),
        ((0.02, 0.3, 1e-4, False), 0.857, 0.4615),
        ((0.2, 0.1, 1e-2, True), 0.111, 0.0546),
    ],
)
def test_values_beside_the_brute_force(detectors, first, second):
    found = Detectors(*detectors)
    assert float(delta_1(found)) == pytest.approx(first, abs=6e-4)
    assert float(delta_2(found)) == pytest.approx(second, abs=6e-5)


def test_equal_detectors_do_not_differ():
    for swap in (True, False):
        same = Detectors(0, 0, 1e-6, swap)
        assert float(delta_1(same)) == pytest.approx(0, abs=1e-30)
        assert float(delta_2(same)) == pytest.approx(0, abs=1e-30)


def test_without_dark_counts_their_spread_does_not_matter():
    assert float(delta_1(Detectors(0, 0.5, 0, swap=False))) == 0
    assert float(delta_2(Detectors(0, 0.5, 0, swap=False))) == 0


@given(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(1e-8, 0.1))
def test_a_swap_never_makes_it_worse(efficiency, dark, probability):
    plain, swapped = (Detectors(efficiency, dark, probability, s) for s in (0, 1))
    assert float(delta_1(swapped)) <= float(delta_1(plain)) + 1e-15
    assert float(delta_2(swapped)) <= float(delta_2(plain)) + 1e-15


@given(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.1), st.booleans())
def test_more_spread_is_worse(efficiency, dark, more, swap):
    less, greater = (Detectors(efficiency + x, dark + x, 1e-6, swap) for x in (0, more))
    assert float(delta_1(less)) <= float(delta_1(greater)) + 1e-15
    assert float(delta_2(less)) <= float(delta_2(greater)) + 1e-15


def operators(detectors, photons, swap):
    """Return P[click] and P[wrong] by the number of photons in mode 0, rest in mode 1.

    detectors: efficiency and dark probability of each; wrong is the second one, or a
               random bit when both click
    """
    n0 = np.arange(photons + 1)
    click, wrong = np.zeros((2, photons + 1))
    orders = [detectors, detectors[::-1]] if swap else [detectors]
    for (eta0, dark0), (eta1, dark1) in orders:
        silent0 = (1 - dark0) * (1 - eta0) ** n0
        silent1 = (1 - dark1) * (1 - eta1) ** (photons - n0)
        click += (1 - silent0 * silent1) / len(orders)
        wrong += (1 - silent1) * (1 + silent0) / 2 / len(orders)
    return click, wrong


def hadamard_between_modes(photons):
    """The unitary that turns both modes by 45 degrees, on states of so many photons."""
    u = np.zeros((photons + 1, photons + 1))
    for j in range(photons + 1):
        # (a + b)^j (a - b)^(n - j)
        p = np.polynomial.polynomial.polymul(
            np.polynomial.polynomial.polypow([1, 1], j),
            np.polynomial.polynomial.polypow([-1, 1], photons - j),
        )
        for k in range(photons + 1):
            weight = math.factorial(k) * math.factorial(photons - k)
            norm = math.factorial(j) * math.factorial(photons - j) * 2**photons
            u[k, j] = p[k] * math.sqrt(weight / norm)
    return u


def power(matrix, exponent):
    """Return a power of a positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**exponent) @ vectors.T


def brute_force(spread, dark_spread, d, swap, photons):
    """Return the definitions' norms, the greatest at the corners of the ranges.

    delta_1 = 2 |sqrt(F_Z) G sqrt(F_Z) - sqrt(F_X) G sqrt(F_X)|, delta_2 = |1 - F_Z|:
    F is "a click" without what is common to all detectors, G "wrong in X" given a
    click. Without swap each basis has two detectors of its own.
    """
    etas = (1 - spread) / (1 + spread), 1.0
    darks = d * (1 - dark_spread), d * (1 + dark_spread)
    sets = list(itertools.product(itertools.product(etas, darks), repeat=2))
    u = hadamard_between_modes(photons)
    assert u @ u.T == pytest.approx(np.eye(photons + 1), abs=1e-12)
    most = 1.0 if photons else 1 - (1 - darks[1]) ** 2
    first = second = 0.0
    for z, x in itertools.product(sets, sets):
        if swap and z != x:
            continue
        (click, _), (in_x, wrong) = (operators(s, photons, swap) for s in (z, x))
        common = click.max() if swap else most
        f_z, f_x = np.diag(click) / common, u @ np.diag(in_x) @ u.T / common
        error = u @ np.diag(wrong) @ u.T / common
        turned = power(f_z, 0.5) @ power(f_x, -0.5)
        apart = turned @ error @ turned.T - error
        first = max(first, 2 * np.linalg.norm(apart, 2))
        second = max(second, np.linalg.norm(np.eye(photons + 1) - f_z, 2))
    return first, second


@pytest.mark.parametrize(
    ("detectors", "first", "second"),
    [
        ((0.2, 0.1, 1e-2, False), 0.652, 0.3274),
        ((0.02, 0.3, 1e-4, False), 0.462, 0.4615),
        ((0.2, 0.1, 1e-2, True), 0.065, 0.0546),
    ],
)
def test_the_bounds_hold_by_brute_force_on_up_to_three_photons(
    detectors, first, second
):
    found = [brute_force(*detectors, photons) for photons in range(4)]
    greatest = [max(values) for values in zip(*found, strict=True)]
    assert greatest == pytest.approx([first, second], abs=6e-4)
    assert greatest[0] <= float(delta_1(Detectors(*detectors)))
    assert greatest[1] == pytest.approx(float(delta_2(Detectors(*detectors))), rel=1e-9)


def test_equalised_dark_counts_are_equal():
    darks, off = [1e-6, 3e-6, 2e-6], [5e-8, 5e-8, 5e-8]
    found = equalise(darks, off)
    for d, q in zip(darks, found.extra, strict=True):
        assert d + q - d * q == pytest.approx(3e-6, rel=1e-9)
    assert found.dark_probability == 3e-6
    assert found.dark_spread == pytest.approx(5e-8 / 3e-6, rel=1e-5)


@given(
    st.lists(st.floats(1e-8, 1e-3), min_size=1, max_size=4),
    st.floats(0, 0.5),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4),
)
def test_the_true_dark_counts_lie_in_the_stated_range(darks, uncertainty, places):
    off = [uncertainty * d for d in darks]
    found = equalise(darks, off)
    for d, u, q, place in zip(darks, off, found.extra, places, strict=False):
        there = d + place * u
        true = there + q - there * q
        low, high = (
            found.dark_probability * (1 + s * found.dark_spread) for s in (-1, 1)
        )
        assert low <= true <= high


def test_more_random_clicks_make_the_spread_smaller():
    spreads = [
        equalise([1e-6, 2e-6], [1e-7] * 2, target).dark_spread
        for target in (2e-6, 1e-5, 1e-4)
    ]
    assert spreads == sorted(spreads, reverse=True)


@pytest.mark.parametrize(
    ("darks", "off", "target"),
    [
        ([], [], None),
        ([1e-6], [1e-7, 1e-7], None),
        ([1e-6], [2e-6], None),
        ([1e-6, 2e-6], [0, 0], 1e-6),
        ([0.0], [0.0], None),
    ],
)
def test_what_cannot_be_equalised_is_refused(darks, off, target):
    with pytest.raises(UsageError, match="dark prob"):
        equalise(darks, off, target)
