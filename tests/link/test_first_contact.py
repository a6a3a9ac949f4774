"""First contact: signatures in the place of pads, and no way from one to the other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hostile_acts import play, timeline
from hostile_world import World, lengths_evaluated_once, tiny_block
from link.two_ends import Wire

from qkdlab.errors import AbortCode, QkdlabError, SecurityAbort
from qkdlab.link.direction import Direction
from qkdlab.link.first_contact import FirstContact
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake
from qkdlab.link.identity import Identity
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel, transcript_from_capture

FORTH, BACK = Direction
ALICE, BOB, MALLORY = (Identity.of_seed(bytes([n]) * 32) for n in (1, 2, 3))
SECRET = random.Random(8).randbytes(pool_bytes(20))
CONTACTS = {
    "alice": FirstContact("alice", "bob", ALICE, BOB.public),
    "bob": FirstContact("bob", "alice", BOB, ALICE.public),
}


def half(party, contact=None, pool=None, **changes):
    if contact is None and pool is None:
        contact = CONTACTS[party]
    greeting = Greeting.of(party, "bb84", "c0ffee", pool, contact)
    peer = "bob" if party == "alice" else "alice"
    return Handshake(replace(greeting, **changes), peer, pool, contact)


def refusal(mine, *messages) -> QkdlabError:
    for message in messages[:-1]:
        mine.take(message)
    with pytest.raises(QkdlabError) as caught:
        mine.take(messages[-1])
    assert mine.session is None
    return caught.value


# --- they meet ----------------------------------------------------------------------


def test_two_who_know_each_others_keys_meet():
    alice, bob = half("alice"), half("bob")
    from_alice, from_bob = alice.take(bob.said), bob.take(alice.said)
    assert not alice.knows_peer
    assert not alice.has_greeted
    alice.take(from_bob)
    bob.take(from_alice)
    assert alice.session == bob.session is not None
    assert alice.knows_peer
    assert bob.has_greeted


def test_somebody_with_another_key_is_a_stranger():
    mallory = FirstContact("bob", "alice", MALLORY, ALICE.public)
    liar = half("bob", mallory, identities=CONTACTS["bob"].fingerprints)
    alice = half("alice")
    alice.take(liar.said)
    error = refusal(alice, liar.take(alice.said))
    assert error.code is AbortCode.AUTHENTICATION_FAILED
    assert not alice.knows_peer


def test_whoever_trusts_another_key_is_refused_when_he_is_known():
    bob = half("bob", FirstContact("bob", "alice", BOB, MALLORY.public))
    alice = half("alice")
    error = refusal(alice, bob.said, bob.take(alice.said))
    assert error.code is AbortCode.PEER_CONFIGURATION
    assert error.numbers["differs"] == "identity of alice"
    assert alice.knows_peer


def test_an_old_confirmation_says_nothing():
    first, alice, bob = half("alice"), half("alice"), half("bob")
    old = bob.take(first.said)
    alice.take(bob.said)
    assert refusal(alice, old).code is AbortCode.AUTHENTICATION_FAILED


def test_its_own_confirmation_is_none_of_the_peer():
    alice = half("alice")
    mine = alice.take(half("bob").said)
    assert refusal(alice, mine).code is AbortCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize("at", [0, 12, 13, 700, 3321])
def test_a_changed_confirmation_is_refused(at):
    alice, bob = half("alice"), half("bob")
    alice.take(bob.said)
    changed = bytearray(bob.take(alice.said))
    changed[at] ^= 1
    assert refusal(alice, bytes(changed)).code is AbortCode.AUTHENTICATION_FAILED


def test_a_session_depends_on_both_keys():
    ids = []
    for other in (BOB, MALLORY):
        theirs = FirstContact("bob", "alice", other, ALICE.public)
        alice = half("alice", FirstContact("alice", "bob", ALICE, other.public))
        bob = half("bob", theirs)
        alice.take(bob.said)
        bob.take(alice.said)
        ids.append(alice._full_id)
    assert ids[0] != ids[1]


# --- no downgrade -------------------------------------------------------------------


def test_who_has_a_secret_never_takes_signatures():
    alice = half("alice", pool=PadPool.memory(SECRET))
    error = refusal(alice, half("bob").said)
    assert error.code is AbortCode.PEER_CONFIGURATION
    assert error.numbers["differs"] == "pre-shared secret"


def test_a_first_contact_never_goes_on_with_pads():
    bob = half("bob", pool=PadPool.memory(SECRET))
    alice = half("alice")
    alice.take(bob.said)
    with pytest.raises(QkdlabError):
        bob.take(alice.said)
    assert alice.session is None


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_first_contact_with_nobody_in_particular_is_refused(party):
    other = "bob" if party == "alice" else "alice"
    plain = Handshake(Greeting.of(other, "bb84", "c0ffee", None), party, None)
    error = refusal(plain, half(party).said)
    assert error.numbers["differs"] == "first contact"


def test_a_greeting_with_pads_and_identities_is_none():
    pads = {way.value: 0 for way in Direction}
    said = half("bob", pads=pads).said
    assert refusal(half("alice"), said).code is AbortCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    "identities",
    [{}, {"alice": "00" * 32}, {"alice": "00" * 32, "bob": "0" * 63 + " "}, [], "x"],
)
def test_a_greeting_with_other_than_two_fingerprints_is_none(identities):
    said = half("bob", identities=identities).said
    assert refusal(half("alice"), said).code is AbortCode.AUTHENTICATION_FAILED


def test_a_secret_and_a_first_contact_do_not_go_together():
    with pytest.raises(ValueError, match="no first contact"):
        half("alice", CONTACTS["alice"], PadPool.memory(SECRET))


# --- phases -------------------------------------------------------------------------


def ends(session=b"s" * 16, alice=None, bob=None):
    """Return Alice's and Bob's ends, and the wires that they hang on."""
    wires = [Wire() for _ in range(2)]
    taggers = (alice or CONTACTS["alice"], bob or CONTACTS["bob"])
    made = [
        SealedChannel(
            wire,
            direction=way,
            session=session,
            configuration=bytes(32),
            pool=tagger,
            interactive=lambda data: data.startswith(b"?"),
            batch=lambda data: data.startswith(b"+"),
        )
        for wire, way, tagger in zip(wires, Direction, taggers, strict=True)
    ]
    return made, wires


def said(*messages, session=b"s" * 16, alice=None):
    """Return the frames of one phase of Alice's."""
    (alice_end, _), (wire, _) = ends(session, alice)
    for number, message in enumerate(messages, 1):
        alice_end.send(message, number == len(messages))
    return list(wire.outbox)


