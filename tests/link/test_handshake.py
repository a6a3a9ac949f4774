"""Two ends meet: what they agree on, who is known, and every way in which they do not.

With a pre-shared secret nobody but its other owner is the peer, and the parties find
out whose copy is behind; without one whoever greets is.
"""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest

from qkdlab.clock import RealClock
from qkdlab.errors import (
    AbortCode,
    PeerLost,
    PeerVersionError,
    QkdlabError,
    SecurityAbort,
    UsageError,
)
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake, greet
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import abort_notice

FORTH, BACK = Direction
SECRET = random.Random(8).randbytes(pool_bytes(200))
OTHER = {"alice": "bob", "bob": "alice", "mallory": "alice"}


def greeting(party: str, pool: PadPool | None = None, **changes) -> Greeting:
    return replace(Greeting.of(party, "bb84", "c0ffee", pool), **changes)


def half(party: str, pool: PadPool | None = None, **changes) -> Handshake:
    return Handshake(greeting(party, pool, **changes), OTHER[party], pool)


def spent_pool(forth: int = 0, back: int = 0, secret: bytes = SECRET) -> PadPool:
    pool = PadPool.memory(secret)
    pool.skip_to(FORTH, forth)
    pool.skip_to(BACK, back)
    return pool


def met(alice: Handshake, bob: Handshake) -> list[object]:
    """Return what each of the two got: a session id or an error."""
    got: list[object] = [None, None]
    ends = MemoryChannel.pair(RealClock())

    def run(place: int, mine: Handshake) -> None:
        try:
            got[place] = greet(ends[place], mine, 5.0)
        except Exception as error:
            got[place] = error

    threads = [
        threading.Thread(target=run, args=(place, mine))
        for place, mine in enumerate((alice, bob))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    return got


def damaged(message: bytes) -> bytes:
    """Return a message whose last byte is another one."""
    return message[:-1] + bytes([message[-1] ^ 1])


def refusal(mine: Handshake, *messages: bytes) -> QkdlabError:
    """Return the error with which a half takes the last of the messages."""
    for message in messages[:-1]:
        mine.take(message)
    with pytest.raises(QkdlabError) as caught:
        mine.take(messages[-1])
    return caught.value


def test_both_get_the_same_fresh_session():
    first = met(half("alice"), half("bob"))
    second = met(half("alice"), half("bob"))
    assert first[0] == first[1]
    assert first[0] != second[0]
    assert len(first[0]) == 16


def test_with_a_secret_they_meet_without_spending_a_pad():
    pools = spent_pool(7, 3), spent_pool(7, 3)
    first, second = met(half("alice", pools[0]), half("bob", pools[1]))
    assert first == second
    assert isinstance(first, bytes)
    for pool in pools:
        assert (pool.spent(FORTH), pool.spent(BACK)) == (7, 3)
        assert pool.bits_spent == 0


def test_everything_that_is_said_enters_the_session():
    alice, bob = greeting("alice"), greeting("bob")
    ids = [
        met(Handshake(alice, "bob", None), Handshake(one, "alice", None))[0]
        for one in (bob, replace(bob, nonce="00" * 32))
    ]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("has_secret", [False, True])
@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"configuration": "abad1dea"}, "configuration"),
        ({"experiment": "mdi"}, "experiment"),
    ],
)
def test_other_intentions_are_refused_by_both(has_secret, changes, differs):
    pools = [spent_pool(), spent_pool()] if has_secret else [None, None]
    halves = half("alice", pools[0]), half("bob", pools[1], **changes)
    for error in met(*halves):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION
        assert error.numbers["differs"] == differs
    assert all(one.knows_peer for one in halves)


@pytest.mark.parametrize("has_secret", [False, True])
def test_another_software_version_is_refused_by_both(has_secret):
    pools = [spent_pool(), spent_pool()] if has_secret else [None, None]
    halves = half("alice", pools[0]), half("bob", pools[1], software="0.0.1")
    for error in met(*halves):
        assert isinstance(error, PeerVersionError)
        assert error.exit_code == 6
    assert all(one.knows_peer for one in halves)


def test_a_secret_at_one_end_only_is_refused_by_both():
    for error in met(half("alice"), half("bob", spent_pool())):
        assert isinstance(error, SecurityAbort)
        assert error.numbers["differs"] == "pre-shared secret"


def test_another_protocol_version_is_refused():
    error, _ = met(half("alice"), half("bob", protocol=99))
    assert isinstance(error, PeerVersionError)
    assert "version 99" in str(error)


def test_two_alices_are_told_so():
    error, _ = met(half("alice"), half("alice"))
    assert isinstance(error, UsageError)
    assert "both ends play alice" in str(error)


