"""The receiver that chooses: from photons to equal keys, and again from the files."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from active_bench import QUICK
from closed_form import assert_as_expected
from finished_run import (
    Finished,
    assert_both_have_a_key,
    assert_files_give_the_same_key,
    assert_traffic_hides_the_generators_key,
    finish,
)

from qkdlab.security.claim import COMPARED_WITH_THEIR_TEXT
from qkdlab.security.mismatch import Detectors
from qkdlab.security.tupkary2024 import Epsilons, key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("active"),
    pytest.mark.timeout(1200),
]
CLASSES = ("signal", "decoy", "vacuum")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("runs") / "active"
    return finish(folder, "bb84_active", "seed=8", "parameters.duration_s=1.0", *QUICK)


def three(by_class: dict[str, int]) -> tuple[int, int, int]:
    signal, decoy, vacuum = (by_class[name] for name in CLASSES)
    return signal, decoy, vacuum


def test_both_have_the_same_key(done):
    assert_both_have_a_key(done)


def test_gains_and_error_rates_are_those_of_the_closed_form(done):
    assert_as_expected(done.result)


def test_clicks_of_both_bases_do_not_exist(done):
    assert sum(three(done.result["counts"]["cross"])) == 0
    assert done.result["cross_click_fraction"] == 0.0


def test_the_length_is_that_of_the_record_for_the_counts(done):
    record = json.loads(done.result["claim_record"]["text"])
    counts = done.result["counts"]
    sent = [three(counts["sent"][basis]) for basis in "XZ"]
    found = key_length(
        TwoDecoyCounts(
            three(counts["sifted"]["X"]),
            three(counts["sifted"]["Z"]),
            three(counts["errors"]["Z"]),
            *([Fraction(n, sum(pulses)) for n in pulses] for pulses in sent),
        ),
        [(float(low), float(high)) for low, high in record["intensities"]],
        leak_bits=record["leak_cap_bits"],
        epsilons=Epsilons(**{n: float(e) for n, e in record["epsilons"].items()}),
        detectors=Detectors(
            *(
                float(record["detectors"][name])
                for name in ("efficiency_spread", "dark_spread", "dark_probability")
            ),
            swap=True,
        ),
    )
    assert found.secret_bits == done.result["secret_bits"]
    assert done.result["leaked_bits"] <= record["leak_cap_bits"]


def test_it_is_an_estimate_and_says_what_stands_against_a_claim(done):
    assert done.result["claim"] == "estimate"
    assert done.result["claimable_secret_bits"] == 0
    assert not COMPARED_WITH_THEIR_TEXT
    assert set(done.result["violated"]) == {
        "formula compared with the paper",
        "detectors calibrated and signed for",
        "key class",
        "secret of its own",
        "randomness",
    }


def test_the_receiver_is_the_theorems(done):
    status = {a["name"]: a["status"] for a in done.result["assumptions"]}
    assert status["receiver of the theorem"] == "met"
    for seen in (
        "claim record announced before the first pulse",
        "every pulse counted",
        "one order of announcements",
        "leak within its cap",
    ):
        assert status[seen] == "met"


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_no_record_of_the_traffic_holds_a_generators_key(done, party):
    assert_traffic_hides_the_generators_key(done, party)


def test_the_files_give_the_same_key_again(done):
    assert_files_give_the_same_key(done)


def test_the_preset_gives_the_key_of_its_documentation(tmp_path):
    result = finish(tmp_path / "run", "bb84_active", "seed=7").result
    assert result["keys_match"] is True
    assert 6.0e5 < result["secret_bits"] < 9.5e5
