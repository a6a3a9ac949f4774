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
        ({"efficiency_mismatch": (-0.05, 0.02)}, "basis-independent detection"),
        ({"thresholds_committed": False}, "thresholds committed before the run"),
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


def test_a_mismatch_within_its_uncertainty_is_named_and_assumed_away():
    found = bb84_assumptions(**GOOD, efficiency_mismatch=(0.01, 0.02))[4]
    assert found.status == "assumed"
    assert "calibrated as 0.01, uncertainty 0.02" in found.note


def test_intervals_that_can_fail_say_how_often():
    found = bb84_assumptions(**GOOD, interval_coverage=0.99)[1]
    assert "probability 0.99" in found.note
    assert "not in epsilon" in found.note


def test_pads_from_a_seed_are_said_to_repeat():
    notes = {a.name: a.note for a in bb84_assumptions(secret_from_seed=True)}
    assert "same pads" in notes["authentication"]


def test_thresholds_that_were_committed_are_met():
    found = bb84_assumptions(**GOOD, thresholds_committed=True)[-1]
    assert found.status == "met"


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
