"""Lim 2014: exact vectors, the figure's table, intervals, soundness by simulation."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_lim2014 import MU, SET_A, P, bounds_of, length_of_a, plain_length

from qkdlab.errors import UsageError
from qkdlab.security.lim2014 import key_length, reconciliation_leak
from qkdlab.security.two_decoys import TwoDecoyCounts


def test_vector_v5():
    found = length_of_a(MU)
    assert found.secret_bits == 3080612
    expected = {
        "s_X0": 0.0,
        "s_X1": 5.75190376e6,
        "s_Z1": 2.98019944e5,
        "v_Z1": 1.40178363e4,
        "gamma": 3.74927184e-3,
        "phi_X": 5.07858431e-2,
    }
    for name, value in expected.items():
        assert found.bounds[name] == pytest.approx(value, rel=3e-9, abs=1e-12)


def test_tau_of_data_set_a():
    found = length_of_a(MU).bounds
    assert found["tau_0"] == pytest.approx(0.7351698211, rel=1e-9)
    assert found["tau_1"] == pytest.approx(0.2093039209, rel=1e-9)


def test_lower_counts_are_not_clamped():
    assert length_of_a(MU).bounds["n_X3_minus"] < 0
    assert length_of_a(MU).bounds["m_Z3_minus"] < 0


def test_a_positive_vacuum_bound_enters_the_length():
    counts = TwoDecoyCounts(
        (9007656, 910087, 90000), (592609, 59874, 6000), (6498, 666, 300), P, P
    )
    found = length_of_a(MU, counts)
    assert found.bounds["s_X0"] > 0
    expected = plain_length(counts, MU, 1004540, 1e-10, 1e-15)
    assert found.bounds["ell"] == pytest.approx(expected, abs=1e-3)


@settings(max_examples=25)
@given(
    scale=st.floats(0.3, 30),
    mu2=st.floats(0.05, 0.25),
    mu3=st.floats(0, 0.01),
    qber=st.floats(0.002, 0.04),
)
def test_agrees_with_the_plain_equations(scale, mu2, mu3, qber):
    mu = (0.5, mu2, mu3)
    n_key = [
        int(scale * 1e6 * p * (1 - math.exp(-0.1 * k)) + 50)
        for k, p in zip(mu, P, strict=True)
    ]
    n_test = [x // 4 for x in n_key]
    m_test = [int(qber * x) + 1 for x in n_test]
    counts = TwoDecoyCounts(tuple(n_key), tuple(n_test), tuple(m_test), P, P)
    found = length_of_a(mu, counts, leak=1000)
    if found.bounds["phi_X"] < 0.5:
        expected = plain_length(counts, mu, 1000, 1e-10, 1e-15)
        assert found.bounds["ell"] == pytest.approx(expected, abs=1e-2)
        assert found.secret_bits <= max(0.0, expected + 1e-2)


def figure_one(km, n_x, q_x, p1, p2, mu1, mu2):
    """Secret bits per pulse in the paper's simulation (theory section 2b)."""
    p = Fraction(p1), Fraction(p2), 1 - Fraction(p1) - Fraction(p2)
    mu = (mu1, mu2, 2e-4)
    eta, dark, after, misaligned = 0.1 * 10 ** (-0.02 * km), 6e-7, 0.04, 5e-3
    click = [1 - (1 - 2 * dark) * math.exp(-eta * k) for k in mu]
    gain = [d * (1 + after) for d in click]
    error = [
        dark + misaligned * (1 - math.exp(-eta * k)) + after * d / 2
        for k, d in zip(mu, click, strict=True)
    ]
    pulses = n_x / (q_x**2 * sum(pk * r for pk, r in zip(p, gain, strict=True)))

    def observed(rates, basis):
        return tuple(
            round(pulses * basis**2 * pk * r) for pk, r in zip(p, rates, strict=True)
        )

    counts = TwoDecoyCounts(
        observed(gain, q_x), observed(gain, 1 - q_x), observed(error, 1 - q_x), p, p
    )
    errors = sum(observed(error, q_x))
    leak = reconciliation_leak(n_x, errors, 1.16).high
    length = n_x // 3
    for _ in range(5):
        length = key_length(
            counts,
            mu,
            leak_bits=leak,
            epsilon_secrecy=1e-15 * length,
            epsilon_correctness=1e-15,
        ).secret_bits
    return length / pulses


