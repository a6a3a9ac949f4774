"""The `keylength` request: answers, and refusals that name the field."""

from __future__ import annotations

import json
import math

import pytest

from qkdlab.errors import UsageError
from qkdlab.security.keylength import keylength

DECOY = {
    "protocol": "bb84-decoy2",
    "intensities": [0.5, 0.1, 0.002],
    "probabilities": [0.6, 0.3, 0.1],
    "n_key": [9007656, 910087, 6201],
    "m_key": [98764, 10123, 120],
    "n_test": [592609, 59874, 408],
    "m_test": [6498, 666, 8],
    "epsilon_secrecy": 1e-10,
    "epsilon_correctness": 1e-15,
    "leak_bits": 1004540,
}
SINGLE = {
    "protocol": "bb84-single-photon",
    "n": 938000,
    "k": 62000,
    "qber_tolerated": 0.01,
    "leak_bits": 83362,
    "epsilon_secrecy": 1e-10,
    "epsilon_correctness": 1e-10,
}
ONE_DECOY = {
    "protocol": "bb84-decoy1",
    "intensities": [0.51, 0.15],
    "probabilities": [0.7, 0.3],
    "n_key": [8875913, 1124087],
    "m_key": [185856, 26055],
    "n_test": [165048, 20902],
    "m_test": [3456, 484],
    "epsilon_secrecy": 1e-9,
    "epsilon_correctness": 1e-15,
    "leak_bits": 1776924,
}
EUR = {
    "protocol": "bb84-decoy2-eur",
    "intensities": [0.5, 0.1, 0.002],
    "probabilities": [0.6, 0.3, 0.1],
    "n_key": [9007656, 910087, 6201],
    "n_test": [592609, 59874, 408],
    "m_test": [6498, 666, 8],
    "epsilon_decoy": 1e-12,
    "epsilon_sampling": 1e-12,
    "epsilon_mismatch1": 1e-12,
    "epsilon_mismatch2": 1e-12,
    "epsilon_pa": 1e-12,
    "epsilon_ev": 1e-12,
    "efficiency_spread": 0.05,
    "dark_spread": 0.05,
    "dark_probability": 1e-6,
    "swap": True,
    "slack": "chernoff",
    "leak_bits": 1004540,
}


def changed(request, **changes):
    return {k: v for k, v in {**request, **changes}.items() if v is not None}


def test_decoy_answer_is_the_vector_v5():
    answer = keylength(DECOY)
    assert answer["secret_bits"] == 3080612
    assert answer["s_X1"] == pytest.approx(5.75190376e6)
    assert answer["phi_X"] == pytest.approx(5.07858431e-2)
    assert "Lim" in answer["theorem"]


def test_single_photon_answer():
    answer = keylength(SINGLE)
    assert answer["secret_bits"] == pytest.approx(669900, abs=60)
    assert "Tomamichel" in answer["theorem"]


@pytest.mark.parametrize("request_", [DECOY, SINGLE])
def test_answers_are_json_and_no_claim(request_):
    answer = json.loads(json.dumps(keylength(request_)))
    assert isinstance(answer["secret_bits"], int)
    assert answer["label"] == "published formula, not a claim"
    assert {a["status"] for a in answer["assumptions"]} == {"assumed"}


def test_one_decoy_answer_is_the_formally_verified_vector():
    answer = keylength(ONE_DECOY)
    assert answer["secret_bits"] == 1464719
    assert answer["phi_Z_u"] == pytest.approx(0.07917365937798954)
    assert "Rusca" in answer["theorem"]


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({}, 2050334),
        ({"slack": "hoeffding"}, 2014249),
        ({"swap": False, "efficiency_spread": 0.01, "dark_spread": 0.005}, 1493154),
        ({"committed_length": 2_000_000}, 2_000_000),
        ({"committed_length": 2_100_000}, 0),
    ],
)
def test_answers_of_imperfect_detectors_are_the_vectors(changes, length):
    assert keylength({**EUR, **changes})["secret_bits"] == length


def test_exact_slacks_give_more():
    assert keylength({**EUR, "slack": "exact"})["secret_bits"] > 3_500_000


@pytest.mark.parametrize("request_", [ONE_DECOY, EUR])
def test_formulas_whose_paper_nobody_read_are_estimates(request_):
    answer = json.loads(json.dumps(keylength(request_)))
    assert isinstance(answer["secret_bits"], int)
    assert answer["label"] == "estimate"
    violated = [a["name"] for a in answer["assumptions"] if a["status"] == "violated"]
    assert violated == ["formula compared with the paper"]


def test_an_equaliser_takes_the_place_of_the_dark_counts():
    request = changed(EUR, dark_spread=None, dark_probability=None, swap=False)
    request["efficiency_spread"] = 0.01
    uneven = {
        "dark_probabilities": [1e-6, 3e-6, 2e-6, 1e-6],
        "dark_uncertainties": [3e-8] * 4,
    }
    answer = keylength({**request, **uneven})
    assert answer["dark_probability"] == 3e-6
    assert answer["dark_spread"] == pytest.approx(0.01, rel=1e-5)
    assert answer["equaliser"][1] == 0
    same = keylength({**request, "dark_probability": 3e-6, "dark_spread": 0.01})
    assert answer["secret_bits"] == pytest.approx(same["secret_bits"], rel=1e-6)
    more = [a for a in answer["assumptions"] if a not in same["assumptions"]]
    assert ("dark-count equaliser", "assumed") in [
        (a["name"], a["status"]) for a in more
    ]


def test_intervals_give_no_more_than_their_middle():
    box = [[0.49, 0.51], [0.098, 0.102], 0.002]
    found = keylength(changed(DECOY, intensities=box))
    assert 0 < found["secret_bits"] < 3080612