def test_a_stranger_is_no_party():
    error, _ = met(half("alice"), half("mallory"))
    assert isinstance(error, SecurityAbort)
    assert error.numbers["differs"] == "party"


def test_what_the_sender_spent_in_vain_is_skipped_by_the_receiver():
    pools = spent_pool(190, 3), spent_pool(7, 10)
    first, second = met(half("alice", pools[0]), half("bob", pools[1]))
    assert first == second
    for pool in pools:
        assert (pool.spent(FORTH), pool.spent(BACK)) == (190, 10)


@pytest.mark.parametrize(
    ("alice", "bob"), [((6, 3), (7, 3)), ((7, 4), (7, 3)), ((0, 0), (100, 40))]
)
def test_a_secret_that_is_behind_what_the_other_has_seen_is_refused(alice, bob):
    pools = spent_pool(*alice), spent_pool(*bob)
    halves = half("alice", pools[0]), half("bob", pools[1])
    for error in met(*halves):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION
        assert "older copy" in error.reason
    assert all(one.knows_peer for one in halves)
    assert [pools[0].spent(d) for d in Direction] == list(alice)
    assert [pools[1].spent(d) for d in Direction] == list(bob)


def test_whoever_has_another_secret_is_a_stranger():
    mine = half("alice", spent_pool())
    error = refusal(mine, half("bob", spent_pool(secret=SECRET[::-1])).said)
    assert isinstance(error, SecurityAbort)
    assert error.code is AbortCode.AUTHENTICATION_FAILED
    assert not mine.knows_peer


def test_an_old_greeting_that_is_said_again_is_not_the_peer():
    """Its code is good, and it hides how much was spent since: nobody confirms it."""
    old = half("bob", spent_pool(0, 0)).said
    pool = spent_pool(5, 0)
    mine = half("alice", pool)
    assert mine.take(old) is not None
    assert mine.session is None
    assert not mine.knows_peer
    guess = half("alice", spent_pool(5, 0)).take(old)
    assert guess is not None
    assert refusal(mine, guess).exit_code == 3
    assert not mine.knows_peer


def test_what_an_old_greeting_gives_cause_to_refuse_is_held_back():
    old = half("bob", spent_pool(), configuration="abad1dea").said
    mine = half("alice", spent_pool())
    assert mine.take(old) is not None
    assert not mine.knows_peer


def test_a_party_that_meets_its_own_words_is_not_deceived():
    mine = half("alice", spent_pool())
    error = refusal(mine, mine.said)
    assert isinstance(error, UsageError)
    assert not mine.knows_peer


def test_its_own_confirmation_is_none_of_the_peer():
    mine, theirs = half("alice", spent_pool()), half("bob", spent_pool())
    confirmation = mine.take(theirs.said)
    assert confirmation is not None
    assert refusal(mine, confirmation).exit_code == 3
    assert mine.session is None


def test_every_flip_of_a_confirmation_is_refused():
    alice, bob = spent_pool(), spent_pool()
    for at in range(45):
        mine, theirs = half("alice", alice), half("bob", bob)
        mine.take(theirs.said)
        answer = bytearray(theirs.take(mine.said) or b"")
        assert len(answer) == 45
        answer[at] ^= 1
        assert refusal(mine, bytes(answer)).exit_code == 3
        assert mine.session is None


@pytest.mark.parametrize("has_secret", [False, True])
def test_a_damaged_greeting_is_of_nobody(has_secret):
    pool = spent_pool() if has_secret else None
    mine = half("alice", pool)
    error = refusal(mine, damaged(half("bob", pool).said))
    assert isinstance(error, SecurityAbort)
    assert not mine.knows_peer


def test_a_notice_that_the_other_gave_up_is_of_nobody():
    mine = half("alice", spent_pool())
    error = refusal(mine, abort_notice(AbortCode.PEER_CONFIGURATION))
    assert isinstance(error, SecurityAbort)
    assert error.numbers == {"peer_code": "peer-configuration-differs"}
    assert not mine.knows_peer


def test_nobody_who_greets_is_a_lost_peer():
    ours, _ = MemoryChannel.pair(RealClock())
    with pytest.raises(PeerLost, match="did not greet"):
        greet(ours, half("alice"), 0.01)


def test_a_damaged_greeting_is_told_to_the_sender():
    ours, theirs = MemoryChannel.pair(RealClock())
    theirs.send(damaged(half("bob").said))
    with pytest.raises(SecurityAbort):
        greet(ours, half("alice"), 5.0)
    theirs.receive(5.0)
    notice = theirs.receive(5.0)
    assert notice is not None
    assert notice.endswith(b"authentication-failed")


def test_printing_a_handshake_shows_no_secret():
    assert repr(half("alice", spent_pool())) == "Handshake(alice, knows_peer=False)"