def test_figure_one_at_the_stated_optimum():
    rate = figure_one(50, 10**7, q_x=0.857, p1=0.377, p2=0.446, mu1=0.411, mu2=0.220)
    assert rate == pytest.approx(5.139e-4, rel=0.01)


def test_the_stated_optimum_is_one():
    best = {"q_x": 0.857, "p1": 0.377, "p2": 0.446, "mu1": 0.411, "mu2": 0.220}
    rate = figure_one(50, 10**7, **best)
    for name, factor in itertools.product(best, (0.9, 1.1)):
        other = {**best, name: best[name] * factor}
        assert figure_one(50, 10**7, **other) < rate


def test_too_few_counts_give_no_key():
    counts = TwoDecoyCounts((900, 91, 1), (59, 6, 0), (1, 0, 0), P, P)
    assert length_of_a(MU, counts, leak=0).secret_bits == 0


def test_no_counts_at_all_give_no_key():
    counts = TwoDecoyCounts((0, 0, 0), (0, 0, 0), (0, 0, 0), P, P)
    found = length_of_a(bounds_of(MU, 0.01), counts, leak=0)
    assert found.secret_bits == 0
    assert found.bounds["phi_X"] == 0.5


def test_counts_that_contradict_the_model_give_no_key():
    # fewer errors with the decoy than its vacuum part explains
    counts = TwoDecoyCounts(SET_A.n_key, SET_A.n_test, (6498, 0, 9000), P, P)
    assert length_of_a(MU, counts).secret_bits == 0


@settings(max_examples=40)
@given(
    n_key=st.tuples(*[st.integers(0, 10**7)] * 3),
    n_test=st.tuples(*[st.integers(0, 10**6)] * 3),
    share=st.floats(0, 0.1),
    leak=st.integers(0, 10**6),
)
def test_no_counts_give_more_bits_than_events(n_key, n_test, share, leak):
    m_test = tuple(int(share * n) for n in n_test)
    counts = TwoDecoyCounts(n_key, n_test, m_test, P, P)
    found = length_of_a(MU, counts, leak).secret_bits
    assert found <= max(0, sum(n_key) - leak)


def test_an_epsilon_beyond_the_formula_gives_no_key():
    found = key_length(
        SET_A, MU, leak_bits=0, epsilon_secrecy=0.5, epsilon_correctness=1e-15
    )
    assert found.secret_bits == 0


@pytest.mark.parametrize(
    "changes",
    [{"leak_bits": -1}, {"epsilon_secrecy": 0}, {"epsilon_correctness": 1.0}],
)
def test_numbers_that_make_no_sense_are_refused(changes):
    options = {"leak_bits": 0, "epsilon_secrecy": 1e-9, "epsilon_correctness": 1e-15}
    with pytest.raises(UsageError, match=next(iter(changes))):
        key_length(SET_A, MU, **{**options, **changes})


@pytest.mark.parametrize(
    ("n_key", "p_key"), [((-1, 0, 0), P), ((1, 1, 1), (0.6, 0.4, 0.0))]
)
def test_counts_that_make_no_sense_are_refused(n_key, p_key):
    with pytest.raises(UsageError, match=r"negative|above 0"):
        TwoDecoyCounts(n_key, (1, 1, 1), (0, 0, 0), p_key, P)


def test_a_bit_more_leak_is_a_bit_less_key():
    assert length_of_a(MU, leak=1004541).secret_bits == 3080611


@pytest.mark.parametrize(
    "intensities",
    [
        (0.5, 0.4, 0.2),
        (0.5, 0.1, 0.1),
        (0.5, 0.1, -0.1),
        (0.5, (0.1, 0.3), (0.2, 0.21)),
        ((0.6, 0.5), 0.1, 0.0),
        ((0.15, 0.5), 0.1, 0.06),
        (0.5, 0.1),
    ],
)
def test_intensities_out_of_order_are_refused(intensities):
    with pytest.raises(UsageError, match="intensit"):
        length_of_a(intensities)