def test_planned_efficiency_takes_the_place_of_the_leak():
    found = keylength(changed(DECOY, leak_bits=None, reconciliation_efficiency=1.16))
    errors, events = sum(DECOY["m_key"]), sum(DECOY["n_key"])
    from qkdlab.security.asymptotic import binary_entropy

    expected = 1.16 * events * binary_entropy(errors / events)
    assert found["lambda_EC"] == pytest.approx(expected, abs=1.1)


def test_errors_of_the_key_are_not_needed_with_a_counted_leak():
    assert keylength(changed(DECOY, m_key=None))["secret_bits"] == 3080612


def test_counts_that_the_model_cannot_give_are_called_so():
    answer = keylength(changed(DECOY, n_key=[910087, 9007656, 6201]))
    assert answer["contradicted"]
    assert answer["secret_bits"] == 0


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (changed(DECOY, protocol=None), "protocol is missing; one of bb84-decoy2"),
        (changed(DECOY, protocol="bb84-decoy"), "did you mean 'bb84-decoy2'"),
        (changed(DECOY, n_kay=3), "'n_kay' is not a field.*did you mean 'n_key'"),
        (
            changed({**DECOY, "epsilon_secracy": 1e-9}, epsilon_secrecy=None),
            "epsilon_secrecy is missing .rename 'epsilon_secracy'",
        ),
        (changed(DECOY, probabilities=[0.5, 0.3, 0.1]), "probabilities must add up"),
        (changed(DECOY, probabilities=[0.6, 0.4, 0.0]), r"probabilities\[2\] must be"),
        (changed(DECOY, n_key=[1, 2]), "n_key must be a list of three"),
        (changed(DECOY, n_key=[1.5, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, n_key=[-1, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, n_key=[True, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, m_test=[10**6, 0, 0]), "m_test holds more errors than n_test"),
        (changed(DECOY, m_key=[10**8, 0, 0]), "m_key holds more errors than n_key"),
        (changed(DECOY, epsilon_secrecy=0), "epsilon_secrecy must be a number above 0"),
        (changed(DECOY, epsilon_secrecy="1e-9"), "epsilon_secrecy must be a number"),
        (changed(DECOY, epsilon_secrecy=float("nan")), "epsilon_secrecy must be"),
        (changed(DECOY, epsilon_secrecy=10**400), "epsilon_secrecy must be a number"),
        (changed(DECOY, intensities=[-(10**400), 0.1, 0]), r"intensities\[0\] must be"),
        (changed(DECOY, n_key=[math.inf, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, n_key=[math.nan, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, n_key=[10**400, 2, 3]), r"n_key\[0\] must be a whole number"),
        (changed(DECOY, leak_bits=math.inf), "leak_bits must be a whole number"),
        (changed(DECOY, intensities=[0.5, 0.1, 0.1]), "mu2 > mu3"),
        (changed(DECOY, leak_bits=-1), "leak_bits must be a whole number from 0"),
        (changed(DECOY, leak_bits=None), "either leak_bits or reconciliation"),
        (changed(DECOY, reconciliation_efficiency=1.1), "either leak_bits or"),
        (
            changed(DECOY, leak_bits=None, reconciliation_efficiency=0.9),
            "reconciliation_efficiency must be a number at least 1",
        ),
        (
            changed(DECOY, leak_bits=None, m_key=None, reconciliation_efficiency=1.1),
            "reconciliation_efficiency wants m_key",
        ),
        (changed(DECOY, intensities=[0.5, [0.2, 0.1], 0]), "from low to high"),
        (changed(DECOY, intensities=[0.5, [0.1], 0]), "a number or .low, high."),
        (changed(DECOY, intensities=[0.2, 0.15, 0.1]), "mu1 > mu2"),
        (changed(DECOY, intensities=[50, 0.15, 0.1]), r"intensities\[0\] must be"),
        (changed(SINGLE, n=0), "n must be a whole number from 1 up"),
        (changed(SINGLE, qber_tolerated=1.2), "qber_tolerated must be"),
        (changed(SINGLE, qber=0.1), "'qber' is not a field"),
        ([DECOY], "must be a JSON object"),
        (changed(DECOY, protocol=["bb84"]), "is unknown"),
        (changed(ONE_DECOY, m_key=None), "m_key is missing"),
        (changed(ONE_DECOY, n_key=[1, 2, 3]), "n_key must be a list of two"),
        (changed(ONE_DECOY, intensities=[0.1, 0.2]), "mu1 > mu2 > 0"),
        (changed(ONE_DECOY, m_key=[10**8, 0]), "m_key holds more errors than n_key"),
        (changed(EUR, swap="yes"), "swap must be true or false"),
        (changed(EUR, slack="chernov"), "slack must be one of.*did you mean 'cher"),
        (changed(EUR, epsilon_pa=None), "epsilon_pa is missing"),
        (changed(EUR, epsilon_decoy=0), "epsilon_decoy must be a number above 0"),
        (changed(EUR, efficiency_spread=1), "efficiency_spread must be a number"),
        (changed(EUR, dark_probability=0.6), "dark_probability must be a number"),
        (changed(EUR, m_key=[0, 0, 0]), "'m_key' is not a field"),
        (changed(EUR, committed_length=-1), "committed_length must be a whole"),
        (changed(EUR, dark_probabilities=[1e-6]), "dark_uncertainties is missing"),
        (
            changed(
                EUR,
                dark_probabilities=[1e-6],
                dark_uncertainties=["x"],
                dark_spread=None,
                dark_probability=None,
            ),
            "dark_uncertainties must be a list of numbers",
        ),
    ],
)
def test_wrong_requests_are_refused_by_name(request_, message):
    with pytest.raises(UsageError, match=message):
        keylength(request_)