def heard(frames, bob=None):
    """Return what Bob is given of frames."""
    (_, bob_end), (_, wire) = ends(bob=bob)
    wire.inbox.extend(frames)
    found = []
    while (received := bob_end.receive(0.0)) is not None:
        found.append(received)
    return found


def assert_refused(frames, bob=None):
    with pytest.raises(SecurityAbort) as caught:
        heard(frames, bob)
    assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


def test_a_signed_phase_arrives():
    found = heard(said(b"+one", b"two"))
    assert [(each.data, each.phase_verified) for each in found] == [
        (b"+one", True),
        (b"two", True),
    ]


def test_nothing_is_given_out_before_the_signature():
    assert heard(said(b"+one", b"two")[:1]) == []


@pytest.mark.parametrize("at", [0, 1, 2, 9, 10, 17, 18, 1700, 3326, 3327, 3329])
def test_a_changed_byte_is_refused(at):
    (frame,) = said(b"two")
    changed = bytearray(frame)
    changed[at] ^= 0x80
    assert_refused([bytes(changed)])


def test_a_phase_of_another_session_is_refused():
    assert_refused(said(b"two", session=b"t" * 16))


def test_a_phase_that_is_said_again_is_refused():
    frames = said(b"two")
    assert_refused(frames * 2)


def test_its_own_phase_sent_back_is_refused():
    (alice, _), (wire, _) = ends()
    alice.send(b"two", True)
    wire.inbox.extend(wire.outbox)
    with pytest.raises(SecurityAbort):
        alice.receive(0.0)


def test_a_phase_signed_by_somebody_else_is_refused():
    assert_refused(
        said(b"two", alice=FirstContact("alice", "bob", MALLORY, BOB.public))
    )


def test_the_signature_of_a_confirmation_is_none_of_a_phase():
    class Confused(FirstContact):
        def make_tag(self, direction, covered):
            return 0, self.confirmation(b"".join(covered(0)))

    alice = Confused("alice", "bob", ALICE, BOB.public)
    assert_refused(said(b"two", alice=alice))


def test_a_tagged_phase_is_refused_where_signatures_are_awaited():
    assert_refused(said(b"two", alice=PadPool.memory(SECRET)))


def test_a_signed_phase_is_refused_where_tags_are_awaited():
    pool = PadPool.memory(SECRET)
    assert_refused(said(b"two"), bob=pool)
    assert pool.spent(FORTH) == 0


def test_signatures_spend_no_pad_and_have_no_epsilon():
    (alice, _), _ = ends()
    alice.send(b"two", True)
    assert alice.auth_bits_spent == 0
    assert alice.epsilon_authentication is None


def test_the_messages_of_a_capture_are_found():
    frames = [(FORTH, frame) for frame in said(b"+one", b"two")]
    assert transcript_from_capture(frames) == [(FORTH, b"+one"), (FORTH, b"two")]


def test_printing_a_contact_shows_names_only():
    assert repr(CONTACTS["alice"]) == "FirstContact(alice, bob)"


# --- whatever an adversary does -----------------------------------------------------


def test_three_hundred_hostile_cases_of_a_first_contact():
    with lengths_evaluated_once():
        world = World(tiny_block(), n_blocks=1, seed=1, contacts=CONTACTS)
        moments = timeline(world, seed=1)
        for case in range(300):
            dice = random.Random(case)
            try:
                play(dice.choice(moments).copy(), dice, more=dice.random() < 0.02)
            except BaseException as error:
                error.add_note(f"hostile case {case}")
                raise
