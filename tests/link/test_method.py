"""The method of a block: the plan's, or Alice's choice by the round trip."""

from __future__ import annotations

from dataclasses import replace

import pytest
from link.synthetic import SMALL, make_block, talk

from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.codec import Charge, decode, encode
from qkdlab.link.messages import ReconciliationStart
from qkdlab.link.method import AUTO, PLANNED, check_method, choose_method
from qkdlab.link.reconciliation import METHODS

NAMED = replace(SMALL, n_frames=30)
PLAN = replace(NAMED, reconciliation=AUTO)


@pytest.fixture(scope="module")
def block():
    return make_block(PLAN)


def start_of(talked):
    messages = [decode(data) for _, data in talked.transcript]
    (start,) = [m for m in messages if isinstance(m, ReconciliationStart)]
    return start


def naming(method):
    """Return a tamperer that puts another method into her message."""

    def tamper(direction, data):
        message = decode(data)
        if not isinstance(message, ReconciliationStart):
            return data
        return encode(replace(message, method=method)).data

    return tamper


@pytest.mark.parametrize(
    ("round_trip_s", "n_bits", "method"),
    [
        (0.0, 10_000, "cascade"),
        (0.0, 100_000_000, "cascade"),
        (1e-3, 10_000, "cascade"),
        (0.02, 59_999, "cascade-far"),
        (0.02, 60_000, "ldpc"),
        # 400 round trips of 2 ms are 0.8 s, what LDPC costs more for 40 Mbit
        (2e-3, 39_900_000, "ldpc"),
        (2e-3, 40_100_000, "cascade"),
        # beyond 50 Mbit Cascade waits twice
        (2.4e-3, 50_000_000, "cascade"),
        (2.4e-3, 51_000_000, "ldpc"),
        (0.02, 100_000_000, "ldpc"),
    ],
)
def test_the_choice_follows_round_trip_and_length(round_trip_s, n_bits, method):
    chosen = choose_method(AUTO, round_trip_s=round_trip_s, n_bits=n_bits)
    assert chosen == method


@pytest.mark.parametrize("planned", sorted(METHODS))
@pytest.mark.parametrize("round_trip_s", [0.0, 10.0])
def test_a_method_that_is_planned_is_no_choice(planned, round_trip_s):
    assert choose_method(planned, round_trip_s=round_trip_s, n_bits=10**7) == planned


@pytest.mark.parametrize("planned", sorted(PLANNED))
@pytest.mark.parametrize("method", [*sorted(METHODS), AUTO, "", "winnow"])
def test_a_method_is_allowed_by_its_plan_or_by_auto(planned, method):
    if method in METHODS and planned in (AUTO, method):
        check_method(planned, method)
        return
    with pytest.raises(SecurityAbort) as caught:
        check_method(planned, method)
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    ("round_trip_s", "method"), [(0.0, "cascade"), (0.05, "cascade-far")]
)
def test_both_take_what_alice_names(block, round_trip_s, method):
    talked = talk(block)
    talked.alice = block.alice(round_trip_s=round_trip_s)
    talked.run()
    assert start_of(talked).method == method
    figures = talked.alice.figures()
    assert figures == talked.bob.figures()
    assert figures["reconciliation_method"] == method
    assert talked.key("alice").length > 0
    assert talked.key("alice") == talked.key("bob")


def test_a_block_of_a_choice_is_the_block_of_that_plan(block):
    chosen, planned = talk(block).run(), talk(block, plan=NAMED).run()
    assert chosen.key("bob").bits == planned.key("bob").bits
    # all but the greetings, which name the plan
    assert chosen.transcript[2:] == planned.transcript[2:]


@pytest.mark.parametrize("method", ["ldpc", "cascade-far", AUTO])
def test_bob_refuses_a_method_that_was_not_planned(block, method):
    talked = talk(block, plan=NAMED)
    talked.tamper = naming(method)
    talked.run()
    assert talked.abort("bob").code is AbortCode.PROTOCOL_VIOLATION
    assert talked.key("bob") is None


def test_bob_refuses_a_choice_that_is_no_method(block):
    talked = talk(block)
    talked.tamper = naming(AUTO)
    talked.run()
    assert talked.abort("bob").code is AbortCode.PROTOCOL_VIOLATION


def test_the_choice_is_charged_nothing(block):
    talked = talk(block).run()
    start = start_of(talked)
    assert encode(start).charge == Charge()


def test_parties_must_agree_that_it_is_left_open(block):
    talked = talk(block)
    talked.bob = block.bob(plan=NAMED)
    talked.run()
    assert talked.abort("bob").code is AbortCode.PEER_CONFIGURATION


def test_a_plan_of_an_unknown_method_is_refused(block):
    with pytest.raises(UsageError, match="winnow"):
        block.alice(plan=replace(SMALL, reconciliation="winnow"))
