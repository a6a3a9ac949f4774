"""Waiting for the peer where anybody can connect: strangers come and go."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from qkdlab.clock import RealClock
from qkdlab.errors import (
    AbortCode,
    PeerLost,
    PeerVersionError,
    QkdlabError,
    SecurityAbort,
)
from qkdlab.link import reception
from qkdlab.link.frames import message_head
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake, greet
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.reception import MOST_CALLERS, receive_peer
from qkdlab.link.tcp import TcpChannel
from qkdlab.link.tcp_open import Listener, PeerAddress, connect

SECRET = random.Random(8).randbytes(pool_bytes(8))
DEADLINE_S = 20.0


def damaged(message: bytes) -> bytes:
    """Return a message whose last byte is another one."""
    return message[:-1] + bytes([message[-1] ^ 1])


def half(party: str, secret: bytes | None = SECRET, **changes: object) -> Handshake:
    """Return a half that greets; without `secret` it has none."""
    pool = None if secret is None else PadPool.memory(secret)
    greeting = Greeting.of(party, "bb84", "c0ffee", pool)
    other = "bob" if party == "alice" else "alice"
    return Handshake(replace(greeting, **changes), other, pool)


class Waiting:
    """Alice, who listens in a thread; what became of it is in `got` or `error`."""

    def __init__(self, secret: bytes | None, wait_s: float) -> None:
        self.got: bytes | None = None
        self.error: QkdlabError | None = None
        self.turned_away: list[QkdlabError] = []
        self._open = contextlib.ExitStack()
        listener = Listener(PeerAddress.parse("0"))
        self.address = listener.address

        def body() -> None:
            with listener:
                try:
                    channel, self.got = receive_peer(
                        listener,
                        RealClock(),
                        lambda: half("alice", secret),
                        wait_s=wait_s,
                        turned_away=self.turned_away.append,
                    )
                except QkdlabError as error:
                    self.error = error
                else:
                    channel.close()

        self.thread = threading.Thread(target=body)
        self.thread.start()

    def caller(self) -> socket.socket:
        """Connect without a word; closed with the test."""
        made = socket.create_connection((self.address.host, self.address.port))
        made.settimeout(DEADLINE_S)
        return self._open.enter_context(made)

    def meet(self, bob: Handshake) -> object:
        """Let `bob` come; return the session that he gets, or his error."""
        channel: TcpChannel = connect(self.address, RealClock(), wait_s=DEADLINE_S)
        try:
            return greet(channel, bob, DEADLINE_S)
        except QkdlabError as error:
            return error
        finally:
            channel.close()

    def until(self, reached: Callable[[], bool]) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not reached():
            assert time.monotonic() < end_s
            time.sleep(0.002)

    def end(self) -> None:
        self.thread.join(DEADLINE_S + 10)
        assert not self.thread.is_alive()
        self._open.close()


@pytest.fixture
def wait() -> Iterator[Callable[..., Waiting]]:
    made: list[Waiting] = []

    def start(secret: bytes | None = SECRET, wait_s: float = DEADLINE_S) -> Waiting:
        made.append(Waiting(secret, wait_s))
        return made[-1]

    yield start
    for one in made:
        one.end()


def framed(message: bytes) -> bytes:
    return message_head(len(message)) + message


STRANGERS = {
    "garbage": b"GET / HTTP/1.1\r\n\r\n",
    "no greeting": framed(b"hello"),
    "damaged": framed(damaged(half("bob").said)),
    "too long": message_head(5000),
    "half a greeting, then gone": framed(half("bob").said)[:100],
    "another secret": framed(half("bob", SECRET[::-1]).said),
    "another version": framed(half("bob", SECRET[::-1], software="0.0.1").said),
    "another protocol": framed(half("bob", protocol=9).said),
    "another configuration": framed(half("bob", None, configuration="abad1dea").said),
    "another party": framed(half("mallory", SECRET[::-1]).said),
    "nothing, then gone": b"",
}
"""What somebody can say who does not know the secret."""


@pytest.mark.parametrize("name", STRANGERS)
def test_no_stranger_ends_the_wait(wait, name):
    alice = wait()
    caller = alice.caller()
    caller.sendall(STRANGERS[name])
    if "gone" in name:
        caller.close()
    alice.until(lambda: bool(alice.turned_away))
    assert alice.meet(half("bob")) is not None
    alice.end()
    assert alice.error is None
    assert alice.got is not None


def test_who_says_an_old_greeting_again_is_not_believed(wait):
    alice = wait()
    alice.caller().sendall(framed(half("bob", configuration="abad1dea").said))
    session = alice.meet(half("bob"))
    alice.end()
    assert alice.got == session


def test_silent_strangers_do_not_keep_the_peer_out(wait):
    alice = wait()
    callers = [alice.caller() for _ in range(2 * MOST_CALLERS)]
    session = alice.meet(half("bob"))
    alice.end()
    assert alice.got == session
    assert len(callers) == 2 * MOST_CALLERS


def test_no_more_are_heard_than_there_is_room_for(wait):
    alice = wait()
    callers = [alice.caller() for _ in range(MOST_CALLERS + 1)]
    # each was greeted; the first was dropped for the last
    assert callers[-1].recv(1) == b"\1"
    while callers[0].recv(4096):
        pass
    session = alice.meet(half("bob"))
    alice.end()
    assert alice.got == session


def test_who_stays_silent_is_sent_away(wait, monkeypatch):
    monkeypatch.setattr(reception, "GREETING_S", 0.05)
    alice = wait()
    caller = alice.caller()
    while caller.recv(4096):
        pass
    monkeypatch.setattr(reception, "GREETING_S", DEADLINE_S)
    assert alice.meet(half("bob")) is not None
    alice.end()
    assert isinstance(alice.turned_away[0], PeerLost)


@pytest.mark.parametrize("secret", [None, SECRET])
@pytest.mark.parametrize(
    ("changes", "code"), [({"software": "0.0.1"}, 6), ({"configuration": "c"}, 3)]
)
def test_the_peers_own_refusal_ends_the_wait_at_once(wait, secret, changes, code):
    alice = wait(secret, wait_s=600.0)
    error = alice.meet(half("bob", secret, **changes))
    alice.end()
    for one in (error, alice.error):
        assert isinstance(one, QkdlabError)
        assert one.exit_code == code


def test_when_nobody_else_comes_the_last_who_greeted_counts(wait):
    alice = wait(wait_s=1.0)
    alice.caller().sendall(STRANGERS["another protocol"])
    alice.end()
    assert isinstance(alice.error, PeerVersionError)


def test_when_the_only_greeting_was_damaged_the_wait_ends_in_an_abort(wait):
    alice = wait(None, wait_s=1.0)
    alice.caller().sendall(STRANGERS["damaged"])
    alice.end()
    assert isinstance(alice.error, SecurityAbort)
    assert alice.error.code is AbortCode.AUTHENTICATION_FAILED


def test_nobody_who_comes_is_a_lost_peer(wait):
    alice = wait(wait_s=0.05)
    alice.end()
    assert isinstance(alice.error, PeerLost)
    assert "did not come" in str(alice.error)


def test_a_silent_stranger_alone_is_a_lost_peer(wait):
    alice = wait(wait_s=0.3)
    alice.caller()
    alice.end()
    assert isinstance(alice.error, PeerLost)


def test_the_peer_may_send_long_messages_once_it_is_known():
    listener = Listener(PeerAddress.parse("0"))
    got: list[bytes | None] = []

    def body() -> None:
        with listener:
            channel, _ = receive_peer(listener, RealClock(), lambda: half("alice"))
            got.append(channel.receive(DEADLINE_S))
            got.append(channel.receive(DEADLINE_S))
            channel.close()

    thread = threading.Thread(target=body)
    thread.start()
    bob = connect(listener.address, RealClock(), wait_s=DEADLINE_S)
    greet(bob, half("bob"), DEADLINE_S)
    bob.send(b"short")
    while not got:
        time.sleep(0.002)
    bob.send(b"x" * 100_000)
    thread.join(DEADLINE_S)
    bob.close()
    assert got == [b"short", b"x" * 100_000]


def test_pads_that_are_a_list_do_not_end_the_wait():
    # whole, and of no party that knows the secret
    pool = PadPool.memory(SECRET)
    greeting = Greeting.of("bob", "bb84", "c0ffee", pool)
    forged = replace(greeting, pads=["alice-to-bob", "bob-to-alice"])  # type: ignore[arg-type]
    with pytest.raises(SecurityAbort) as refused:
        Greeting.decode(forged.encode(None))
    assert refused.value.code is AbortCode.AUTHENTICATION_FAILED


def test_somebody_who_has_greeted_is_not_pushed_out_by_silent_ones():
    bob = half("bob")
    assert not bob.has_greeted
    answer = half("alice")
    assert bob.take(answer.said) is not None
    assert bob.has_greeted
