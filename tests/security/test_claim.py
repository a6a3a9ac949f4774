"""The claim gate lets nothing through unless everything holds."""

from __future__ import annotations

import itertools
import json
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.errors import UsageError
from qkdlab.security import claim, tupkary2024
from qkdlab.security.assumptions import (
    Assumption,
    Pattern,
    RandomSource,
    Receiver,
    Status,
)
from qkdlab.security.claim import Blanking, ClaimRecord, RunFacts, judge
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack

RECORD = ClaimRecord(
    session="5e55",
    n_pulses=10**9,
    intensities=((0.5, 0.5), (0.1, 0.1), (0.002, 0.002)),
    p_key=(0.6, 0.3, 0.1),
    p_test=(0.6, 0.3, 0.1),
    epsilons=tupkary2024.Epsilons(*[1e-12] * 6),
    detectors=Detectors(0.05, 0.05, 1e-6, swap=True),
    calibration="ca11",
    slack=Slack.CHERNOFF,
    leak_cap_bits=1004540,
    committed_length=2_000_000,
    receiver=Receiver.ACTIVE,
    blanking=Blanking.ALL_AFTER_ANY_CLICK,
    blank_ps=60_000,
    recovery_ps=50_000.0,
    limits={"qber_z": (0.0, 0.03)},
)
FACTS = RunFacts(
    announced_digest=RECORD.digest(),
    announced_in_time=True,
    calibration_verified="ca11",
    pulses=10**9,
    leak_bits=1_000_000,
    one_order=True,
    blanked_ps=60_000,
    key_class="secure",
    pattern=Pattern.FRESH,
    randomness=RandomSource.OPERATING_SYSTEM,
    secret_from_seed=False,
    observed={"qber_z": 0.011},
)
COUNTS = ((9007656, 910087, 6201), (592609, 59874, 408), (6498, 666, 8))
TEXT = "formula compared with the paper"


@pytest.fixture
def text_read(monkeypatch):
    monkeypatch.setattr(
        claim, "COMPARED_WITH_THEIR_TEXT", frozenset({tupkary2024.THEOREM})
    )


def test_no_theorem_is_compared_with_its_text_yet():
    verdict = judge(RECORD, FACTS)
    assert verdict.label == "estimate"
    assert [a.name for a in verdict.violated] == [TEXT]
    assert verdict.claimable(2_000_000) == 0


@pytest.mark.usefixtures("text_read")
def test_a_run_that_keeps_everything_may_claim():
    verdict = judge(RECORD, FACTS)
    assert verdict.label == "claim"
    assert verdict.violated == ()
    assert verdict.claimable(2_000_000) == 2_000_000


BROKEN_FACTS = {
    "claim record announced before the first pulse": [
        {"announced_digest": None},
        {"announced_digest": "0" * 64},
        {"announced_in_time": False},
    ],
    "detectors calibrated and signed for": [
        {"calibration_verified": None},
        {"calibration_verified": "ca12"},
    ],
    "every pulse counted": [
        {"pulses": 10**9 - 1},
        {"pulses": 10**9 + 1},
        {"pulses": None},
    ],
    "leak within its cap": [{"leak_bits": 1004541}, {"leak_bits": None}],
    "one order of announcements": [{"one_order": False}],
    "detectors without memory": [{"blanked_ps": 0}, {"blanked_ps": 59_999}],
    "key class": [{"key_class": "lab"}, {"key_class": "demonstration"}],
    "independent settings": [{"pattern": Pattern.CYCLIC}],
    "randomness": [{"randomness": RandomSource.SEEDED}],
    "secret of its own": [{"secret_from_seed": True}],
    "authentication": [
        {"authentication": Assumption("authentication", Status.VIOLATED, "nobody")}
    ],
    "something else": [
        {"authentication": Assumption("something else", Status.VIOLATED, "nobody")}
    ],
    "figures within their limits": [
        {"observed": {"qber_z": 0.031}},
        {"observed": {}},
        {"observed": {"qber_z": float("nan")}},
        # above the limit by less than a float can tell
        {"observed": {"qber_z": Fraction(3, 100) + Fraction(1, 10**30)}},
    ],
}


@pytest.mark.usefixtures("text_read")
@pytest.mark.parametrize(
    ("name", "change"),
    [(name, c) for name, changes in BROKEN_FACTS.items() for c in changes],
)
def test_one_broken_fact_makes_it_an_estimate_and_is_named(name, change):
    verdict = judge(RECORD, replace(FACTS, **change))
    assert verdict.label == "estimate"
    assert [a.name for a in verdict.violated] == [name]
    assert verdict.claimable(2_000_000) == 0


@pytest.mark.usefixtures("text_read")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("receiver of the theorem", {"receiver": Receiver.PASSIVE_BALANCED}),
        ("receiver of the theorem", {"receiver": Receiver.PASSIVE_BIASED}),
        ("receiver of the theorem", {"receiver": Receiver.UNKNOWN}),
        ("detectors without memory", {"blanking": Blanking.NONE}),
        ("detectors without memory", {"recovery_ps": None}),
        ("detectors without memory", {"recovery_ps": 60_000.5}),
        (TEXT, {"theorem": "Rusca"}),
        ("figures within their limits", {"limits": {}}),
    ],
)
def test_a_record_outside_the_theorem_is_an_estimate(name, change):
    record = replace(RECORD, **change)
    facts = replace(FACTS, announced_digest=record.digest())
    verdict = judge(record, facts)
    assert verdict.label == "estimate"
    assert name in [a.name for a in verdict.violated]


