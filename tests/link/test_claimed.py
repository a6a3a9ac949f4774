"""A block under a claim record: both hold it, and its length is the record's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from link.synthetic import CONFIGURATION, INTERVALS, SESSION, SMALL, Talk, make_block

from qkdlab.distill.verify import collision_bound
from qkdlab.errors import AbortCode, UsageError
from qkdlab.link.agreement import open_block
from qkdlab.link.claimed import Claim
from qkdlab.link.direction import Direction
from qkdlab.randomness import SeededRandomness
from qkdlab.security.assumptions import ESTIMATE, Pattern, RandomSource, Receiver
from qkdlab.security.claim import Blanking, ClaimRecord, RunFacts
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons

PLAN = replace(SMALL, theorem="bb84-decoy2-eur", n_frames=60)
WIDE = tuple((low * 0.99, high * 1.01) for low, high in INTERVALS)


def record(**changes):
    fields = {
        "session": SESSION.hex(),
        "n_pulses": PLAN.n_pulses,
        "intensities": WIDE,
        "p_key": (0.3, 0.4, 0.3),
        "p_test": (0.3, 0.4, 0.3),
        "epsilons": Epsilons(*(0.05,) * 5, ev=2.0**-63),
        "detectors": Detectors(0.005, 0.1, 1e-6, swap=True),
        "calibration": "records of today",
        "slack": Slack.CHERNOFF,
        "leak_cap_bits": 4000,
        "committed_length": None,
        "receiver": Receiver.ACTIVE,
        "blanking": Blanking.ALL_AFTER_ANY_CLICK,
        "limits": {"qber_z": (0.0, 0.1)},
    }
    return ClaimRecord(**{**fields, **changes})


def claim(**changes):
    made = record(**changes)
    facts = RunFacts(
        announced_digest=made.digest(),
        announced_in_time=True,
        calibration_verified=None,
        pulses=0,
        leak_bits=0,
        one_order=True,
        blanking_kept=True,
        key_class=PLAN.key_class,
        pattern=Pattern.COUNTER,
        randomness=RandomSource.OPERATING_SYSTEM,
        secret_from_seed=False,
    )
    return Claim(made, facts)


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


def test_more_leak_than_the_cap_ends_the_block(claimed_block):
    done = talk(claimed_block, *(claim(leak_cap_bits=100),) * 2)
    aborted = figures(done, "alice")["aborted"]
    assert aborted["code"] == AbortCode.NO_SECRET_KEY
    assert aborted["numbers"]["leak_cap_bits"] == 100


def test_light_beyond_what_was_committed_ends_the_block(claimed_block):
    narrow = ((0.9995, 1.0005), *WIDE[1:])
    done = talk(claimed_block, *(claim(intensities=narrow),) * 2)
    code = figures(done, "alice")["aborted"]["code"]
    assert code == AbortCode.INTENSITY_OUTSIDE_INTERVAL


def test_a_length_that_is_not_reached_gives_no_key(claimed_block):
    done = talk(claimed_block, *(claim(committed_length=10**6),) * 2)
    assert figures(done, "bob")["aborted"]["code"] == AbortCode.NO_SECRET_KEY


@pytest.mark.parametrize(
    ("plan", "record_of"), [(PLAN, None), (SMALL, claim())], ids=["wanted", "unknown"]
)
def test_a_record_belongs_to_the_theorem_that_wants_one(plan, record_of):
    randomness = SeededRandomness(1, "alice")
    way = Direction.ALICE_TO_BOB
    with pytest.raises(UsageError, match="claim record"):
        open_block(plan, way, SESSION, CONFIGURATION, randomness, (), record_of)
