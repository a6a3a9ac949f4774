"""Exact tails against SciPy's, their inverses by definition and by sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qkdlab.security.exact import (
    binomial_tail,
    hypergeometric_tail,
    mean_interval,
    most_marked,
    most_successes,
)
from qkdlab.security.slacks import Slack, binomial_slack

EPSILON = 1e-10


@pytest.mark.parametrize("n", [10, 1000, 50_000])
@pytest.mark.parametrize("p", [0.001, 0.02, 0.5])
def test_binomial_tails_are_those_of_scipy(n, p):
    sigma = math.sqrt(n * p * (1 - p))
    for sigmas, rel in ((1, 0.05), (4, 2e-3), (7, 2e-3)):
        k = math.ceil(n * p + sigmas * sigma) + 1
        found = float(binomial_tail(n, p, k))
        exact = stats.binom.sf(k - 1, n, p)
        assert found == pytest.approx(exact, rel=rel, abs=1e-300)
        assert found >= exact * (1 - 1e-9)


@pytest.mark.parametrize(("population", "marked", "sample"), [
    (30, 9, 10), (3000, 300, 1000), (100_000, 3000, 40_000),
])  # fmt: skip
def test_hypergeometric_tails_are_those_of_scipy(population, marked, sample):
    mean = sample * marked / population
    for k in {max(0, math.floor(mean - x * math.sqrt(mean))) for x in (1, 3, 6)}:
        found = float(hypergeometric_tail(population, marked, sample, k))
        exact = stats.hypergeom.cdf(k, population, marked, sample)
        assert found == pytest.approx(exact, rel=2e-3)
        assert found >= exact * (1 - 1e-6)


def test_tails_on_the_wrong_side_say_nothing():
    assert float(binomial_tail(100, 0.5, 40)) == 1
    assert float(hypergeometric_tail(100, 50, 50, 30)) == 1


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (binomial_tail(10, 0.3, 0), 1),
        (binomial_tail(10, 0.3, 11), 0),
        (binomial_tail(10, 0, 1), 0),
        (binomial_tail(10, 1, 10), 1),
        (hypergeometric_tail(10, 4, 3, 3), 1),
        (hypergeometric_tail(10, 8, 5, 2), 0),
    ],
)
def test_tails_at_the_edges(found, value):
    assert float(found) == value


@settings(max_examples=30)
@given(st.integers(1, 5000), st.floats(1e-4, 0.9))
def test_most_successes_by_definition(n, p):
    k = most_successes(n, p, EPSILON)
    assert stats.binom.sf(k - 1, n, p) <= EPSILON * (1 + 1e-6)
    assert k == 0 or stats.binom.sf(k - 2, n, p) > EPSILON * 0.98


@settings(max_examples=30)
@given(st.integers(1, 3000), st.floats(0, 1))
def test_mean_intervals_are_clopper_and_pearsons(n, share):
    observed = round(share * n)
    low, high = (float(x) for x in mean_interval(n, observed, EPSILON))
    exact_low = stats.beta.ppf(EPSILON, observed, n - observed + 1) if observed else 0
    exact_high = (
        stats.beta.isf(EPSILON, observed + 1, n - observed) if observed < n else 1
    )
    assert low <= observed <= high
    assert low == pytest.approx(
        max(0, min(n * exact_low, observed - 1)), rel=1e-4, abs=1e-6
    )
    assert high == pytest.approx(min(n, max(n * exact_high, observed + 1)), rel=1e-4)


def test_mean_intervals_are_narrower_than_hoeffdings():
    for n, observed in ((10**4, 100), (10**6, 9000), (10**8, 10**6)):
        width = math.sqrt(n / 2 * math.log(1 / EPSILON))
        low, high = (float(x) for x in mean_interval(n, observed, EPSILON))
        assert high - low < 0.35 * 2 * width


def test_mean_intervals_are_no_narrower_than_one_success():
    # beyond that Hoeffding's theorem says nothing of unequal trials
    low, high = (float(x) for x in mean_interval(4, 2, 0.45))
    assert low <= 1
    assert high >= 3


def test_the_mean_of_no_trials_is_nothing():
    assert [float(x) for x in mean_interval(0, 0, EPSILON)] == [0, 0]


def cover(epsilon, probabilities, runs, seed):
    """Count how often the mean of unequal trials is outside its interval."""
    rng = np.random.default_rng(seed)
    mean = probabilities.sum()
    ends = {}
    low, high = 0, 0
    for observed in (rng.random((runs, probabilities.size)) < probabilities).sum(1):
        if observed not in ends:
            found = mean_interval(probabilities.size, int(observed), epsilon)
            ends[observed] = [float(x) for x in found]
        low += mean < ends[observed][0]
        high += mean > ends[observed][1]
    return low, high


@pytest.mark.parametrize("unequal", [False, True])
def test_means_are_covered_though_trials_differ(unequal):
    p = np.full(400, 0.1)
    if unequal:
        p = np.where(np.arange(400) < 40, 0.9, 0.1 / 9)
    runs, epsilon = 20_000, 0.01
    most = stats.binom.isf(1e-5, runs, epsilon)
    assert max(cover(epsilon, p, runs, seed=3)) <= most


def test_an_interval_at_twice_the_epsilon_would_be_caught():
    runs, epsilon = 20_000, 0.01
    most = stats.binom.isf(1e-5, runs, epsilon)
    assert max(cover(3 * epsilon, np.full(400, 0.1), runs, seed=3)) > most


@settings(max_examples=20)
@given(st.integers(0, 60), st.integers(60, 500), st.integers(1, 4000))
def test_most_marked_by_definition(observed, sample, rest):
    most = most_marked(observed, sample, rest, EPSILON)
    assert 0 <= most <= rest
    total = sample + rest
    if most < rest:
        tail = stats.hypergeom.cdf(observed, total, observed + most + 1, sample)
        assert tail <= EPSILON * (1 + 1e-6)
    if most > 0:
        tail = stats.hypergeom.cdf(observed, total, observed + most, sample)
        assert tail > EPSILON * 0.98


def exceeded(epsilon, runs=20_000):
    rng = np.random.default_rng(8)
    sample, rest, marked = 300, 2000, 120
    found = rng.hypergeometric(marked, sample + rest - marked, sample, runs)
    bound = {x: most_marked(int(x), sample, rest, epsilon) for x in set(found.tolist())}
    return sum(marked - x > bound[x] for x in found.tolist())


def test_most_marked_holds_but_for_epsilon():
    most = stats.binom.isf(1e-5, 20_000, 0.01)
    assert 0 < exceeded(0.01) <= most
    assert exceeded(0.03) > most


def test_most_marked_is_tighter_than_serfling():
    observed, sample, rest = 500, 10_000, 100_000
    serfling = math.sqrt(
        (rest + sample) * (sample + 1) * math.log(1 / EPSILON) / 2 / rest / sample**2
    )
    gamma = most_marked(observed, sample, rest, EPSILON) / rest - observed / sample
    assert 0 < gamma < 0.5 * serfling


@settings(max_examples=20)
@given(st.integers(10, 10**7), st.floats(1e-6, 0.6), st.floats(1e-14, 1e-3))
def test_slacks_of_a_binomial_hold_and_are_in_order(n, delta, epsilon):
    exact, chernoff, hoeffding = (
        float(binomial_slack(n, delta, epsilon, slack))
        for slack in (Slack.EXACT, Slack.CHERNOFF, Slack.HOEFFDING)
    )
    whole = round(n * (delta + exact))
    assert exact == 0 or stats.binom.sf(whole - 1, n, delta) <= epsilon**2 * 1.001
    assert 0 <= exact <= chernoff + 1 / n
    assert chernoff <= max(hoeffding, 0) * (1 + 1e-9)
    k = math.ceil(n * (delta + chernoff) * (1 - 1e-12))
    assert stats.binom.sf(k - 1, n, delta) <= epsilon**2 * (1 + 1e-6) or k > n


def test_a_slack_of_nothing():
    for slack in (Slack.CHERNOFF, Slack.EXACT):
        assert float(binomial_slack(1000, 0, 1e-12, slack)) == 0
        assert float(binomial_slack(1000, 1, 1e-12, slack)) == 1


def test_an_answer_is_exact_and_on_the_safe_side():
    found = binomial_slack(5555869, arb("0.0198"), 1e-12, Slack.CHERNOFF)
    assert found.is_exact()
