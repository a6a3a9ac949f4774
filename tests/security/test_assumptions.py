"""Epsilon budget, assumptions and what they leave to claim."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.security.assumptions import (
    Pattern,
    RandomSource,
    Receiver,
    bb84_assumptions,
    claimable_bits,
)
from qkdlab.security.epsilon import EpsilonBudget

GOOD = {
    "receiver": Receiver.ACTIVE,
    "pattern": Pattern.FRESH,
    "randomness": RandomSource.OPERATING_SYSTEM,
}


def status(assumptions):
    return {a.name: str(a.status) for a in assumptions}


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"receiver": Receiver.PASSIVE_BIASED}, "active basis choice"),
        ({"receiver": Receiver.PASSIVE_BALANCED}, "active basis choice"),
        ({"pattern": Pattern.CYCLIC}, "independent settings"),
        ({"randomness": RandomSource.SEEDED}, "randomness"),
        ({"secret_from_seed": True}, "authentication"),
    ],
)
def test_what_a_run_breaks_is_violated_and_leaves_no_claim(facts, name):
    assumptions = bb84_assumptions(**{**GOOD, **facts})
    broken = [a.name for a in assumptions if a.status == "violated"]
    assert broken == [name]
    assert claimable_bits(1000, "secure", assumptions, claim=True) == 0


def test_a_good_run_under_a_claiming_theorem_may_claim():
    assert claimable_bits(1000, "secure", bb84_assumptions(**GOOD), claim=True) == 1000


@pytest.mark.parametrize("key_class", ["lab", "demonstration"])
def test_only_the_secure_class_claims(key_class):
    assert claimable_bits(9, key_class, bb84_assumptions(**GOOD), claim=True) == 0


def test_a_published_formula_claims_nothing():
    assert claimable_bits(9, "secure", bb84_assumptions(**GOOD), claim=False) == 0


def test_single_photon_theorem_assumes_single_photons_instead_of_intensities():
    names = set(status(bb84_assumptions(decoys=False)))
    assert "single photons" in names
    assert "phase randomisation" not in names


def test_an_assumption_prints_as_plain_words():
    printed = bb84_assumptions(pattern=Pattern.CYCLIC)[2].as_dict()
    assert printed == {
        "name": "independent settings",
        "status": "violated",
        "note": "one stored pattern is repeated",
    }


@given(st.lists(st.floats(0, 1e-3), max_size=8))
def test_the_budget_never_adds_up_to_less_than_its_terms(terms):
    budget = EpsilonBudget(1e-15, 1e-9, {str(i): x for i, x in enumerate(terms)})
    exact = sum(map(Fraction, [1e-15, 1e-9, *terms]))
    assert Fraction(budget.total) >= exact
    assert budget.total <= float(exact) * (1 + 1e-15)


def test_the_budget_prints_its_parts():
    printed = EpsilonBudget(1e-15, 1e-9, {"alice 1": 2e-30, "bob 1": 1e-30}).as_dict()
    assert set(printed) == {"correctness", "secrecy", "authentication", "total"}
    assert math.isclose(printed["authentication"], 3e-30)


@pytest.mark.parametrize("terms", [(2.0, 0.1), (-0.1, 0.1)])
def test_a_failure_probability_out_of_range_is_refused(terms):
    with pytest.raises(ValueError, match="between 0 and 1"):
        EpsilonBudget(*terms)
