"""What a party says first: it comes as it was said, or it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from qkdlab.errors import AbortCode, PeerVersionError, SecurityAbort
from qkdlab.link.greeting import Greeting
from qkdlab.link.messages import PROTOCOL_VERSION
from qkdlab.link.pool import PadPool, pool_bytes

POOL = PadPool.memory(bytes(pool_bytes(200)))


def greeting(party: str, pool: PadPool | None = None, **changes) -> Greeting:
    return replace(Greeting.of(party, "bb84", "c0ffee", pool), **changes)


def test_every_flip_of_every_byte_is_damage():
    said = greeting("alice", POOL).encode(POOL)
    for at in range(len(said)):
        for bit in range(8):
            heard = bytearray(said)
            heard[at] ^= 1 << bit
            with pytest.raises(SecurityAbort) as caught:
                Greeting.decode(bytes(heard))
            assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


def test_every_cut_is_damage():
    said = greeting("alice").encode(None)
    for length in range(len(said)):
        with pytest.raises(SecurityAbort):
            Greeting.decode(said[:length])


def forged(text: str) -> bytes:
    version = PROTOCOL_VERSION.to_bytes(2, "little")
    body = b"qkdlab-hello\n" + version + text.encode() + bytes(32)
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
    said = greeting("alice", experiment="\x1b[2J").encode(None)
    with pytest.raises(SecurityAbort):
        Greeting.decode(said)


def test_a_greeting_round_trips():
    mine = greeting("bob", POOL)
    assert Greeting.decode(mine.encode(POOL)) == mine


def test_the_greeting_of_another_protocol_version_is_told_from_damage():
    old = b"qkdlab-hello\n\x01\x00" + b'{"what": "it said then"}'
    with pytest.raises(PeerVersionError, match="version 1"):
        Greeting.decode(old + hashlib.sha256(old).digest())
