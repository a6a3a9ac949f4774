"""What both parties fix before a block: terms from calibration, one record each."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from active_parameters_at_hand import FIELDS, NOW, P, book, records_of
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationBook
from qkdlab.errors import AbortCode, QkdlabError, SecurityAbort
from qkdlab.randomness import SeededRandomness
from qkdlab.security.assumptions import Pattern
from qkdlab.security.balls import exactly
from qkdlab.security.mismatch import Detectors, delta_1
from qkdlab.security.tupkary2024 import Epsilons
from qkdlab_experiments import blocks_alice, replay
from qkdlab_experiments.active_parameters import ActiveBb84Parameters
from qkdlab_experiments.claim_record import (
    ClaimTerms,
    announce_claim,
    claim_of,
    detector_terms,
    learn_claim,
    light_begins,
)
from qkdlab_experiments.frame import block_plan

INTERVALS = ((0.48, 0.52), (0.19, 0.21), (0.0019, 0.0024))
BOB = records_of("bob")
HERS = {"intensities": INTERVALS, "leak_cap_bits": 20_000}


class Talk:
    """A conversation with itself."""

    session, configuration, key_class = bytes(16), bytes(32), "lab"

    def __init__(self):
        self.said = {}

    def send(self, kind, **fields):
        self.said[kind] = fields

    def receive(self, kind):
        return dict(self.said[kind])


def context(talk, p=P):
    noted = {}
    return SimpleNamespace(
        parameters=p,
        authentication=None,
        calibration=records_of("alice"),
        conversation=talk,
        randomness=SeededRandomness(1, "alice"),
        recorder=SimpleNamespace(block=lambda **facts: noted.update(facts)),
        noted=noted,
    )


def test_the_ranges_hold_what_calibration_may_have_missed():
    terms = detector_terms(BOB, P)
    # 99 % of a normal distribution lie within 2.576 standard deviations
    apart = 0.01 + 2.5758 * 0.002 + 0.002 + 2.5758 * 0.001
    spread = terms["efficiency_spread"]
    for ratio in (1 - apart, 1 + apart):
        within = (1 - spread) / (1 + spread), (1 + spread) / (1 - spread)
        assert within[0] <= ratio * (1 + 1e-6)
        assert ratio <= within[1]
    assert spread == pytest.approx(apart / 2, rel=0.01)
    low, high = 100 - 25.758, 130 + 25.758
    assert terms["dark_spread"] == pytest.approx((high - low) / (high + low), rel=1e-4)
    gate_s = 600e-12
    assert terms["dark_probability"] == pytest.approx((high + low) / 2 * gate_s)


@settings(max_examples=30)
@given(
    rates=st.tuples(*[st.floats(50, 500)] * 2),
    mismatch=st.floats(0, 0.05),
    memory=st.floats(-0.05, 0.05),
)
def test_no_range_is_rounded_inwards(rates, mismatch, memory):
    one, other = rates
    terms = detector_terms(
        records_of(
            "bob",
            dark_rate_hz_0=(one, 1.0),
            dark_rate_hz_1=(other, 1.0),
            efficiency_mismatch=(mismatch, 0.0),
            memory_mismatch=(memory, 0.0),
        ),
        P,
    )
    dark, spread, lost = (
        exactly(terms[name])
        for name in ("dark_probability", "dark_spread", "efficiency_spread")
    )
    width = Fraction(coverage_factor(P.calibration.interval_coverage))
    gate_s = Fraction(P.detection.gate_ps, 10**12)
    assert dark * (1 - spread) <= (Fraction(min(rates)) - width) * gate_s
    assert dark * (1 + spread) >= (Fraction(max(rates)) + width) * gate_s
    apart = Fraction(mismatch) + abs(Fraction(memory))
    assert (1 - lost) / (1 + lost) <= 1 - apart


def test_dark_counts_that_may_be_none_are_told_as_what_they_are():
    few = records_of("bob", dark_rate_hz_0=(2.0, 1.0))
    with pytest.raises(SecurityAbort, match="dark_count_s") as abort:
        detector_terms(few, P)
    assert abort.value.code is AbortCode.CALIBRATION_FAILED


def digest_with(**changes):
    """Return the digest that Bob says, a field of one record being another."""
    records = (
        r.model_copy(update=changes if r.quantity == "recovery_ps" else {})
        for r in BOB.book
    )
    one = PartyBook(CalibrationBook(records), "bob", NOW)
    return detector_terms(one, P)["calibration"]


@pytest.mark.parametrize(
    "change",
    [
        {"value": 40_001.0},
        {"uncertainty": 1e-9},
        {"unit": "ps"},
        {"time": NOW - timedelta(milliseconds=1)},
        {"valid_for_s": 2.0},
        {"source": "another"},
    ],
)
def test_the_digest_is_that_of_the_records_in_full(change):
    assert digest_with() == detector_terms(BOB, P)["calibration"]
    assert digest_with(**change) != digest_with()


def test_what_no_record_tells_ends_the_block():
    empty = book("bob", {})
    with pytest.raises(QkdlabError, match="dark_rate_hz_0"):
        detector_terms(empty, P)


def test_the_detectors_are_swapped():
    terms = ClaimTerms.of({**detector_terms(BOB, P), **HERS})
    assert terms.detectors().swap is True
    assert float(delta_1(terms.detectors())) < 1e-3


def test_both_hold_one_record():
    talk = Talk()
    said = detector_terms(BOB, P)
    alice, bob = context(talk), context(talk)
    hers = announce_claim(alice, INTERVALS, said, 3)
    his = learn_claim(bob, said, 3)
    assert hers.record == his.record
    assert alice.noted == bob.noted


def test_committed_intensities_leave_room_for_drift():
    talk = Talk()
    announce_claim(context(talk), INTERVALS, detector_terms(BOB, P), 3)
    committed = talk.said["claim-record"]["intensities"]
    for (low, high), (least, most) in zip(INTERVALS, committed, strict=True):
        assert least < low < high < most


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "0" * 64},
        {"intensities": [[0.4, 0.6]] * 3},
        {"leak_cap_bits": 1},
    ],
)
def test_another_record_ends_the_block(change):
    talk = Talk()
    said = detector_terms(BOB, P)
    announce_claim(context(talk), INTERVALS, said, 3)
    talk.said["claim-record"].update(change)
    with pytest.raises(SecurityAbort) as abort:
        learn_claim(context(talk), said, 3)
    assert abort.value.code is AbortCode.PEER_CONFIGURATION


@pytest.mark.parametrize(
    "change",
    [
        {"intensities": None},
        {"leak_cap_bits": None},
        {"leak_cap_bits": -1},
        {"leak_cap_bits": True},
        {"leak_cap_bits": 1e6},
        {"intensities": [[1.0]]},
        {"efficiency_spread": "none"},
        {"dark_spread": 1.5},
        {"dark_probability": float("nan")},
        {"efficiency_spread": 10**400},
        {"intensities": INTERVALS[:2]},
        {"intensities": INTERVALS * 2},
        {"calibration": ""},
    ],
)
def test_terms_that_are_none_are_a_violation(change):
    said = {**detector_terms(BOB, P), **HERS, **change}
    with pytest.raises(SecurityAbort) as abort:
        ClaimTerms.of(said)
    assert abort.value.code is AbortCode.PROTOCOL_VIOLATION


def claim():
    terms = ClaimTerms.of({**detector_terms(BOB, P), **HERS})
    return claim_of(P, Talk(), SeededRandomness(1, "alice"), 3, terms)


def test_failure_probabilities_stay_within_those_asked_for():
    epsilons = claim().record.epsilons
    secrecy = 2 * epsilons.acceptance + epsilons.pa
    assert float(secrecy) <= P.distillation.epsilon_secrecy


def test_the_cap_is_what_alice_said():
    assert claim().record.leak_cap_bits == HERS["leak_cap_bits"]


def test_what_only_the_run_can_show_is_left_open():
    facts = claim().facts
    assert facts.announced_digest is None
    assert not facts.announced_in_time
    assert facts.pulses is None
    assert facts.leak_bits is None
    assert not facts.one_order
    assert claim().order == []


def test_what_the_configuration_says_of_the_run_is_told():
    facts = claim().facts
    assert facts.blanked_ps == P.detection.blank_ps == claim().record.blank_ps > 0
    assert facts.pattern is Pattern.COUNTER
    assert facts.key_class == "lab"


@pytest.mark.parametrize("order", [["announced", "light"], ["light"], None])
def test_a_replay_knows_no_other_order_than_what_is_on_record(order):
    told = {} if order is None else {"claim_order": order}
    terms = ClaimTerms.of({**detector_terms(BOB, P), **HERS}).as_dict()
    block = SimpleNamespace(
        session=Talk.session,
        configuration=Talk.configuration,
        key_class=Talk.key_class,
        randomness=SeededRandomness(1, "alice"),
        number=3,
        facts=told,
        fact={"claim": terms}.get,
    )
    assert replay._claim(P, block).order == (order or [])


def test_the_tag_costs_its_own_length():
    bits = block_plan(P, Talk.key_class, 3).verification_bits
    assert math.log2(2 / claim().record.epsilons.ev) == bits > 60


def test_the_record_limits_what_the_plan_does():
    plan = block_plan(P, Talk.key_class, 3)
    assert claim().record.limits == {
        "qber_x": (0.0, plan.qber_x_max),
        "qber_z": (0.0, plan.qber_z_max),
        "cross_click_fraction": (0.0, plan.cross_click_fraction_max),
        "double_click_fraction": (0.0, plan.double_click_fraction_max),
    }


def test_light_is_noted_before_anything_lets_it_out():
    talk = Talk()
    hers = announce_claim(context(talk), INTERVALS, detector_terms(BOB, P), 3)
    orders = {}

    def note(what):
        return lambda *_: orders.update({what: list(hers.order)})

    class Enough(Exception):
        """The pattern runs."""

    def running(*_, **__):
        raise Enough

    ctx = context(talk)
    ctx.recorder.settings = lambda *_: None
    ctx.roles = {"attenuator": SimpleNamespace(set_shutter_open=note("shutter"))}
    talk.send = running
    pattern = SimpleNamespace(
        on_record=dict, prepare=note("prepared"), begin=note("pattern")
    )
    with pytest.raises(Enough):
        blocks_alice._send_block(ctx, None, 3, pattern, (0.0, 0.0), hers, 0.0)
    lit = ["announced", "light"]
    assert orders == {"prepared": lit[:1], "shutter": lit, "pattern": lit}


def committed(**security):
    p = ActiveBb84Parameters.model_validate({**FIELDS, "security": security})
    terms = ClaimTerms.of({**detector_terms(BOB, p), **HERS})
    return claim_of(p, Talk(), SeededRandomness(1, "alice"), 3, terms).record


@pytest.mark.parametrize(
    ("security", "length"),
    [
        ({}, 2_050_334),
        ({"committed_length_bits": 2_000_000}, 2_000_000),
        ({"committed_length_bits": 2_050_334}, 2_050_334),
        ({"committed_length_bits": 2_050_335}, 0),
        ({"slack": "hoeffding", "committed_length_bits": 2_050_334}, 0),
    ],
)
def test_a_run_may_commit_to_a_length_and_choose_the_slack(security, length):
    # the check vector V4 of theory-claims, with what the parameters choose
    record = replace(
        committed(**security),
        intensities=((0.5, 0.5), (0.1, 0.1), (0.002, 0.002)),
        p_key=(0.6, 0.3, 0.1),
        p_test=(0.6, 0.3, 0.1),
        epsilons=Epsilons(*[1e-12] * 6),
        detectors=Detectors(0.05, 0.05, 1e-6, swap=True),
        leak_cap_bits=1_004_540,
    )
    counts = ((9007656, 910087, 6201), (592609, 59874, 408), (6498, 666, 8))
    assert record.length(*counts).secret_bits == length


def test_shares_of_the_classes_are_exact_and_each_bases_own():
    record = claim().record
    plan = block_plan(P, Talk.key_class, 3)
    for basis, shares in enumerate((record.p_key, record.p_test)):
        pulses = plan.class_pulses(basis)
        assert shares == tuple(Fraction(n, sum(pulses)) for n in pulses)
    assert record.p_key != record.p_test


def test_the_record_says_when_a_detector_forgets():
    assert claim().record.recovery_ps == 40_000.0


def test_the_order_of_announcement_and_light_goes_on_record():
    talk = Talk()
    ctx = context(talk)
    hers = announce_claim(ctx, INTERVALS, detector_terms(BOB, P), 3)
    assert hers.order == ["announced"]
    light_begins(ctx, hers)
    assert ctx.noted["claim_order"] == hers.order == ["announced", "light"]


def test_a_seeded_run_says_so():
    facts = claim().facts
    assert facts.secret_from_seed


def test_a_theorem_without_record_announces_none():
    fields = {**FIELDS, "security": {"theorem": "lim2014"}}
    p = ActiveBb84Parameters.model_validate(fields)
    talk = Talk()
    assert detector_terms(BOB, p) == {}
    assert announce_claim(context(talk, p), INTERVALS, {}, 0) is None
    assert learn_claim(context(talk, p), {}, 0) is None
    assert talk.said == {}
