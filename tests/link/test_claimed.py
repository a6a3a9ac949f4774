"""A block under a claim record: both hold it, and its length is the record's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from claim_at_hand import WIDE, claim_of, record_of
from link.synthetic import CONFIGURATION, INTERVALS, SESSION, SMALL, Talk, make_block

from qkdlab.distill.verify import collision_bound
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.agreement import open_block
from qkdlab.link.claimed import Seen
from qkdlab.link.direction import Direction
from qkdlab.link.events import SettingsSent
from qkdlab.protocols.bb84 import Bb84Counts
from qkdlab.randomness import SeededRandomness
from qkdlab.security.assumptions import ESTIMATE
from qkdlab.security.tupkary2024 import Epsilons

PLAN = replace(SMALL, theorem="bb84-decoy2-eur", n_frames=60)
record = partial(record_of, PLAN)
claim = partial(claim_of, PLAN)


@pytest.fixture(scope="module")
def claimed_block():
    return make_block(PLAN, cross=0.0)


def talk(block, alices, bobs):
    return Talk(block.alice(claim=alices), block.bob(claim=bobs), block).run()


@pytest.fixture(scope="module")
def ended(claimed_block):
    return talk(claimed_block, claim(), claim())


def figures(done, name):
    return getattr(done, name).figures()


def test_both_have_the_records_length(ended):
    key = ended.key("alice")
    assert key.bits == ended.key("bob").bits
    report = figures(ended, "alice")
    counts = report["counts"]
    three = [
        tuple(counts[kind][basis].values())
        for kind, basis in (("sifted", "X"), ("sifted", "Z"), ("errors", "Z"))
    ]
    assert len(key.bits) == record().length(*three).secret_bits > 0


def test_the_report_names_the_record_and_what_stands_against_a_claim(ended):
    for name in ("alice", "bob"):
        report = figures(ended, name)
        assert report["claim_record"]["digest"] == record().digest()
        assert report["claim"] == ESTIMATE
        assert "formula compared with the paper" in report["violated"]
        assert "leak within its cap" not in report["violated"]
        assert report["claimable_secret_bits"] == 0


DERIVED = {
    "claim record announced before the first pulse",
    "every pulse counted",
    "one order of announcements",
    "leak within its cap",
    "figures within their limits",
}
"""What the block itself shows, whatever the set-up says."""


def violated(done):
    return {
        name: DERIVED & set(figures(done, name)["violated"])
        for name in ("alice", "bob")
    }


def test_what_the_block_showed_is_met(ended):
    assert violated(ended) == {"alice": set(), "bob": set()}


@pytest.mark.parametrize(
    "order", [[], ["announced"], ["light"], ["light", "announced"], ["announced"] * 2]
)
def test_a_record_that_was_not_announced_before_the_light_is_named(
    claimed_block, order
):
    late = claim()
    late.order = order
    done = talk(claimed_block, claim(), late)
    expected = {"claim record announced before the first pulse"}
    assert violated(done) == {"alice": set(), "bob": expected}


def test_pulses_that_nobody_judged_are_named(claimed_block):
    first, *others = claimed_block.stretches
    fewer = [replace(first, slots=first.slots - 1), *others]
    done = talk(replace(claimed_block, stretches=fewer), claim(), claim())
    assert violated(done) == {"alice": set(), "bob": {"every pulse counted"}}


def test_pulses_that_alice_did_not_count_are_named(claimed_block):
    alice, bob = claimed_block.alice(claim=claim()), claimed_block.bob(claim=claim())
    done = Talk(alice, bob, claimed_block)
    done.pulses_sent -= 1
    assert violated(done.run()) == {"alice": {"every pulse counted"}, "bob": set()}


def test_what_alice_counted_before_she_greeted_counts(claimed_block):
    early = claimed_block.alice(claim=claim())
    early.handle(SettingsSent(INTERVALS, 7))
    assert early._context.pulses == 7


A, B = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
PHASES = [
    ("hello", A),
    ("detections", B),
    ("settings", A),
    ("test", B),
    ("reconcile", A),
    ("verify", A),
]
COUNTS = Bb84Counts(*((1, 1, 1),) * 4, (0, 0, 0), (0, 0, 0))


@pytest.mark.parametrize(
    "phases",
    [
        [],
        PHASES[1:],
        PHASES[:-1],
        [("settings", A), *PHASES[1:]],
        [*PHASES, ("settings", A)],
        [*PHASES[:3], ("detections", B), *PHASES[3:]],
        [PHASES[0], PHASES[2], PHASES[1], *PHASES[3:]],
        [*PHASES[:1], ("detections", A), *PHASES[2:]],
    ],
)
def test_any_other_order_of_phases_is_none(phases):
    assert Seen(True, 1, 1, PHASES).one_order
    assert not Seen(True, 1, 1, phases).one_order


def test_whoever_was_not_greeted_knows_of_no_common_record(claimed_block):
    found = claim().verdict(Seen(False, PLAN.n_pulses, 1, PHASES), COUNTS)
    names = {a.name for a in found.violated}
    assert "claim record announced before the first pulse" in names


def test_the_failure_probability_is_that_of_the_tag_that_was_sent():
    plan = replace(PLAN, verification_bits=32, epsilon_correctness=0.01)
    weak = claim(epsilons=Epsilons(*(0.05,) * 5, ev=2.0**-31))
    done = talk(make_block(plan, cross=0.0), weak, weak)
    report = figures(done, "alice")
    tag = report["epsilon"]["correctness"]
    assert tag == collision_bound(report["sifted_bits"], 32) > 2.0**-31
    asked = weak.record.epsilons
    without_tag = float(2 * asked.acceptance + asked.pa)
    assert report["bounds"]["epsilon"] == pytest.approx(without_tag + tag, rel=1e-12)
    assert report["bounds"]["epsilon"] >= without_tag + tag


def test_two_records_end_the_block_before_anything_is_disclosed(claimed_block):
    done = talk(claimed_block, claim(), claim(leak_cap_bits=4001))
    assert figures(done, "alice")["aborted"]["code"] == AbortCode.PEER_CONFIGURATION
    assert "counts" not in figures(done, "alice")


def test_more_leak_than_the_cap_ends_the_block(claimed_block, ended):
    leaked = figures(ended, "alice")["leaked_bits"]
    within = talk(claimed_block, *(claim(leak_cap_bits=leaked),) * 2)
    assert figures(within, "alice")["aborted"] is None
    done = talk(claimed_block, *(claim(leak_cap_bits=leaked - 1),) * 2)
    aborted = figures(done, "alice")["aborted"]
    assert aborted["code"] == AbortCode.NO_SECRET_KEY
    assert aborted["numbers"]["leak_cap_bits"] == leaked - 1


def test_the_verdict_sees_what_leaked():
    seen = Seen(True, PLAN.n_pulses, record().leak_cap_bits + 1, PHASES)
    found = {a.name for a in claim().verdict(seen, COUNTS).violated}
    assert "leak within its cap" in found


@pytest.mark.parametrize("brightness", range(3))
@pytest.mark.parametrize("end", range(2))
def test_light_beyond_either_end_of_what_was_committed_ends_the_block(brightness, end):
    seen = [list(interval) for interval in WIDE]
    seen[brightness][end] += (end - 0.5) * 1e-9
    with pytest.raises(SecurityAbort) as abort:
        claim().length(COUNTS, tuple(map(tuple, seen)), 0)
    assert abort.value.code is AbortCode.INTENSITY_OUTSIDE_INTERVAL
    assert "beyond what was committed" in abort.value.reason


def test_a_length_that_is_not_reached_gives_no_key(claimed_block):
    done = talk(claimed_block, *(claim(committed_length=10**6),) * 2)
    assert figures(done, "bob")["aborted"]["code"] == AbortCode.NO_SECRET_KEY


@pytest.mark.parametrize(
    ("plan", "held"), [(PLAN, None), (SMALL, claim())], ids=["wanted", "unknown"]
)
def test_a_record_belongs_to_the_theorem_that_wants_one(plan, held):
    randomness = SeededRandomness(1, "alice")
    way = Direction.ALICE_TO_BOB
    with pytest.raises(UsageError, match="claim record"):
        open_block(plan, way, SESSION, CONFIGURATION, randomness, (), held)
