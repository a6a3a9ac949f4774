"""A block by LDPC: one round trip, counts that Bob tells, what is charged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from link.synthetic import SMALL, make_block, talk

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.codec import decode, encode
from qkdlab.link.direction import Direction
from qkdlab.link.ldpc import LdpcReconciliation
from qkdlab.link.ledger import ledger_from_transcript
from qkdlab.link.messages import ErrorCounts, Parities, VerificationAnswer

PLAN = replace(SMALL, reconciliation="ldpc", n_frames=40)
SEED = bytes(32)


@pytest.fixture(scope="module")
def block():
    return make_block(PLAN)


@pytest.fixture(scope="module")
def finished(block):
    return talk(block).run()


def said(finished, kind):
    messages = ((way, decode(data)) for way, data in finished.transcript)
    return [(way, one) for way, one in messages if isinstance(one, kind)]


def test_both_hold_the_same_key(finished):
    assert finished.key("alice").length > 50
    assert finished.key("alice") == finished.key("bob")


def test_both_report_the_same_figures(finished):
    assert finished.alice.figures() == finished.bob.figures()


def test_the_ledger_is_what_the_wire_shows(finished):
    wire = ledger_from_transcript(finished.transcript)
    assert finished.alice.ledger == finished.bob.ledger == wire


def test_every_secret_derived_bit_is_counted_where_it_is_sent(finished):
    # a count by hand: parities and flags bit by bit, three numbers of 64, one verdict
    parities = sum(len(message.bits) for _, message in said(finished, Parities))
    counts = 64 * sum(len(m.errors) for _, m in said(finished, ErrorCounts))
    verdicts = len(said(finished, VerificationAnswer))
    leak = parities + counts + verdicts
    assert counts == 192
    assert finished.alice.figures()["leaked_bits"] == leak


def test_one_round_trip_when_no_frame_fails(finished):
    ways = [way for way, _ in said(finished, Parities)]
    assert ways == [Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE]
    assert finished.alice.figures()["reconciliation_rounds"] == 1


def test_the_counts_told_are_the_errors(finished, block):
    cascade = talk(block, plan=replace(PLAN, reconciliation="cascade")).run()
    told, followed = (
        talked.alice.figures()["counts"] for talked in (finished, cascade)
    )
    assert told["errors"] == followed["errors"]


def test_where_bob_was_wrong_is_overwritten_once_it_is_counted():
    a = BitArray.zeros(100)
    b = BitArray.from_bools([1] * 2 + [0] * 98)
    counted = []

    def count(errors):
        counted.append(errors)
        return errors.count(), 0, 0

    options = {"qber": 0.02, "seed": SEED, "count": count}
    alice = LdpcReconciliation("alice", a, **options)
    bob = LdpcReconciliation("bob", b, **options)
    (told,) = alice.start()
    said = bob.take(told)
    assert said[-1] == ErrorCounts((2, 0, 0))
    assert counted[0].count() == 0


def test_failed_frames_cost_more_rounds_and_every_bit_of_them():
    plan = replace(PLAN, qber_x_max=0.4, qber_z_max=0.4)
    noisy = make_block(plan, error=0.005)
    for part in noisy.stretches:
        # a burst in the key basis that the test basis does not show
        wrong = (part.outcomes.basis == 0) & (part.outcomes.slot % 6 == 0)
        part.outcomes.value[wrong & (part.outcomes.click == 0)] ^= 1
    talked = talk(noisy).run()
    rounds = [len(one.bits) for _, one in said(talked, Parities)]
    assert len(rounds) == 9
    figures = talked.alice.figures()
    assert rounds[-1] == figures["sifted_bits"]
    assert figures["qber_x"] > 0.1


def test_one_changed_parity_never_makes_a_key(block):
    talked = talk(block)
    first = []

    def tamper(way, data):
        if data[:2] == b"\x01\x41" and not first:
            first.append(data)
            return data[:-1] + bytes([data[-1] ^ 1])
        return data

    talked.tamper = tamper
    talked.run()
    # a line without tags: what the seal would refuse, verification does
    alice, bob = talked.key("alice"), talked.key("bob")
    assert alice is None or alice == bob


def side(role, n=500, within=(400, 60, 40)):
    bits = BitArray.zeros(n)
    return LdpcReconciliation(role, bits, qber=0.02, seed=SEED, count=lambda _: within)


def finished_sides():
    alice, bob = side("alice"), side("bob")
    (parities,) = alice.start()
    flags, counts = bob.take(parities)
    return alice, bob, flags, counts


@pytest.mark.parametrize("errors", [(401, 0, 0), (1, 1), (0, 0, 0, 0)])
def test_counts_that_cannot_be_are_refused(errors):
    alice, _, flags, _ = finished_sides()
    alice.take(flags)
    with pytest.raises(SecurityAbort):
        alice.take(ErrorCounts(errors))


def test_counts_come_once_and_at_the_end():
    alice, _, flags, counts = finished_sides()
    with pytest.raises(SecurityAbort):
        alice.take(counts)
    alice.take(flags)
    alice.take(counts)
    assert alice.finished
    with pytest.raises(SecurityAbort):
        alice.take(counts)


def test_bob_takes_no_counts():
    _, bob, _, counts = finished_sides()
    with pytest.raises(SecurityAbort):
        bob.take(counts)


def test_a_turn_out_of_order_is_refused():
    alice, bob = side("alice"), side("bob")
    (parities,) = alice.start()
    with pytest.raises(SecurityAbort) as caught:
        bob.take(Parities(1, parities.bits))
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


def test_nothing_is_final_before_the_end():
    with pytest.raises(ValueError, match="not finished"):
        side("alice").final()


def test_an_empty_key_is_told_by_bob_alone():
    alice, bob = side("alice", 0, (0, 0, 0)), side("bob", 0, (0, 0, 0))
    assert not alice.start()
    (counts,) = bob.start()
    alice.take(counts)
    assert alice.finished
    assert bob.finished


def test_counts_are_charged_in_full():
    assert encode(ErrorCounts((1, 2, 3))).charge.leak == 192
