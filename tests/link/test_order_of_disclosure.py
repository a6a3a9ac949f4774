"""Rule 3: nothing of a block is disclosed before Bob's list is fixed and verified."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link.synthetic import INTERVALS, make_block, talk

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode
from qkdlab.link import alice as alice_module
from qkdlab.link import bob as bob_module
from qkdlab.link.codec import decode
from qkdlab.link.context import overwrite
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Abort, KeyReady, Send
from qkdlab.link.events import BlockEnded, MessageIn, PeerLost, SettingsSent, Start
from qkdlab.link.messages import (
    Done,
    Hello,
    Parities,
    ReconciliationEnd,
    SettingsBatch,
    SettingsEnd,
    SlotBatch,
    SlotListEnd,
    VerificationAnswer,
)
from qkdlab.protocols.symbols import VALUE

DISCLOSURES = (SettingsBatch, SettingsEnd)


def said(effects):
    return [decode(e.data) for e in effects if isinstance(e, Send)]


@pytest.fixture(scope="module")
def honest():
    """What each party says in an honest block, and what it sees of its own bench."""
    block = make_block()
    conversation = talk(block).run()
    to_alice = [
        d for way, d in conversation.transcript if way is Direction.BOB_TO_ALICE
    ]
    to_bob = [d for way, d in conversation.transcript if way is Direction.ALICE_TO_BOB]
    return block, to_alice, to_bob


def deliveries(messages):
    """Any order of the honest messages, with repeats, verified or not."""
    return st.lists(
        st.tuples(st.integers(0, len(messages) - 1), st.booleans()), max_size=12
    )


def test_alice_discloses_in_no_other_order(honest):
    """All orders of all events up to the list, each message verified or not."""
    block, to_alice, _ = honest
    steps = [Start(), SettingsSent(INTERVALS), *to_alice[:3]]
    disclosing = set()
    for order in itertools.permutations(range(5)):
        for verified in itertools.product((False, True), repeat=3):
            alice = block.alice()
            for index in order:
                event = steps[index]
                if index >= 2:
                    event = MessageIn(event, phase_verified=verified[index - 2])
                if any(isinstance(m, DISCLOSURES) for m in said(alice.handle(event))):
                    disclosing.add((order, verified))
                    assert index == 4
    # the list needs a started, greeted party whose last pulse has left
    allowed = {(0, 1, 2, 3, 4), (0, 2, 1, 3, 4), (1, 0, 2, 3, 4)}
    assert disclosing == {(order, (True, True, True)) for order in allowed}


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_alice_discloses_only_after_a_verified_list(honest, data):
    block, to_alice, _ = honest
    # hello, list, and everything later; the list's messages are the first three
    pool = [*to_alice[:3], to_alice[3], *to_alice[-4:]]
    alice = block.alice()
    events = [Start(), SettingsSent(INTERVALS)]
    order = data.draw(deliveries(pool))
    for index, verified in order:
        events.insert(
            data.draw(st.integers(0, len(events))), MessageIn(pool[index], verified)
        )
    verified_slots = verified_end = False
    hello = started = sent = False
    for event in events:
        if isinstance(event, MessageIn) and event.phase_verified:
            message = decode(event.data)
            verified_slots |= isinstance(message, SlotBatch)
            verified_end |= isinstance(message, SlotListEnd)
            hello |= isinstance(message, Hello)
        started |= isinstance(event, Start)
        sent |= isinstance(event, SettingsSent)
        disclosed = any(isinstance(m, DISCLOSURES) for m in said(alice.handle(event)))
        if disclosed:
            assert started
            assert sent
            assert hello
            assert verified_slots
            assert verified_end


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_message_out_of_order_ends_alices_block(honest, data):
    block, to_alice, _ = honest
    step = data.draw(st.integers(0, 5))
    wrong = data.draw(st.integers(0, len(to_alice) - 1).filter(lambda i: i != step))
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for message in to_alice[:step]:
        alice.handle(MessageIn(message, phase_verified=True))
    expected, given_kind = decode(to_alice[step]), decode(to_alice[wrong])
    if type(expected) is type(given_kind):
        return
    if step == 1 and isinstance(given_kind, SlotListEnd):
        return  # an empty list is a list, but then its figures do not fit
    if isinstance(expected, Parities) and isinstance(given_kind, ReconciliationEnd):
        return
    effects = alice.handle(MessageIn(to_alice[wrong], phase_verified=True))
    assert [e.code for e in effects if isinstance(e, Abort)] == [
        AbortCode.PROTOCOL_VIOLATION
    ]
    assert alice.finished


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_message_out_of_order_ends_bobs_block(honest, data):
    block, _, to_bob = honest
    step = data.draw(st.integers(0, 5))
    wrong = data.draw(st.integers(0, len(to_bob) - 1))
    expected, given_kind = decode(to_bob[step]), decode(to_bob[wrong])
    if type(expected) is type(given_kind):
        return
    if isinstance(expected, SettingsBatch) and isinstance(given_kind, SettingsEnd):
        return
    bob = block.bob()
    bob.handle(Start())
    for part in block.detections:
        bob.handle(part)
    bob.handle(BlockEnded())
    for message in to_bob[:step]:
        bob.handle(MessageIn(message, phase_verified=True))
    effects = bob.handle(MessageIn(to_bob[wrong], phase_verified=True))
    assert [e.code for e in effects if isinstance(e, Abort)] == [
        AbortCode.PROTOCOL_VIOLATION
    ]
    assert bob.finished


@pytest.mark.parametrize("count", range(7))
def test_an_unverified_message_ends_the_block_unless_it_is_interactive(honest, count):
    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for message in to_alice[:count]:
        alice.handle(MessageIn(message, phase_verified=True))
    effects = alice.handle(MessageIn(to_alice[count], phase_verified=False))
    interactive = decode(to_alice[count]).INTERACTIVE
    assert alice.finished is not interactive
    assert any(isinstance(e, Abort) for e in effects) is not interactive


def test_bobs_list_stays_until_the_block_has_ended(honest):
    block, _, to_bob = honest
    bob = block.bob()
    out = bob.handle(Start()) + bob.handle(MessageIn(to_bob[0], phase_verified=True))
    for part in block.detections:
        out += bob.handle(part)
    assert [type(m) for m in said(out)] == [Hello]
    assert SlotBatch in {type(m) for m in said(bob.handle(BlockEnded()))}


def test_bobs_list_stays_until_alice_has_greeted(honest):
    block, _, to_bob = honest
    bob = block.bob()
    out = bob.handle(Start())
    for part in block.detections:
        out += bob.handle(part)
    out += bob.handle(BlockEnded())
    assert [type(m) for m in said(out)] == [Hello]
    late = bob.handle(MessageIn(to_bob[0], phase_verified=True))
    assert SlotBatch in {type(m) for m in said(late)}


def test_detections_after_the_end_of_the_block_are_refused(honest):
    block, _, _ = honest
    bob = block.bob()
    bob.handle(Start())
    bob.handle(BlockEnded())
    (abort,) = bob.handle(block.detections[0])
    assert abort.code is AbortCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("event", [Start(), BlockEnded()])
def test_events_come_once(honest, event):
    block, _, _ = honest
    bob = block.bob()
    bob.handle(event)
    (abort,) = bob.handle(event)
    assert abort.code is AbortCode.PROTOCOL_VIOLATION


def test_a_list_before_the_last_pulse_has_left_ends_the_block(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(MessageIn(to_alice[0], phase_verified=True))
    (abort,) = alice.handle(MessageIn(to_alice[1], phase_verified=True))
    assert abort.code is AbortCode.PROTOCOL_VIOLATION


def test_the_hash_key_is_drawn_after_bobs_verified_end(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    drawn = []
    draw = alice._context.randomness.public

    def public(label, n_bits):
        drawn.append(label)
        return draw(label, n_bits)

    alice._context.randomness.public = public
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for data in to_alice:
        before = len(drawn)
        alice.handle(MessageIn(data, phase_verified=True))
        message = decode(data)
        new = drawn[before:]
        assert any("verification" in n for n in new) == isinstance(
            message, ReconciliationEnd
        )
        assert any("amplification" in n for n in new) == isinstance(
            message, VerificationAnswer
        )


def test_a_key_is_ready_only_with_the_peers_verified_end(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for data in to_alice[:-1]:
        effects = alice.handle(MessageIn(data, phase_verified=True))
        assert not any(isinstance(e, KeyReady) for e in effects)
    assert isinstance(decode(to_alice[-1]), Done)
    effects = alice.handle(MessageIn(to_alice[-1], phase_verified=True))
    assert isinstance(effects[-1], KeyReady)


@pytest.mark.parametrize("module", [alice_module, bob_module])
def test_one_class_alone_can_disclose_settings(module):
    able = [
        name
        for name, cls in vars(module).items()
        if isinstance(cls, type) and hasattr(cls, "disclose")
    ]
    assert able == (["SlotsFixed"] if module is alice_module else [])


def test_garbage_ends_the_block_with_the_constant_words(honest):
    block, _, _ = honest
    shown = set()
    for data in (b"", b"\x01\x10", b"\xff" * 30):
        alice = block.alice()
        alice.handle(Start())
        (abort,) = alice.handle(MessageIn(data, phase_verified=True))
        shown.add((abort.code, abort.reason, str(abort.numbers)))
    assert len(shown) == 1


# --- wiping -----------------------------------------------------------------------


def test_an_abort_wipes_alices_bits(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for data in to_alice[:3]:
        alice.handle(MessageIn(data, phase_verified=True))
    state = alice._state
    assert state.key_bits.count()
    alice.handle(MessageIn(b"garbage", phase_verified=True))
    assert not state.key_bits.count()


def test_values_on_their_way_to_the_key_are_wiped_at_once(honest, monkeypatch):
    made = []
    pack = BitArray.from_plane

    def seen(cls, values, bit):
        found = pack(values, bit)
        made.append((values, bit, found))
        return found

    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    alice.handle(MessageIn(to_alice[0], phase_verified=True))
    alice.handle(MessageIn(to_alice[1], phase_verified=True))
    monkeypatch.setattr(BitArray, "from_plane", classmethod(seen))
    alice.handle(MessageIn(to_alice[2], phase_verified=True))
    state = alice._state
    assert state.key_bits.count() > 0
    assert state.test_bits.count() > 0
    # all values of the list, packed
    values = [plane for _, bit, plane in made if bit == VALUE]
    assert sum(len(plane) for plane in values) == len(state.settings)
    assert not any(plane.count() for plane in values)
    # and what held a byte for each, values and all
    assert not any(settings.any() for settings, *_ in made)


def test_the_end_wipes_all_of_alices_settings(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    source = alice._state.source
    assert source.pattern.any()
    for event in (Start(), SettingsSent(INTERVALS)):
        alice.handle(event)
    for data in to_alice:
        alice.handle(MessageIn(data, phase_verified=True))
    assert alice.finished
    assert not source.pattern.any()


def test_an_abort_wipes_bobs_outcomes(honest):
    block, _, to_bob = honest
    bob = block.bob()
    bob.handle(Start())
    for part in block.detections:
        bob.handle(part)
    bob.handle(BlockEnded())
    bob.handle(MessageIn(to_bob[0], phase_verified=True))
    state = bob._state
    assert state.private.value.count()
    bob.handle(MessageIn(b"garbage", phase_verified=True))
    assert not state.private.value.count()


def test_an_abort_before_the_list_wipes_bobs_outcomes(honest):
    block, _, _ = honest
    bob = block.bob()
    bob.handle(Start())
    parts = block.detections
    for part in parts:
        bob.handle(part)
    assert not any(part.outcomes.value.any() for part in parts)
    packed = [part.value for part in bob._state.collection.parts]
    assert any(value.count() for value in packed)
    bob.handle(PeerLost(AbortCode.AUTHENTICATION_FAILED))
    assert not any(value.count() for value in packed)


def test_what_a_party_would_print_shows_no_outcomes(honest):
    block, _, _ = honest
    bob = block.bob()
    for part in block.detections:
        bob.handle(part)
    assert "array(" not in repr(bob._context)


def test_the_end_wipes_the_reconciled_string_but_not_the_key(honest):
    block, to_alice, _ = honest
    alice = block.alice()
    alice.handle(Start())
    alice.handle(SettingsSent(INTERVALS))
    for data in to_alice[:-2]:
        alice.handle(MessageIn(data, phase_verified=True))
    string = alice._state.bits
    assert string.count()
    alice.handle(MessageIn(to_alice[-2], phase_verified=True))
    effects = alice.handle(MessageIn(to_alice[-1], phase_verified=True))
    assert not string.count()
    assert effects[-1].key.bits.count()


def test_an_unexpected_error_wipes_too(honest):
    block, _, to_bob = honest
    bob = block.bob()
    bob.handle(Start())
    for part in block.detections:
        bob.handle(part)
    bob.handle(BlockEnded())
    bob.handle(MessageIn(to_bob[0], phase_verified=True))
    private = bob._state.private
    bob._state.receive = None
    with pytest.raises(TypeError):
        bob.handle(MessageIn(to_bob[1], phase_verified=True))
    assert bob.finished
    assert not private.value.count()


def test_memory_that_belongs_to_others_is_left_alone():
    foreign = np.frombuffer(b"12345678", np.uint64)
    overwrite(foreign)
    assert foreign.tobytes() == b"12345678"
