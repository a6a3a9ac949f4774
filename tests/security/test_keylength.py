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
    ],
)
def test_wrong_requests_are_refused_by_name(request_, message):
    with pytest.raises(UsageError, match=message):
        keylength(request_)