def test_a_string_without_errors_needs_no_reconciliation():
    assert reconciliation_leak(1000, 0, 1.16).number == 0


def simulate(rng, mu_true, pulses=10**9):
    """Draw counts with photon numbers known; return them and the truth."""
    eta, dark, misaligned = 0.08, 2e-5, 0.01
    numbers = np.arange(12)
    factorials = [math.factorial(m) for m in numbers]
    weights = [k**numbers / factorials for k in mu_true]
    weights = [w / w.sum() for w in weights]
    yields = 1 - (1 - dark) * (1 - eta) ** numbers
    wrong = (0.5 * dark + misaligned * (yields - dark)) / yields
    events, errors = np.zeros((2, 3, 12), int), np.zeros((2, 3, 12), int)
    for basis, share in enumerate((0.8, 0.2)):
        for i, p in enumerate(P):
            sent = rng.multinomial(
                int(pulses * share * p), weights[i] / sum(weights[i])
            )
            events[basis, i] = rng.binomial(sent, yields)
            errors[basis, i] = rng.binomial(events[basis, i], wrong)
    counts = TwoDecoyCounts(
        tuple(events[0].sum(1).tolist()),
        tuple(events[1].sum(1).tolist()),
        tuple(errors[1].sum(1).tolist()),
        P,
        P,
    )
    truth = {
        "s_X0": events[0, :, 0].sum(),
        "s_X1": events[0, :, 1].sum(),
        "s_Z1": events[1, :, 1].sum(),
        "v_Z1": errors[1, :, 1].sum(),
        "phi_X": errors[0, :, 1].sum() / events[0, :, 1].sum(),
    }
    return counts, truth


def crossings(mu_true, runs=40):
    """Count bounds that cross the truth when MU is believed."""
    rng = np.random.default_rng(2024)
    wrong = 0
    for _ in range(runs):
        counts, truth = simulate(rng, mu_true)
        bounds = length_of_a(MU, counts, leak=0).bounds
        wrong += sum(bounds[name] > truth[name] for name in ("s_X0", "s_X1", "s_Z1"))
        wrong += sum(bounds[name] < truth[name] for name in ("v_Z1", "phi_X"))
    return wrong


def test_bounds_never_cross_the_truth():
    # epsilon_sec is 1e-10: not one crossing is expected in any number of runs
    assert crossings(MU) == 0


def test_the_soundness_test_catches_a_decoy_ten_percent_too_bright():
    assert crossings((0.5, 0.11, 0.002), runs=20) > 0


@pytest.mark.parametrize(
    ("seconds", "length", "phase_error"), [(10, 4.72e6, 0.0272), (1, 3.20e5, 0.0676)]
)
def test_the_reference_bench_gives_its_table(seconds, length, phase_error):
    # counts of the bench's table of gains: 10 s, f = 1.16 one way
    share = seconds / 10
    gains = [0.4 * 7.034e-3, 0.4 * 2.820e-3, 0.2 * 2.86e-5]
    n_key = [round(share * n) for n in (8.41e6, 3.39e6, 1.71e4)]
    n_test = [round(share * 5.26e5 * g / sum(gains)) for g in gains]
    m_test = [round(e * n) for e, n in zip((0.012, 0.012, 0.0144), n_test, strict=True)]
    p = (0.4, 0.4, 0.2)
    leak = reconciliation_leak(sum(n_key), round(0.012 * sum(n_key)), 1.16)
    found = key_length(
        TwoDecoyCounts(tuple(n_key), tuple(n_test), tuple(m_test), p, p),
        (0.5, 0.2, 0.002),
        leak_bits=leak.high,
        epsilon_secrecy=1e-9,
        epsilon_correctness=1e-15,
    )
    assert found.secret_bits == pytest.approx(length, rel=3e-3)
    assert found.bounds["phi_X"] == pytest.approx(phase_error, rel=5e-3)
