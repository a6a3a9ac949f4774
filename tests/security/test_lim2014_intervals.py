"""Lim 2014 over intervals of the intensities, and counts that contradict them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_lim2014 import MU, SET_A, P, bounds_of, length_of_a

from qkdlab.security import lim2014
from qkdlab.security.two_decoys import TwoDecoyCounts


@pytest.mark.parametrize("relative", [0.001, 0.01, 0.04])
@pytest.mark.parametrize("scale", [1, 0.05])
def test_length_over_intervals_is_the_least_of_a_grid(relative, scale):
    counts = TwoDecoyCounts(
        tuple(int(scale * n) for n in SET_A.n_key),
        tuple(int(scale * n) for n in SET_A.n_test),
        tuple(int(scale * n) for n in SET_A.m_test),
        P,
        P,
    )
    leak = int(scale * 1004540)
    box = bounds_of(MU, relative)
    grid = itertools.product(*([lo, (lo + hi) / 2, hi] for lo, hi in box))
    least = min(length_of_a(point, counts, leak).secret_bits for point in grid)
    found = length_of_a(box, counts, leak).secret_bits
    assert least - 1 <= found <= least


@settings(max_examples=15)
@given(
    st.integers(0, 999),
    st.floats(0, 0.05),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_no_intensity_inside_its_interval_gives_less(seed, relative, place):
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-1.5, 1)
    noise = rng.uniform(0.7, 1.4, 9)
    n = [*SET_A.n_key, *SET_A.n_test, *SET_A.m_test]
    n = [int(scale * f * x) + 1 for f, x in zip(noise, n, strict=True)]
    counts = TwoDecoyCounts(tuple(n[:3]), tuple(n[3:6]), tuple(n[6:]), P, P)
    box = bounds_of(MU, relative)
    inside = [lo + x * (hi - lo) for (lo, hi), x in zip(box, place, strict=True)]
    there = length_of_a(inside, counts, leak=0)
    if not there.contradicted:
        assert length_of_a(box, counts, leak=0).secret_bits <= there.secret_bits


def test_numbers_at_the_least_favourable_intensities_are_reported():
    found = length_of_a(bounds_of(MU, 0.01))
    again = length_of_a(found.intensities)
    assert again.secret_bits == found.secret_bits
    assert again.bounds == pytest.approx(found.bounds)


@pytest.mark.parametrize(
    "n_key",
    [(910087, 9007656, 6201), (9007656, 910087, 13261725), (0, 10**9, 0)],
    ids=["decoy brighter than signal", "vacuum as bright", "decoy alone"],
)
@pytest.mark.parametrize("relative", [0, 0.02])
def test_counts_that_no_intensity_explains_give_no_key(n_key, relative):
    counts = TwoDecoyCounts(n_key, SET_A.n_test, SET_A.m_test, P, P)
    found = length_of_a([*bounds_of(MU, relative)], counts, leak=0)
    assert found.contradicted
    assert found.secret_bits == 0


def test_test_counts_that_no_intensity_explains_give_no_key():
    counts = TwoDecoyCounts(SET_A.n_key, (592609, 598740, 408), SET_A.m_test, P, P)
    assert length_of_a(MU, counts, leak=0).secret_bits == 0


def test_vacuum_and_single_photons_are_together_at_most_all_events():
    # each of the two alone is possible
    n_key = (10053833, 2918309, 539472)
    counts = TwoDecoyCounts(n_key, SET_A.n_test, SET_A.m_test, P, P)
    found = length_of_a(MU, counts, leak=0)
    assert not found.contradicted
    together = found.bounds["s_X0"] + found.bounds["s_X1"]
    assert together == pytest.approx(sum(n_key), abs=1e-3)
    assert found.secret_bits == math.floor(found.bounds["ell"])


PARTLY = TwoDecoyCounts((9007656, 1456139, 6201), SET_A.n_test, SET_A.m_test, P, P)


def test_counts_may_contradict_a_part_of_the_intervals_only():
    box = bounds_of(MU, 0.1)
    corners = [length_of_a(point, PARTLY) for point in itertools.product(*box)]
    assert {corner.contradicted for corner in corners} == {True, False}
    found = length_of_a(box, PARTLY)
    least = min(c.secret_bits for c in corners if not c.contradicted)
    assert not found.contradicted
    assert 0.97 * least < found.secret_bits <= least


def test_a_search_where_counts_contradict_a_part_is_short(monkeypatch):
    calls = []
    evaluate = lim2014._Formulas.evaluate

    def counted(*args, **kwargs):
        calls.append(args)
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(lim2014._Formulas, "evaluate", counted)
    length_of_a(bounds_of(MU, 0.1), PARTLY)
    assert len(calls) < 600


@pytest.mark.parametrize("relative", [0, 0.02, 0.1])
def test_contradicted_means_at_every_point(relative):
    box = bounds_of(MU, relative)
    counts = TwoDecoyCounts((9007656, 1638157, 6201), SET_A.n_test, SET_A.m_test, P, P)
    corners = itertools.product(*box)
    assert length_of_a(box, counts).contradicted == all(
        length_of_a(point, counts).contradicted for point in corners
    )
