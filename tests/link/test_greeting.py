"""Two processes greet: what they agree on, and every way in which they do not."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import pytest

from qkdlab.clock import RealClock
from qkdlab.errors import (
    AbortCode,
    PeerLost,
    PeerVersionError,
    SecurityAbort,
    UsageError,
)
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.greeting import Greeting, greet
from qkdlab.link.pool import PadPool, pool_bytes

FORTH, BACK = Direction
SECRET = bytes(pool_bytes(200))


def greeting(party: str, pool: PadPool | None = None, **changes) -> Greeting:
    return replace(Greeting.of(party, "bb84", "c0ffee", pool), **changes)


def met(alice: Greeting, bob: Greeting) -> list[object]:
    """Return what each of the two got: a session id or an error."""
    got: list[object] = [None, None]
    ends = MemoryChannel.pair(RealClock())

    def run(place: int, mine: Greeting, peer: str) -> None:
        try:
            got[place] = greet(ends[place], mine, peer, 5.0)
        except Exception as error:
            got[place] = error

    threads = [
        threading.Thread(target=run, args=(0, alice, "bob")),
        threading.Thread(target=run, args=(1, bob, "alice")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    return got


def test_both_get_the_same_fresh_session():
    first = met(greeting("alice"), greeting("bob"))
    second = met(greeting("alice"), greeting("bob"))
    assert first[0] == first[1]
    assert first[0] != second[0]
    assert len(first[0]) == 16


def test_everything_that_is_said_enters_the_session():
    alice, bob = greeting("alice"), greeting("bob")
    other = replace(bob, nonce="00" * 32)
    assert met(alice, bob)[0] != met(alice, other)[0]


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"configuration": "abad1dea"}, "configuration"),
        ({"experiment": "mdi"}, "experiment"),
        ({"pads": {FORTH: 0, BACK: 0}}, "pre-shared secret"),
    ],
)
def test_other_intentions_are_refused_by_both(changes, differs):
    for error in met(greeting("alice"), greeting("bob", **changes)):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION
        assert error.numbers["differs"] == differs


def test_another_software_version_is_refused_by_both():
    for error in met(greeting("alice"), greeting("bob", software="0.0.1")):
        assert isinstance(error, PeerVersionError)
        assert error.exit_code == 6


def test_another_protocol_version_is_refused():
    error, _ = met(greeting("alice"), greeting("bob", protocol=99))
    assert isinstance(error, PeerVersionError)
    assert "version 99" in str(error)


def test_two_alices_are_told_so():
    error, _ = met(greeting("alice"), greeting("alice"))
    assert isinstance(error, UsageError)
    assert "both ends play alice" in str(error)


def test_a_stranger_is_no_party():
    error, _ = met(greeting("alice"), greeting("mallory"))
    assert isinstance(error, SecurityAbort)
    assert error.numbers["differs"] == "party"


def pools(spent_by_alice: tuple[int, int], spent_by_bob: tuple[int, int]):
    made = []
    for party, spent in (("alice", spent_by_alice), ("bob", spent_by_bob)):
        pool = PadPool.memory(SECRET)
        for direction, n in zip((FORTH, BACK), spent, strict=True):
            for _ in range(n):
                pool.take(direction)
        made.append(greeting(party, pool))
    return made


@pytest.mark.parametrize(
    ("alice", "bob"), [((0, 0), (0, 0)), ((7, 3), (7, 3)), ((9, 3), (7, 10))]
)
def test_pads_that_were_sent_in_vain_do_not_hinder(alice, bob):
    first, second = met(*pools(alice, bob))
    assert first == second
    assert isinstance(first, bytes)


@pytest.mark.parametrize(
    ("alice", "bob"), [((6, 3), (7, 3)), ((7, 4), (7, 3)), ((100, 0), (0, 0))]
)
def test_a_secret_that_was_put_back_or_is_another_is_refused(alice, bob):
    for error in met(*pools(alice, bob)):
        assert isinstance(error, SecurityAbort)
        assert error.code is AbortCode.PEER_CONFIGURATION


def test_nobody_who_greets_is_a_lost_peer():
    ours, _ = MemoryChannel.pair(RealClock())
    with pytest.raises(PeerLost, match="did not greet"):
        greet(ours, greeting("alice"), "bob", 0.01)


def test_every_flip_of_every_byte_is_damage():
    said = greeting("alice", PadPool.memory(SECRET)).encode()
    for at in range(len(said)):
        for bit in range(8):
            heard = bytearray(said)
            heard[at] ^= 1 << bit
            with pytest.raises(SecurityAbort) as caught:
                Greeting.decode(bytes(heard))
            assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


def test_every_cut_is_damage():
    said = greeting("alice").encode()
    for length in range(len(said)):
        with pytest.raises(SecurityAbort):
            Greeting.decode(said[:length])


def forged(text: str) -> bytes:
    body = b"qkdlab-hello\n\x01\x00" + text.encode()
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 2000,
        '{"party": 1}',
        *(
            '{"party":"alice","software":"1","experiment":"bb84","configuration":"c",'
            f'"nonce":{nonce},"pads":{pads}}}'
            for nonce, pads in (
                ('"zz"', "null"),
                ('"00"', "null"),
                (f'"{"00" * 32}"', '{"alice-to-bob":0}'),
                (f'"{"00" * 32}"', '{"alice-to-bob":-1,"bob-to-alice":0}'),
                (f'"{"00" * 32}"', '{"alice-to-bob":true,"bob-to-alice":0}'),
                (f'"{"00" * 32}"', "[]"),
            )
        ),
    ],
)
def test_a_greeting_of_another_form_is_refused_with_the_same_words(text):
    with pytest.raises(SecurityAbort, match="is not authentic"):
        Greeting.decode(forged(text))


def test_text_that_could_play_with_a_terminal_is_refused():
    said = greeting("alice", experiment="\x1b[2J").encode()
    with pytest.raises(SecurityAbort):
        Greeting.decode(said)


def test_a_greeting_round_trips():
    mine = greeting("bob", PadPool.memory(SECRET))
    assert Greeting.decode(mine.encode()) == mine


def test_a_damaged_greeting_is_told_to_the_sender():
    ours, theirs = MemoryChannel.pair(RealClock())
    theirs.send(greeting("bob").encode()[:-1] + b"x")
    with pytest.raises(SecurityAbort):
        greet(ours, greeting("alice"), "bob", 5.0)
    theirs.receive(5.0)
    notice = theirs.receive(5.0)
    assert notice is not None
    assert notice.endswith(b"authentication-failed")
