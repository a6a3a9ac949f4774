"""Cascade as messages: batches in flight, either pace, and what does not belong."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link.synthetic import SMALL, make_block, talk

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.cascade import (
    BATCH_FRAMES,
    FIRST,
    IN_FLIGHT,
    CascadeReconciliation,
)
from qkdlab.link.codec import charge
from qkdlab.link.effects import KeyPending, KeyReady
from qkdlab.link.messages import Done, Parities, is_interactive
from qkdlab.link.method import MOST_ROUNDS, most_bits
from qkdlab.link.phase import MAX_PHASE_MESSAGES

N_BITS = 40_000
FRAME_BITS = 512


def strings(n_bits=N_BITS, qber=0.03, seed=1):
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n_bits, dtype=np.uint8)
    errors = (rng.random(n_bits) < qber).astype(np.uint8)
    return BitArray.from_bools(alice), BitArray.from_bools(alice ^ errors)


def side(role, bits, **more):
    options = {
        "frame_bits": FRAME_BITS,
        "qber": 0.03,
        "seed": bytes(32),
        "batch_frames": 4,
    }
    return CascadeReconciliation(role, bits, **{**options, **more})


def converse(alice, bob):
    """Pass messages until there are none; return them with their direction."""
    to_alice, to_bob, said = deque(bob.start()), deque(alice.start()), []
    while to_alice or to_bob:
        if to_alice:
            said.append(("bob", to_alice.popleft()))
            to_bob.extend(alice.take(said[-1][1]))
        if to_bob:
            said.append(("alice", to_bob.popleft()))
            to_alice.extend(bob.take(said[-1][1]))
    return said


@settings(max_examples=15, deadline=None)
@given(
    n_bits=st.integers(0, 9000),
    pace=st.sampled_from(["near", "far"]),
    batch_frames=st.integers(1, 9),
)
def test_strings_of_any_length_become_equal(n_bits, pace, batch_frames):
    a, b = strings(n_bits)
    more = {"pace": pace, "batch_frames": batch_frames}
    alice, bob = side("alice", a, **more), side("bob", b, **more)
    converse(alice, bob)
    assert alice.finished
    assert bob.finished
    assert alice.rounds == bob.rounds
    assert bob.final()[0] == alice.final()[0] == a
    assert alice.final()[1] == bob.final()[1] == a ^ b


@pytest.mark.parametrize("pace", ["near", "far"])
def test_as_many_batches_are_on_the_way_as_keep_the_line_busy(pace):
    a, b = strings(60_000)
    alice, bob = side("alice", a, pace=pace), side("bob", b, pace=pace)
    first = bob.start()
    assert [m.batch for m in first] == list(range(FIRST))
    open_now, most = set(), 0
    inbox = deque(first)
    while inbox:
        message = inbox.popleft()
        open_now.add(message.batch)
        most = max(most, len(open_now), len(alice._open))
        (answer,) = alice.take(message)
        if message.batch not in alice._open:
            open_now.discard(message.batch)
        inbox.extend(bob.take(answer))
    assert most == IN_FLIGHT[pace]


def test_a_finished_batch_makes_room_for_the_next():
    a, b = strings()
    said = converse(side("alice", a), side("bob", b))
    batches = [m.batch for who, m in said if who == "bob"]
    opened = list(dict.fromkeys(batches))
    assert opened == sorted(opened)
    assert len(opened) == -(-N_BITS // (4 * FRAME_BITS))


def delays(alice, bob):
    """Return the one-way delays that a string takes where computing takes no time.

    And those of the batch with the most rounds, had it been alone.
    """
    to_alice, total, own = list(bob.start()), 0, Counter()
    while to_alice:
        own.update(2 * [message.batch for message in to_alice])
        answers = [m for message in to_alice for m in alice.take(message)]
        to_alice = [m for answer in answers for m in bob.take(answer)]
        total += 2
    return total, max(own.values())


@pytest.mark.parametrize("pace", ["near", "far"])
def test_batches_on_the_way_wait_for_the_line_together(pace):
    n_batches = IN_FLIGHT[pace]
    a, b = strings(n_batches * 4 * FRAME_BITS)
    total, longest = delays(side("alice", a, pace=pace), side("bob", b, pace=pace))
    # each answer opens another batch: 3 are there at first, then 6, 12, 24
    assert total <= longest + 2 * math.log2(n_batches / FIRST)


def test_a_long_string_costs_the_delays_of_few_batches():
    a, b = strings(4 * IN_FLIGHT["far"] * 4 * FRAME_BITS)
    total, longest = delays(side("alice", a, pace="far"), side("bob", b, pace="far"))
    # four turns of 24 batches on the way, where 96 one by one would be
    assert total <= 4 * longest


def test_what_is_said_does_not_depend_on_when_it_arrives():
    a, b = strings()
    one = converse(side("alice", a), side("bob", b))
    alice, bob = side("alice", a), side("bob", b)
    # all that is on the way to one party before anything to the other
    to_alice, said = list(bob.start()), []
    while to_alice:
        answers = [m for message in to_alice for m in alice.take(message)]
        said += [("bob", m) for m in to_alice]
        said += [("alice", m) for m in answers]
        to_alice = [m for answer in answers for m in bob.take(answer)]
    for who in ("alice", "bob"):
        mine = [(m.batch, m.bits) for sender, m in said if sender == who]
        assert mine == [(m.batch, m.bits) for sender, m in one if sender == who]


def test_both_directions_are_charged_bit_by_bit():
    a, b = strings()
    said = converse(side("alice", a), side("bob", b))
    leak = dict.fromkeys(("alice", "bob"), 0)
    for who, message in said:
        assert charge(message).leak == len(message.bits)
        leak[who] += len(message.bits)
    assert leak["alice"] == leak["bob"] > 0


@pytest.mark.parametrize(
    "message",
    [
        Parities(0, BitArray.zeros(3)),
        Parities(1, BitArray.zeros(96)),
        Parities(1 << 60, BitArray.zeros(96)),
        Done("key"),
    ],
)
def test_alice_refuses_what_does_not_come_next(message):
    a, _ = strings()
    with pytest.raises(SecurityAbort):
        side("alice", a).take(message)


def test_alice_opens_no_more_batches_than_may_be_on_the_way():
    a, b = strings()
    alice, bob = side("alice", a), side("bob", b)
    for message in bob.start():
        alice.take(message)
    greedy = side("bob", b)._frames.half(IN_FLIGHT["near"]).next_round()
    with pytest.raises(SecurityAbort):
        alice.take(Parities(IN_FLIGHT["near"], greedy))


def test_bob_refuses_an_answer_to_a_batch_that_is_done():
    a, b = strings(2000)
    alice, bob = side("alice", a), side("bob", b)
    said = converse(alice, bob)
    assert bob.finished
    with pytest.raises(SecurityAbort):
        bob.take(said[-1][1])


def test_wiping_in_the_middle_leaves_no_bits():
    _, b = strings()
    bob = side("bob", b)
    bob.start()
    works = [half._work for half in bob._open.values()]
    bob.wipe()
    assert not bob.final()[0].count()
    for work in works:
        assert not work.rows[:, 0].any()
        assert not work.out.any()


def test_one_frame_that_still_differs_ends_the_block_without_key(monkeypatch):
    real = CascadeReconciliation.final

    def final(self):
        bits, errors = real(self)
        if self._speaks_first:
            values = bits.to_bools()
            values[700] ^= 1
            bits = BitArray.from_bools(values)
        return bits, errors

    monkeypatch.setattr(CascadeReconciliation, "final", final)
    conversation = talk(make_block()).run()
    for name in ("alice", "bob"):
        assert conversation.abort(name).code is AbortCode.VERIFICATION_FAILED
    assert not any(
        isinstance(effect, KeyPending | KeyReady)
        for effects in conversation.effects.values()
        for effect in effects
    )


def test_the_pace_for_long_lines_gives_the_same_key_to_both():
    plan = replace(SMALL, n_frames=30, reconciliation="cascade-far")
    conversation = talk(make_block(plan)).run()
    keys = [conversation.key(name) for name in ("alice", "bob")]
    assert keys[0] == keys[1]
    assert keys[0].length > 0


def test_more_bits_than_one_phase_holds_end_the_block_at_both(monkeypatch):
    monkeypatch.setattr("qkdlab.link.method.MAX_PHASE_MESSAGES", 1023)
    done = talk(make_block()).run()
    for name in ("alice", "bob"):
        aborted = getattr(done, name).figures()["aborted"]
        assert aborted["code"] == AbortCode.COUNTS_OUTSIDE_LIMITS
        assert "raise frame_bits" in aborted["reason"]
    assert not any(is_interactive(data) for _, data in done.transcript)


def test_what_a_plan_admits_fits_a_phase():
    batches = most_bits("cascade", 1024) // (BATCH_FRAMES * 1024)
    assert batches * MOST_ROUNDS <= MAX_PHASE_MESSAGES
    assert most_bits("auto", 65536) == 64 * most_bits("cascade-far", 1024)
    assert most_bits("ldpc", 1024) is None


@pytest.mark.parametrize("pace", ["near", "far"])
@pytest.mark.parametrize("qber", [0.001, 0.11])
def test_a_batch_has_fewer_rounds_than_are_allowed_for(pace, qber):
    n_bits = 32 * 65536
    a, b = strings(n_bits, qber)
    options = {"frame_bits": 65536, "qber": qber, "seed": bytes(32), "pace": pace}
    alice = CascadeReconciliation("alice", a, **options)
    bob = CascadeReconciliation("bob", b, **options)
    said, rounds = deque(bob.start()), 0
    while said:
        rounds += 1
        for answer in alice.take(said.popleft()):
            said.extend(bob.take(answer))
    assert alice.finished
    assert rounds < MOST_ROUNDS / 2


@pytest.mark.parametrize(("name", "hint"), [("guess", ""), ("ldcp", "'ldpc'")])
def test_a_plan_with_an_unknown_method_is_refused(name, hint):
    known = "there are: auto, cascade, cascade-far, ldpc"
    words = f"no reconciliation is called '{name}'.*{hint}.*{known}"
    with pytest.raises(UsageError, match=words):
        make_block().alice(plan=replace(SMALL, reconciliation=name))
