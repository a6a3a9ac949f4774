"""A whole block between our two parties over a perfect line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from link.synthetic import CONFIGURATION, SESSION, SMALL, make_block, talk

from qkdlab.errors import AbortCode, UsageError
from qkdlab.link.codec import decode, encode
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Commit, Progress, Send
from qkdlab.link.estimate import check_plan
from qkdlab.link.events import Alarm, PeerLost, Start
from qkdlab.link.messages import (
    Amplification,
    Parities,
    ReconciliationEnd,
    SettingsBatch,
    SlotBatch,
    SlotListEnd,
    VerificationTag,
)
from qkdlab.link.varint import Increasing
from qkdlab.protocols.bb84 import Click
from qkdlab.security.assumptions import Pattern, bb84_assumptions


def test_both_parties_hold_the_same_key(finished):
    alice, bob = finished.key("alice"), finished.key("bob")
    assert alice.length > 50
    assert alice == bob


def test_both_parties_are_finished(finished):
    assert finished.alice.finished
    assert finished.bob.finished


def test_both_report_the_same_figures(finished):
    assert finished.alice.figures() == finished.bob.figures()


def test_both_hold_the_same_ledger(finished):
    assert finished.alice.ledger == finished.bob.ledger


def test_nothing_is_claimed(finished):
    assert finished.alice.figures()["claimable_secret_bits"] == 0


def test_the_reported_length_is_that_of_the_key(finished):
    assert finished.alice.figures()["secret_bits"] == finished.key("alice").length


def test_reported_counts_are_those_of_the_detections(finished, block):
    outcomes = [part.outcomes for part in block.detections]
    click = np.concatenate([o.click for o in outcomes])
    slot = np.concatenate([o.slot for o in outcomes])
    body = slot % SMALL.symbols >= SMALL.header_symbols
    figures = finished.alice.figures()
    crossed = int(np.sum(body & (click == Click.CROSS)))
    assert figures["accepted_slots"] == int(np.sum(body))
    assert sum(figures["counts"]["cross"].values()) == crossed


def test_key_bits_are_not_among_the_figures(finished):
    assert "bits" not in {*finished.alice.figures()}
    assert "BitArray" not in str(finished.alice.figures())


def test_assumptions_are_reported_with_their_status(block):
    party = block.alice(assumptions=bb84_assumptions(pattern=Pattern.CYCLIC))
    settings = party.figures()["assumptions"][2]
    assert (settings["name"], settings["status"]) == (
        "independent settings",
        "violated",
    )


def test_the_same_randomness_gives_the_same_messages(finished, block):
    assert talk(block).run().transcript == finished.transcript


def test_bob_commits_his_outcomes_before_his_list_leaves(finished):
    kinds = [
        type(e).__name__ if not isinstance(e, Send) else decode(e.data).PHASE
        for e in finished.effects["bob"]
    ]
    assert kinds.index("Commit") < kinds.index("detections")


def test_alice_commits_the_list_that_she_answers_before_she_does(finished):
    kinds = [
        type(e).__name__ if not isinstance(e, Send) else decode(e.data).PHASE
        for e in finished.effects["alice"]
    ]
    assert kinds.index("Commit") < kinds.index("settings")


def test_bobs_commit_is_marked_secret(finished):
    (commit,) = (e for e in finished.effects["bob"] if isinstance(e, Commit))
    assert commit.secret


def test_reconciliation_tells_how_far_it_is(finished):
    rounds = [e.done for e in finished.effects["bob"] if isinstance(e, Progress)]
    assert rounds == list(range(len(rounds)))


def test_nothing_that_parties_print_holds_a_key(finished):
    bits = finished.key("bob").bits
    shown = repr(finished.effects) + repr(finished.alice) + repr(finished.bob)
    assert bits.to_bytes().hex() not in shown
    assert str(bits.to_bools().tolist()) not in shown
    assert "KeyBlock(" in shown


def test_slots_do_not_tell_which_were_doubles(finished):
    listed = [
        decode(data)
        for _, data in finished.transcript
        if isinstance(decode(data), SlotBatch)
    ]
    assert set(vars(listed[0])) == {"slots", "basis", "cross"}


def test_settings_do_not_hold_values(finished):
    told = [
        decode(data)
        for _, data in finished.transcript
        if isinstance(decode(data), SettingsBatch)
    ]
    assert set(vars(told[0])) == {"basis", "intensity_low", "intensity_high"}


def test_several_blocks_have_several_keys(block):
    other = replace(SMALL, block=4)
    second = talk(replace(block, plan=other)).run()
    first = talk(block).run()
    assert second.key("alice").key_id != first.key("alice").key_id


def test_all_events_after_the_end_are_ignored(block):
    done = talk(block).run()
    assert done.alice.handle(Start()) == []
    assert done.bob.handle(PeerLost()) == []


# --- aborts -----------------------------------------------------------------------


def both_abort(conversation):
    conversation.run()
    alice, bob = conversation.abort("alice"), conversation.abort("bob")
    assert conversation.key("alice") is None
    assert conversation.key("bob") is None
    assert alice.code == bob.code
    return alice


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"error": 0.25}, AbortCode.QBER_ABOVE_LIMIT),
        ({"cross": 0.3}, AbortCode.CROSS_CLICKS_ABOVE_LIMIT),
        ({"double": 0.4}, AbortCode.DOUBLE_CLICKS_ABOVE_LIMIT),
        ({"efficiency": 1e-6}, AbortCode.COUNTS_OUTSIDE_LIMITS),
        ({"efficiency": 0.02}, AbortCode.NO_SECRET_KEY),
        ({"error": 0.04}, AbortCode.NO_SECRET_KEY),
    ],
)
def test_bad_counts_abort_both_sides_with_one_code(changes, code):
    assert both_abort(talk(make_block(**changes))).code is code


def test_an_abort_comes_with_its_numbers():
    abort = both_abort(talk(make_block(error=0.25)))
    assert 0.2 < abort.numbers["qber_z"] < 0.3


def test_aborted_figures_say_why():
    conversation = talk(make_block(error=0.25)).run()
    assert conversation.alice.figures()["aborted"]["code"] == "qber-above-limit"


def test_errors_in_the_key_basis_alone_abort_after_reconciliation(block):
    plan = replace(SMALL, qber_x_max=0.001)
    conversation = talk(replace(block, plan=plan))
    abort = both_abort(conversation)
    assert abort.code is AbortCode.QBER_ABOVE_LIMIT
    assert "qber_x" in abort.numbers


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"plan": replace(SMALL, frame_bits=1024)}, "frame_bits"),
        ({"plan": replace(SMALL, epsilon_secrecy=0.4)}, "epsilon_secrecy"),
        ({"session": b"another session!"}, "session"),
        ({"configuration": b"d" * 32}, "configuration"),
    ],
)
def test_a_peer_that_is_set_up_differently_is_left(block, changes, name):
    conversation = talk(block)
    conversation.bob = block.bob(**changes)
    abort = both_abort(conversation)
    assert abort.code is AbortCode.PEER_CONFIGURATION
    assert abort.numbers == {"differs": name}


def tampering(block, kind, change):
    """A talk in which messages of a kind are changed, as a lying peer might."""
    conversation = talk(block)

    def tamper(direction, data):
        message = decode(data)
        if isinstance(message, kind):
            return encode(change(message)).data
        return data

    conversation.tamper = tamper
    return conversation.run()


def test_strings_that_differ_fail_the_verification(block):
    def other_tag(message):
        flipped = message.tag.to_bools() ^ 1
        return replace(message, tag=type(message.tag).from_bools(flipped))

    conversation = tampering(block, VerificationTag, other_tag)
    for name in ("alice", "bob"):
        assert conversation.abort(name).code is AbortCode.VERIFICATION_FAILED


def test_a_length_that_the_peer_counts_differently_is_refused(block):
    conversation = tampering(
        block, Amplification, lambda m: replace(m, length=m.length + 1)
    )
    assert conversation.abort("bob").code is AbortCode.LEDGER_MISMATCH


def test_a_ledger_that_differs_is_refused_with_both_figures(block):
    conversation = tampering(
        block, Amplification, lambda m: replace(m, leak_bob_to_alice=0)
    )
    abort = conversation.abort("bob")
    assert abort.code is AbortCode.LEDGER_MISMATCH
    assert abort.numbers["peer_leak_bob_to_alice"] == 0


def cut_bits(bits, n):
    return bits[:n]


def moved(slots, by):
    return Increasing.of(slots.values() + by)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (SlotListEnd, lambda m: replace(m, accepted=m.accepted + 1)),
        (SlotListEnd, lambda m: replace(m, live_slots=m.accepted - 1)),
        (SlotListEnd, lambda m: replace(m, live_slots=SMALL.n_pulses + 1)),
        (SlotListEnd, lambda m: replace(m, double_clicks=m.accepted + 1)),
        (SlotBatch, lambda m: replace(m, slots=moved(m.slots, 10**9))),
        (SlotBatch, lambda m: replace(m, slots=moved(m.slots, -8000))),
        (SlotBatch, lambda m: replace(m, basis=cut_bits(m.basis, 64))),
        (SlotBatch, lambda m: replace(m, cross=m.basis)),
        (SettingsBatch, lambda m: replace(m, basis=cut_bits(m.basis, 64))),
        (
            SettingsBatch,
            lambda m: replace(m, intensity_low=m.basis, intensity_high=m.basis),
        ),
        (Parities, lambda m: replace(m, bits=cut_bits(m.bits, len(m.bits) - 1))),
        (ReconciliationEnd, lambda m: replace(m, rounds=m.rounds + 1)),
        (VerificationTag, lambda m: replace(m, tag=cut_bits(m.tag, 8))),
        (Amplification, lambda m: replace(m, seed=cut_bits(m.seed, 64))),
        (Amplification, lambda m: replace(m, key_id="another")),
    ],
)
def test_figures_that_do_not_fit_are_a_protocol_violation(block, kind, change):
    conversation = tampering(block, kind, change)
    codes = [
        conversation.abort(n).code for n in ("alice", "bob") if conversation.abort(n)
    ]
    assert codes[0] is AbortCode.PROTOCOL_VIOLATION
    assert conversation.key("alice") is None


def test_more_doubles_than_were_announced_are_refused(block):
    conversation = tampering(block, SlotListEnd, lambda m: replace(m, double_clicks=0))
    assert conversation.abort("alice").code is AbortCode.PROTOCOL_VIOLATION


def test_intensities_that_break_the_theorem_abort(block):
    from link import synthetic

    conversation = talk(block)
    intervals = ((0.999, 1.001), (0.9, 1.1), (0.0, 0.0001))
    original, synthetic.INTERVALS = synthetic.INTERVALS, intervals
    try:
        conversation.run()
    finally:
        synthetic.INTERVALS = original
    assert conversation.abort("bob").code is AbortCode.INTENSITY_OUTSIDE_INTERVAL


def test_an_alarm_of_the_bench_ends_the_block(block):
    bob = block.bob()
    bob.handle(Start())
    alarm = Alarm(AbortCode.COVERAGE_GAP, "tags were lost", (("lost", 3),))
    (abort,) = bob.handle(alarm)
    assert (abort.code, abort.numbers) == (AbortCode.COVERAGE_GAP, {"lost": 3})


def test_a_lost_peer_ends_the_block(block):
    alice = block.alice()
    alice.handle(Start())
    (abort,) = alice.handle(PeerLost())
    assert abort.code is AbortCode.PEER_ABORTED


# --- plans ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"theorem": "wishful"}, "lim2014"),
        ({"composition": (600, 1400, 600, 700, 700, 0)}, "signal, decoy and vacuum"),
        ({"verification_bits": 16}, "longer tag"),
    ],
)
def test_a_plan_without_a_sound_key_is_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        check_plan(replace(SMALL, **changes))


def test_a_plan_whose_frame_is_not_filled_is_refused():
    with pytest.raises(ValueError, match="fill the frame"):
        replace(SMALL, header_symbols=41)


def test_a_block_begins_with_a_frame():
    with pytest.raises(ValueError, match="begins with a frame"):
        replace(SMALL, first_pulse=1)


def test_detections_outside_the_block_are_a_mistake_of_the_caller(block):
    bob = block.bob(plan=replace(SMALL, first_pulse=0, n_frames=2))
    with pytest.raises(UsageError, match="outside the pulses"):
        bob.handle(block.detections[-1])


def test_detections_come_in_order(block):
    bob = block.bob()
    bob.handle(block.detections[1])
    with pytest.raises(UsageError, match="in order"):
        bob.handle(block.detections[0])


def test_directions_are_each_others_reverse():
    assert Direction.ALICE_TO_BOB.reverse is Direction.BOB_TO_ALICE
    assert Direction.BOB_TO_ALICE.reverse is Direction.ALICE_TO_BOB


def test_the_session_and_the_configuration_are_greeted_with(finished):
    greeting = decode(finished.transcript[0][1])
    assert (greeting.session, greeting.configuration) == (SESSION, CONFIGURATION)
