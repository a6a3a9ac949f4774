"""The result holds every name that programs read, and the audit of equal keys."""

import copy
import json

import numpy as np
import pytest

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, ResourceError, SecurityAbort
from qkdlab.link.effects import KeyBlock
from qkdlab.session.result import (
    PartyOutcome,
    build_result,
    keys_match,
    plain,
    write_result,
)

NAMES = [
    "protocol",
    "seed",
    "duration_s",
    "wall_s",
    "pulses",
    "clicks",
    "gains",
    "qber",
    "sifted_bits",
    "leaked_bits",
    "secret_bits",
    "claimable_secret_bits",
    "key_class",
    "auth_bits_spent",
    "net_secret_bits",
    "secret_key_rate_bps",
    "keys_match",
    "epsilon",
    "theorem",
    "assumptions",
    "aborted",
    "run_files",
]
FACTS = {"protocol": "bb84", "key_class": "demonstration", "duration_s": 2.0}


def key(value: int = 0x5A, key_id: str = "id", n_bits: int = 8) -> KeyBlock:
    bits = BitArray.from_bytes(bytes([value]) * 8, n_bits)
    return KeyBlock(key_id, 0, bits, "demonstration")


def pair(alice: dict | None = None, bob: dict | None = None, keys=(None, None)):
    held = [[k] if k is not None else [] for k in keys]
    return {
        "alice": PartyOutcome(alice or {}, held[0], 384, 1e-12),
        "bob": PartyOutcome(bob or {}, held[1], 384, 2e-12),
    }


def test_every_name_is_there_even_when_nothing_is_known():
    assert set(NAMES) <= set(build_result(pair(), FACTS, None))


def test_figures_on_which_both_agree_are_the_results():
    result = build_result(pair({"sifted_bits": 7}, {"sifted_bits": 7}), FACTS, None)
    assert result["sifted_bits"] == 7
    assert "parties" not in result


def test_figures_of_one_party_are_taken():
    assert build_result(pair({}, {"clicks": 5}), FACTS, None)["clicks"] == 5


def test_figures_on_which_they_differ_are_kept_apart():
    result = build_result(pair({"pulses": 7}, {"pulses": 8}), FACTS, None)
    assert result["pulses"] is None
    assert result["parties"] == {"alice": {"pulses": 7}, "bob": {"pulses": 8}}


def test_equal_keys_count():
    result = build_result(pair(keys=(key(), key())), FACTS, None)
    assert result["keys_match"] is True
    assert result["secret_bits"] == 8
    assert result["net_secret_bits"] == 8 - 384
    assert result["secret_key_rate_bps"] == 4.0


@pytest.mark.parametrize("other", [key(0x5B), key(key_id="other"), key(n_bits=7), None])
def test_keys_that_differ_in_anything_do_not_count(other):
    result = build_result(pair(keys=(key(), other)), FACTS, None)
    assert result["keys_match"] is False
    assert result["secret_bits"] == 0


def test_no_keys_neither_match_nor_differ():
    assert keys_match([[], []]) is None


def test_the_key_is_not_in_the_result():
    text = json.dumps(build_result(pair(keys=(key(), key())), FACTS, None))
    assert "5a5a" not in text.lower()


def test_only_a_secure_run_without_abort_can_claim():
    figures = {"claimable_secret_bits": 100}
    secure = {**FACTS, "key_class": "secure"}
    abort = SecurityAbort(AbortCode.NO_SECRET_KEY, "short")
    equal = (key(), key())

    def claimed(facts, aborted, keys=equal):
        result = build_result(pair(figures, figures, keys), facts, aborted)
        return result["claimable_secret_bits"]

    assert claimed(secure, None) == 100
    assert claimed(FACTS, None) == 0
    assert claimed(secure, abort) == 0
    assert claimed(secure, None, (key(), key(0x5B))) == 0
    assert claimed(secure, None, (None, None)) == 0


def assumption(name: str, status: str, note: str = "") -> dict[str, str]:
    return {"name": name, "status": status, "note": note}


def test_of_an_assumption_seen_differently_the_worse_status_counts():
    mine = [assumption("a", "met"), assumption("b", "violated"), assumption("c", "met")]
    theirs = [assumption("a", "assumed"), assumption("b", "assumed")]
    for parties in (pair, lambda a, b: pair(b, a)):
        found = build_result(
            parties({"assumptions": mine}, {"assumptions": theirs}), FACTS, None
        )
        statuses = {a["name"]: a["status"] for a in found["assumptions"]}
        assert statuses == {"a": "assumed", "b": "violated", "c": "met"}
        assert "assumptions" in found["parties"]["alice"]


def test_parties_who_differ_about_a_claim_make_none():
    sure: dict[str, object] = {
        "claim": "claim",
        "violated": [],
        "claimable_secret_bits": 7,
        "blocks": [{"claimable_secret_bits": 7, "aborted": None}],
    }
    unsure = {
        "claim": "estimate",
        "violated": ["x"],
        "claimable_secret_bits": 0,
        "blocks": [{"claimable_secret_bits": 0, "aborted": None}],
    }
    for of_alice, of_bob in ((sure, unsure), (unsure, sure)):
        found = build_result(
            pair(copy.deepcopy(of_alice), copy.deepcopy(of_bob)),
            {**FACTS, "key_class": "secure"},
            None,
        )
        assert found["claim"] == "estimate"
        assert found["violated"] == ["x"]
        assert found["claimable_secret_bits"] == 0
        assert found["blocks"][0]["claimable_secret_bits"] == 0


def test_all_failure_probabilities_add_up():
    known = {"epsilon": {"secrecy": 1e-9, "correctness": 1e-15}}
    epsilon = build_result(pair(known, known), FACTS, None)["epsilon"]
    assert epsilon["authentication"] >= 2e-12
    assert epsilon["total"] == pytest.approx(1e-9 + 1e-15 + 2e-12)


def test_the_sum_waits_until_all_are_known():
    known = {"epsilon": {"secrecy": 1e-9}}
    epsilon = build_result(pair(known, known), FACTS, None)["epsilon"]
    assert epsilon == {"secrecy": 1e-9, "authentication": 2e-12}


def test_an_abort_is_told_with_code_and_numbers():
    abort = SecurityAbort(AbortCode.QBER_ABOVE_LIMIT, "errors", {"qber_x": 0.25})
    assert build_result(pair(), FACTS, abort)["aborted"] == {
        "code": "qber-above-limit",
        "reason": "errors",
        "numbers": {"qber_x": 0.25},
    }


def test_authentication_counts_in_the_epsilons():
    figures = {"epsilon": {"secrecy": 1e-9}}
    result = build_result(pair(figures, figures), FACTS, None)
    assert result["epsilon"] == {"secrecy": 1e-9, "authentication": 2e-12}


def test_values_of_numpy_become_plain():
    value = {1: np.float64(0.5), "a": np.arange(2), "b": (np.int64(1), float("nan"))}
    assert plain(value) == {"1": 0.5, "a": [0, 1], "b": [1, None]}


def test_the_result_is_written_whole(tmp_path):
    result = build_result(pair(), FACTS, None)
    path = write_result(tmp_path, result)
    assert json.loads(path.read_text()) == result
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(ResourceError, match=r"gone.*result\.json"):
        write_result(tmp_path / "gone", {})