OTHER = {
    "session": "5e56",
    "n_pulses": 10**9 + 1,
    "intensities": ((0.5, 0.5), (0.1, 0.1), (0.002, 0.0021)),
    "p_key": (0.6, 0.29, 0.11),
    "p_test": (0.6, 0.29, 0.11),
    "epsilons": tupkary2024.Epsilons(*[1e-12] * 5, 1e-11),
    "detectors": Detectors(0.05, 0.05, 1e-6, swap=False),
    "calibration": "ca12",
    "slack": Slack.EXACT,
    "leak_cap_bits": 1004541,
    "committed_length": None,
    "receiver": Receiver.UNKNOWN,
    "blanking": Blanking.NONE,
    "blank_ps": 60_001,
    "recovery_ps": None,
    "limits": {"qber_z": (0.0, 0.04)},
    "theorem": "another",
}


def test_every_field_is_in_the_digest():
    assert set(OTHER) == {f.name for f in fields(RECORD)}
    records = [RECORD, *(replace(RECORD, **{k: v}) for k, v in OTHER.items())]
    digests = [record.digest() for record in records]
    assert len(set(digests)) == len(records)


def test_a_digest_does_not_depend_on_how_numbers_are_written():
    assert replace(RECORD, p_key=(0.60, 0.30, 1e-1)).digest() == RECORD.digest()
    two = {"a": (0.0, 1.0), "b": (0.0, 2.0)}
    turned = dict(reversed(two.items()))
    pair = [replace(RECORD, limits=x).digest() for x in (two, turned)]
    assert pair[0] == pair[1]


def test_probabilities_are_written_exactly():
    third = Fraction(1, 3)
    rounded = (0.333333333333333333,) * 3
    record = replace(RECORD, p_key=(third,) * 3)
    assert json.loads(record.canonical())["p_key"] == ["1/3"] * 3
    assert record.digest() != replace(RECORD, p_key=rounded).digest()


def test_decimals_that_no_float_tells_apart_are_two_records():
    near = [Decimal("0.3"), Decimal("0.3") + Decimal(10) ** -25]
    digests = [replace(RECORD, p_key=(p, p, p)).digest() for p in near]
    assert digests[0] != digests[1]


def test_probabilities_that_were_rounded_give_no_length():
    # shortest decimals of seven parts do not add up to 1
    rounded = replace(RECORD, p_test=(3 / 7, 3 / 7, 1 / 7))
    with pytest.raises(UsageError, match="without rounding"):
        rounded.length(*COUNTS)
    sevenths = (Fraction(3, 7), Fraction(3, 7), Fraction(1, 7))
    exact = replace(RECORD, p_test=sevenths, committed_length=None)
    assert exact.length(*COUNTS).secret_bits >= 0


def test_what_nobody_has_seen_of_a_run_stands_against_a_claim():
    facts = RunFacts("secure", Pattern.FRESH, RandomSource.OPERATING_SYSTEM, False)
    assert {a.name for a in judge(RECORD, facts).violated} == {
        TEXT,
        "detectors calibrated and signed for",
        "claim record announced before the first pulse",
        "every pulse counted",
        "detectors without memory",
        "leak within its cap",
        "figures within their limits",
        "one order of announcements",
    }


def test_the_digest_stays_what_it_was():
    assert json.loads(RECORD.canonical())["version"] == 2
    assert RECORD.digest() == DIGEST


DIGEST = "3af4f7596f7c61335a474dd6485ecccb77ff9ddbc4487484b3b3612a0f82c415"


def test_the_record_alone_gives_the_length():
    assert RECORD.length(*COUNTS).secret_bits == 2_000_000
    open_end = replace(RECORD, committed_length=None)
    assert open_end.length(*COUNTS).secret_bits == 2050334
    too_much = replace(RECORD, committed_length=2050335)
    assert too_much.length(*COUNTS).secret_bits == 0


@pytest.mark.parametrize(
    "change",
    [
        {"n_pulses": 0},
        {"leak_cap_bits": -1},
        {"committed_length": 0},
        {"session": ""},
        {"calibration": ""},
    ],
)
def test_records_that_make_no_sense_are_refused(change):
    with pytest.raises(UsageError):
        replace(RECORD, **change)


def test_a_verdict_prints_what_was_violated():
    answer = json.loads(json.dumps(judge(RECORD, FACTS).as_dict()))
    assert answer["label"] == "estimate"
    assert answer["violated"] == [TEXT]


CHOICES = {
    "announced_digest": [None, RECORD.digest()],
    "announced_in_time": [False, True],
    "calibration_verified": [None, "ca11"],
    "pulses": [1, 10**9],
    "leak_bits": [10**9, 1_000_000],
    "one_order": [False, True],
    "blanked_ps": [0, 60_000],
    "key_class": ["lab", "secure"],
    "secret_from_seed": [True, False],
}


@pytest.mark.usefixtures("text_read")
def test_of_all_combinations_only_one_may_claim():
    claims = 0
    for values in itertools.product(*CHOICES.values()):
        facts = replace(FACTS, **dict(zip(CHOICES, values, strict=True)))
        claims += judge(RECORD, facts).label == "claim"
    assert claims == 1


@given(
    pattern=st.sampled_from(Pattern),
    randomness=st.sampled_from(RandomSource),
    key_class=st.sampled_from(["secure", "lab", "demonstration", ""]),
)
def test_without_the_text_nothing_is_a_claim(pattern, randomness, key_class):
    facts = replace(FACTS, pattern=pattern, randomness=randomness, key_class=key_class)
    verdict = judge(RECORD, facts)
    assert verdict.label == "estimate"
    assert verdict.claimable(10**6) == 0
