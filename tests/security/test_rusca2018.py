"""Rusca 2018: formally verified values, intervals, monotonicity, refusals."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.errors import UsageError
from qkdlab.security.rusca2018 import Rusca2018Counts, key_length
from qkdlab.security.tails import gamma_random_sampling, serfling_width

P = (0.7, 0.3)
MU = (0.51, 0.15)
# vector V6 of theory-claims: the data of the formally verified implementation
SET = Rusca2018Counts(
    n_key=(8875913, 1124087),
    m_key=(185856, 26055),
    n_test=(165048, 20902),
    m_test=(3456, 484),
    p_key=P,
    p_test=P,
)
VERIFIED = {
    "n_Z1_plus": 2.1141564840596016e7,
    "n_Z1_minus": 2.1089805919420347e7,
    "n_Z2_plus": 4.395472030980807e6,
    "n_Z2_minus": 4.31121309172391e6,
    "n_X1_plus": 396176.12935093784,
    "n_X2_minus": 75203.94317833845,
    "m_X1_plus": 8735.473153448527,
    "m_X2_minus": 1038.1798167212369,
    "s_Z0_u": 167020.1792587285,
    "s_X0_u": 6645.523136846764,
    "v_X1_u": 5411.812583855381,
    "s_Z0_l": 0.0,
    "s_Z1_l": 5.396516268816283e6,
    "s_X1_l": 76462.2755485758,
    "phi_Z_u": 0.07917365937798954,
    "ell": 1.4647190887320058e6,
}


def length_of(counts=SET, mu=MU, leak=1776924, epsilon=1e-9):
    return key_length(
        counts,
        mu,
        leak_bits=leak,
        epsilon_secrecy=epsilon,
        epsilon_correctness=1e-15,
    )


def test_the_length_is_the_formally_verified_one():
    assert length_of().secret_bits == 1464719


@pytest.mark.parametrize(("name", "value"), VERIFIED.items())
def test_every_bound_is_the_formally_verified_one(name, value):
    assert length_of().bounds[name] == pytest.approx(value, rel=1e-14, abs=1e-12)


def test_gamma_of_the_verified_implementation():
    found = gamma_random_sampling(0.1, 0.1, 0.1, 0.1, 19)
    assert found.number == pytest.approx(7.717529454187349, rel=1e-14)


def test_vector_v7_shares_the_bounds():
    # theory-claims V7 splits epsilon into 15 parts where Rusca splits it into 19
    found = length_of(epsilon=1e-9 * 19 / 15).bounds
    assert found["s_Z1_l"] == pytest.approx(5397531.8804, abs=6e-5)
    assert found["s_X1_l"] == pytest.approx(76600.766756, abs=6e-7)
    ratio = found["v_X1_u"] / found["s_X1_l"]
    assert ratio == pytest.approx(7.0587555767e-2, rel=1e-10)
    # Serfling's deviation there is written with epsilon_0^2
    k, n = found["s_X1_l"], found["s_Z1_l"]
    gamma = math.sqrt((n + k) / (n * k) * (k + 1) / k * math.log(15e9))
    assert gamma == pytest.approx(1.7613459600e-2, rel=1e-9)
    assert serfling_width(round(n), round(k), (1 / 15e9) ** 2).number == pytest.approx(
        gamma, rel=1e-5
    )


def bounds_of(relative):
    return [(k * (1 - relative), k * (1 + relative)) for k in MU]


@pytest.mark.parametrize("relative", [0.001, 0.01, 0.03])
def test_length_over_intervals_is_the_least_of_a_grid(relative):
    box = bounds_of(relative)
    grid = itertools.product(*([lo, (lo + hi) / 2, hi] for lo, hi in box))
    least = min(length_of(mu=point).secret_bits for point in grid)
    assert least - 1 <= length_of(mu=box).secret_bits <= least


@settings(max_examples=15)
@given(st.floats(0, 0.05), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_no_intensity_inside_its_interval_gives_less(relative, place):
    box = bounds_of(relative)
    inside = [lo + x * (hi - lo) for (lo, hi), x in zip(box, place, strict=True)]
    assert length_of(mu=box).secret_bits <= length_of(mu=inside).secret_bits


def changed(name, index, difference):
    values = list(getattr(SET, name))
    values[index] += difference
    return replace(SET, **{name: tuple(values)})


@pytest.mark.parametrize(
    ("name", "index", "difference"),
    [
        ("m_test", 0, 100),  # more errors in the test
        ("m_key", 1, 2000),  # more vacuum in the key
        ("n_key", 1, -20000),  # fewer decoys than single photons would give
        ("n_key", 0, 20000),  # more signal: more may be multi-photon
    ],
)
def test_worse_counts_give_less(name, index, difference):
    worse = length_of(changed(name, index, difference))
    assert worse.secret_bits < length_of().secret_bits


@settings(max_examples=15)
@given(st.floats(1e-14, 1e-6), st.floats(1.1, 100))
def test_a_smaller_epsilon_gives_less(epsilon, factor):
    assert (
        length_of(epsilon=epsilon / factor).secret_bits
        < length_of(epsilon=epsilon).secret_bits
    )


def test_a_bit_more_leak_is_a_bit_less_key():
    assert length_of(leak=1776925).secret_bits == 1464718


def test_a_positive_vacuum_bound_enters_the_length():
    n_key = (8875913, 3000000)
    m_key = (185856, 900000)
    found = length_of(Rusca2018Counts(n_key, m_key, SET.n_test, SET.m_test, P, P))
    # (A19) in plain floats
    delta = math.sqrt(sum(n_key) / 2 * math.log(19e9))
    high = math.exp(MU[0]) / P[0] * (n_key[0] + delta)
    low = math.exp(MU[1]) / P[1] * (n_key[1] - delta)
    tau = sum(p * math.exp(-k) for p, k in zip(P, MU, strict=True))
    expected = tau * (MU[0] * low - MU[1] * high) / (MU[0] - MU[1])
    assert expected > 0
    assert found.bounds["s_Z0_l"] == pytest.approx(expected, rel=1e-9)
    assert found.bounds["s_Z0_l"] + found.bounds["s_Z1_l"] <= sum(n_key)


def test_vacuum_events_are_at_most_all_events():
    few = Rusca2018Counts((700, 90), (300, 50), (70, 9), (30, 5), P, P)
    bounds = length_of(few, leak=0).bounds
    assert bounds["s_Z0_u"] == 790
    assert bounds["s_X0_u"] == 79


@pytest.mark.parametrize("relative", [0, 0.02])
def test_counts_that_no_intensity_explains_give_no_key(relative):
    counts = replace(SET, n_key=(1124087, 8875913), m_key=(0, 0))
    found = length_of(counts, bounds_of(relative), leak=0)
    assert found.contradicted
    assert found.secret_bits == 0


def test_no_counts_give_no_key():
    nothing = Rusca2018Counts((0, 0), (0, 0), (0, 0), (0, 0), P, P)
    assert length_of(nothing, leak=0).secret_bits == 0


@settings(max_examples=40)
@given(
    n=st.tuples(*[st.integers(0, 10**7)] * 4),
    shares=st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)),
)
def test_no_counts_give_more_bits_than_events(n, shares):
    m = [int(shares[i // 2] * x) for i, x in enumerate(n)]
    counts = Rusca2018Counts(n[:2], tuple(m[:2]), n[2:], tuple(m[2:]), P, P)
    assert length_of(counts, leak=0).secret_bits <= sum(n[:2])


@pytest.mark.parametrize(
    "intensities", [(0.1, 0.2), (0.2, 0.0), (0.2, -0.1), (0.2, (0.1, 0.2)), (0.5,)]
)
def test_intensities_out_of_order_are_refused(intensities):
    with pytest.raises(UsageError, match="intensit"):
        length_of(mu=intensities)


@pytest.mark.parametrize("changes", [{"leak": -1}, {"epsilon": 0}, {"epsilon": 1.0}])
def test_numbers_that_make_no_sense_are_refused(changes):
    with pytest.raises(UsageError, match=r"leak_bits|epsilon_secrecy"):
        length_of(**changes)


def test_negative_counts_are_refused():
    with pytest.raises(UsageError, match="negative"):
        Rusca2018Counts((-1, 0), (0, 0), (0, 0), (0, 0), P, P)
