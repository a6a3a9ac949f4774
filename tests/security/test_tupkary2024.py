"""arXiv:2408.17349: the check vectors of theory-claims section 8, and properties."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.errors import UsageError
from qkdlab.security.assumptions import Pattern
from qkdlab.security.asymptotic import binary_entropy
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons, assumptions, key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

P = (0.6, 0.3, 0.1)
MU = (0.5, 0.1, 0.002)
SET_A = TwoDecoyCounts(
    (9007656, 910087, 6201), (592609, 59874, 408), (6498, 666, 8), P, P
)
TWELVE = Epsilons(*[1e-12] * 6)
IDEAL = Detectors(0, 0, 1e-6, swap=False)
V2 = Detectors(0.01, 0.005, 1e-6, swap=False)
V3 = Detectors(0.01, 0.05, 1e-6, swap=False)
V4 = Detectors(0.05, 0.05, 1e-6, swap=True)
H, C, X = Slack.HOEFFDING, Slack.CHERNOFF, Slack.EXACT


def length_of(detectors=IDEAL, slack=C, *, counts=SET_A, mu=MU, leak=1004540, **more):
    more.setdefault("epsilons", TWELVE)
    return key_length(
        counts, mu, leak_bits=leak, detectors=detectors, slack=slack, **more
    )


VECTORS = [
    ("V1", IDEAL, H, 0, 0, 2.23009040e-3, 2.23009040e-3, 8.65985631e-2, 2189892),
    ("V1c", IDEAL, C, 0, 0, 0, 0, 8.41753500e-2, 2235951),
    ("V2", V2, H, 3.98019055e-2, 1.98019408e-2, 2.23009040e-3, 2.23009040e-3,
     1.29050593e-1, 1468654),
    ("V2c", V2, C, 3.98019055e-2, 1.98019408e-2, 8.74981274e-4, 6.24563684e-4,
     1.27455712e-1, 1493154),
    ("V3", V3, H, 1.05263108e-1, 9.52380500e-2, 2.23009040e-3, 2.23009040e-3,
     2.12367626e-1, 406620),
    ("V4", V4, H, 9.08058468e-3, 4.53513878e-3, 2.23009040e-3, 2.23009040e-3,
     9.61364100e-2, 2014249),
    ("V4c", V4, C, 9.08058468e-3, 4.53513878e-3, 4.26328142e-4, 3.02949315e-4,
     9.41377094e-2, 2050334),
]  # fmt: skip
NAMES = ("delta_1", "delta_2", "gamma_1", "gamma_2", "B")


@pytest.mark.parametrize("vector", VECTORS, ids=[v[0] for v in VECTORS])
def test_check_vectors(vector):
    _, detectors, slack, *values, length = vector
    found = length_of(detectors, slack)
    assert found.secret_bits == length
    for name, value in zip(NAMES, values, strict=True):
        assert found.bounds[name] == pytest.approx(value, rel=5e-9, abs=1e-15)


def test_shared_numbers_of_the_vectors():
    expected = {
        "tau_0": 0.7351698211,
        "tau_1": 0.2093039209,
        "s_K0": 0.0,
        "s_K1": 5.55586900e6,
        "s_X1": 2.47738092e5,
        "v_1": 1.81793955e4,
        "e_1": 7.33815106e-2,
        "gamma_s": 1.07938394e-2,
        "PA_term": 77.7262743,
        "EV_term": 40.8631371,
        "epsilon_AT": 3.46410162e-12,
        "epsilon": 8.92820323e-12,
    }
    found = length_of().bounds
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=3e-9, abs=1e-20)


@pytest.mark.parametrize(
    ("name", "i", "n", "width"),
    [
        ("n_K", 1, 9007656, 1.66627754e4),
        ("n_X", 2, 59874, 4.27391153e3),
        ("m_X", 3, 8, 4.47945654e2),
    ],
)
def test_widths_of_the_vectors(name, i, n, width):
    found = length_of().bounds
    low, high = found[f"{name}{i}_minus"], found[f"{name}{i}_plus"]
    assert (high - low) / (high + low) == pytest.approx(width / n, rel=5e-9)


def test_a_committed_length_comes_out_exactly_or_not_at_all():
    assert length_of(V4, committed_length=2_000_000).secret_bits == 2_000_000
    assert length_of(V2, committed_length=2_000_000).secret_bits == 0
    assert length_of(V4, committed_length=2050334).secret_bits == 2050334
    assert length_of(V4, committed_length=2050335).secret_bits == 0


@pytest.mark.parametrize(
    ("efficiency", "dark", "length"),
    [(0.03, 0, 361323), (0.04, 0, 0), (0, 0.05, 418906), (0, 0.07, 0)],
)
def test_where_the_key_dies_without_a_swap(efficiency, dark, length):
    detectors = Detectors(efficiency, dark, 1e-6, swap=False)
    assert length_of(detectors).secret_bits == length


@pytest.mark.parametrize("detectors", [IDEAL, V2, V4])
def test_exact_tails_give_more_and_hoeffding_less(detectors):
    lengths = [length_of(detectors, slack).secret_bits for slack in (H, C, X)]
    assert lengths == sorted(lengths)
    assert lengths[2] > 1.5 * lengths[1]


def test_exact_tails_grant_whole_single_photons_only():
    found = length_of(V4, X).bounds
    privacy = found["lambda_EC"] + found["PA_term"] + found["EV_term"]
    granted = math.floor(found["s_K1"]) * (1 - binary_entropy(found["B"]))
    assert found["ell"] == pytest.approx(granted - privacy, abs=1e-4)


@settings(max_examples=12)
@given(st.floats(0, 0.03), st.floats(1e-4, 0.01), st.sampled_from(list(Slack)))
def test_worse_detectors_give_less(spread, more, slack):
    lengths = [
        length_of(Detectors(x, x, 1e-6, swap=False), slack).secret_bits
        for x in (spread, spread + more)
    ]
    assert lengths[1] <= lengths[0]


@pytest.mark.parametrize("name", ["decoy", "sampling", "mismatch_1", "pa", "ev"])
def test_a_smaller_epsilon_gives_less(name):
    smaller = replace(TWELVE, **{name: 1e-15})
    less = length_of(V2, epsilons=smaller).secret_bits
    assert less < length_of(V2).secret_bits


@pytest.mark.parametrize("slack", list(Slack))
@pytest.mark.parametrize(
    ("name", "index", "difference"),
    [("m_test", 1, 60), ("n_key", 2, 3000), ("n_key", 0, 90000), ("n_test", 1, -600)],
)
def test_worse_counts_give_less(name, index, difference, slack):
    values = list(getattr(SET_A, name))
    values[index] += difference
    worse = replace(SET_A, **{name: tuple(values)})
    less = length_of(V4, slack, counts=worse).secret_bits
    assert less < length_of(V4, slack).secret_bits


def bounds_of(relative):
    return [(k * (1 - relative), k * (1 + relative)) for k in MU]


@pytest.mark.parametrize(("relative", "slack"), [(0.001, C), (0.01, C), (0.01, X)])
def test_length_over_intervals_is_close_below_the_least_of_a_grid(relative, slack):
    box = bounds_of(relative)
    least = min(
        length_of(V4, slack, mu=point).secret_bits for point in itertools.product(*box)
    )
    found = length_of(V4, slack, mu=box).secret_bits
    assert 0.97 * least < found <= least


@settings(max_examples=10)
@given(
    st.floats(0, 0.04),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.sampled_from([C, X]),
)
def test_no_intensity_inside_its_interval_gives_less(relative, place, slack):
    box = bounds_of(relative)
    inside = [lo + x * (hi - lo) for (lo, hi), x in zip(box, place, strict=True)]
    there = length_of(V4, slack, mu=inside).secret_bits
    assert length_of(V4, slack, mu=box).secret_bits <= there


@pytest.mark.parametrize("slack", list(Slack))
def test_no_counts_give_no_key(slack):
    nothing = TwoDecoyCounts((0, 0, 0), (0, 0, 0), (0, 0, 0), P, P)
    assert length_of(V2, slack, counts=nothing, leak=0).secret_bits == 0


@pytest.mark.parametrize("slack", list(Slack))
def test_counts_that_no_intensity_explains_give_no_key(slack):
    counts = replace(SET_A, n_key=(910087, 9007656, 6201))
    found = length_of(V2, slack, counts=counts, leak=0)
    assert found.contradicted
    assert found.secret_bits == 0


def test_fewer_errors_than_vacuum_explains_give_no_key():
    counts = replace(SET_A, m_test=(6498, 0, 9000))
    assert length_of(counts=counts, leak=0).contradicted


def test_a_test_without_errors_is_no_contradiction():
    found = length_of(counts=replace(SET_A, m_test=(0, 0, 0)))
    assert not found.contradicted
    assert found.secret_bits > length_of().secret_bits


def test_a_bit_more_leak_is_a_bit_less_key():
    assert length_of(leak=1004541).secret_bits == 2235950


@pytest.mark.parametrize(
    "changes",
    [
        {"leak": -1},
        {"mu": (0.5, 0.4, 0.2)},
        {"mu": (0.5, 0.1)},
    ],
)
def test_numbers_that_make_no_sense_are_refused(changes):
    with pytest.raises(UsageError, match=r"leak_bits|intensit"):
        length_of(**changes)


@pytest.mark.parametrize("figures", [(1.0, 0, 1e-6), (0, 1.0, 1e-6), (0.1, 0, 0.7)])
def test_detectors_that_make_no_sense_are_refused(figures):
    with pytest.raises(UsageError, match=r"_spread|dark_prob"):
        Detectors(*figures, swap=False)


def test_an_epsilon_that_makes_no_sense_is_refused_by_its_name():
    with pytest.raises(UsageError, match="epsilon_mismatch2"):
        replace(TWELVE, mismatch_2=0)


@pytest.mark.parametrize(
    ("pattern", "computational"), [(Pattern.COUNTER, True), (Pattern.FRESH, False)]
)
def test_a_swap_out_of_a_cipher_is_called_computational(pattern, computational):
    detectors = Detectors(0.01, 0.1, 1e-6, swap=True)
    found = assumptions(detectors, Slack.CHERNOFF, pattern=pattern)
    (swap,) = (a for a in found if a.name == "random swap")
    assert ("computational" in swap.note) is computational
