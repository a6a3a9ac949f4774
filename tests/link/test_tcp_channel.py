"""The channel between two processes: whole messages, deadlines, how it ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from qkdlab.clock import RealClock
from qkdlab.errors import AbortCode, PeerLost, ResourceError, SecurityAbort, UsageError
from qkdlab.link.frames import (
    MAX_FRAME_BYTES,
    SIGN_OF_LIFE,
    Farewell,
    message_head,
)
from qkdlab.link.tcp import TcpChannel
from qkdlab.link.tcp_open import Listener, PeerAddress, connect

DEADLINE_S = 20.0


@pytest.fixture
def ends():
    """Two ends, joined; both are closed afterwards."""
    made: list[TcpChannel] = []

    def join(patience_s: float = 10.0) -> tuple[TcpChannel, TcpChannel]:
        sockets = socket.socketpair()
        made.extend(TcpChannel(s, RealClock(), patience_s=patience_s) for s in sockets)
        return made[-2], made[-1]

    yield join
    for channel in made:
        channel.close()


@pytest.fixture
def raw():
    """One end and the bare socket of the other."""
    ours, theirs = socket.socketpair()
    channels: list[TcpChannel] = []

    def make(patience_s: float = 10.0) -> tuple[TcpChannel, socket.socket]:
        channels.append(TcpChannel(ours, RealClock(), patience_s=patience_s))
        return channels[0], theirs

    yield make
    theirs.close()
    for channel in channels:
        channel.close()


def test_messages_come_whole_and_in_order(ends):
    a, b = ends()
    messages = [b"one", b"x" * 300_000, b"three"]
    for message in messages:
        a.send(message)
    assert [b.receive(DEADLINE_S) for _ in messages] == messages


def test_both_may_send_much_before_either_reads(ends):
    a, b = ends()
    much = b"x" * (1 << 24)
    senders = [threading.Thread(target=end.send, args=(much,)) for end in (a, b)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(DEADLINE_S)
    assert a.receive(DEADLINE_S) == b.receive(DEADLINE_S) == much


def test_a_timeout_gives_nothing(ends):
    a, _ = ends()
    assert a.receive(0.05) is None
    assert a.receive(0.0) is None


def test_what_was_sent_before_closing_still_arrives(ends):
    a, b = ends()
    a.send(b"last words")
    a.close(Farewell.STOPPED)
    assert b.receive(DEADLINE_S) == b"last words"
    with pytest.raises(PeerLost, match="was stopped"):
        b.receive(DEADLINE_S)


def test_last_words_arrive_though_the_other_is_still_talking(ends):
    a, b = ends()
    for _ in range(50):
        b.send(b"x" * 10_000)
    a.send(b"enough")
    a.close()
    assert b.receive(DEADLINE_S) == b"enough"


def test_sending_to_an_end_that_is_gone_fails(ends):
    a, b = ends()

    def talk() -> None:
        for _ in range(1000):
            a.send(b"hello?")
            time.sleep(0.01)

    b.close()
    with pytest.raises(PeerLost):
        talk()


def test_an_end_that_was_closed_sends_nothing(ends):
    a, _ = ends()
    a.close()
    with pytest.raises(PeerLost, match="closed"):
        a.send(b"hello?")


def test_a_line_that_is_cut_is_known_at_once(raw):
    channel, theirs = raw()
    theirs.close()
    with pytest.raises(PeerLost):
        channel.receive(DEADLINE_S)


def test_an_idle_peer_that_lives_is_not_lost(ends):
    a, _ = ends(patience_s=0.3)
    assert a.receive(1.0) is None


def test_a_peer_that_gives_no_sign_of_life_is_lost(raw):
    channel, _ = raw(patience_s=0.3)
    with pytest.raises(PeerLost, match="no sign of life"):
        channel.receive(DEADLINE_S)


def test_a_peer_that_stops_reading_is_lost(raw):
    channel, theirs = raw(patience_s=0.3)
    theirs.sendall(b"\0")
    with pytest.raises(PeerLost):
        channel.send(b"x" * (1 << 24))


def test_a_message_that_never_ends_is_given_up(raw):
    channel, theirs = raw(patience_s=0.3)
    theirs.sendall(message_head(10) + b"half")
    stop = threading.Event()

    def drip() -> None:
        for _ in range(5):
            theirs.sendall(b".")
            if stop.wait(0.15):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(PeerLost, match="does not end"):
        channel.receive(DEADLINE_S)
    stop.set()
    dripping.join()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\1\xff\xff\xff\xff\0\0\0\0"]
)
def test_bytes_that_are_no_frames_are_not_authentic(raw, garbage):
    channel, theirs = raw()
    theirs.sendall(garbage)
    with pytest.raises(SecurityAbort) as caught:
        channel.receive(DEADLINE_S)
    assert caught.value.code is AbortCode.AUTHENTICATION_FAILED


def test_after_garbage_the_peer_can_still_be_told(raw):
    channel, theirs = raw()
    theirs.sendall(b"garbage, no frame")
    with pytest.raises(SecurityAbort):
        channel.receive(DEADLINE_S)
    channel.send(b"abort")
    theirs.settimeout(DEADLINE_S)
    assert theirs.recv(100).lstrip(b"\0").endswith(b"abort")


def test_a_message_is_refused_that_no_end_would_take(ends):
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_FRAME_BYTES + 1

    a, _ = ends()
    with pytest.raises(ValueError, match="too long"):
        a.send(Huge())


class Watched(threading.Condition):
    """The condition of a channel; `held` is set while its reader waits for room."""

    def __init__(self, channel: TcpChannel) -> None:
        super().__init__()
        self.held = threading.Event()
        self._channel = channel

    def wait(self, timeout: float | None = None) -> bool:
        if threading.current_thread() is self._channel._reader:
            self.held.set()
        return super().wait(timeout)


def flooded(channel: TcpChannel, other: socket.socket, n: int, message: bytes) -> int:
    """Send n messages, until the reader waits for room; return how many it kept.

    -1 when it took them all without waiting.
    """
    channel._changed = watched = Watched(channel)

    def flood() -> None:
        with contextlib.suppress(OSError):
            other.sendall((message_head(len(message)) + message) * n)

    thread = threading.Thread(target=flood)
    thread.start()
    while not watched.held.wait(0.001) and len(channel._inbox) < n:
        pass
    kept = len(channel._inbox) if watched.held.is_set() else -1
    for _ in range(n):
        assert channel.receive(DEADLINE_S) == message
    thread.join(DEADLINE_S)
    return kept


def test_a_flood_makes_the_peer_wait_and_is_not_hoarded(raw, monkeypatch):
    monkeypatch.setattr("qkdlab.link.tcp._INBOX_BYTES", 1 << 20)
    # the messages that fit, and the one that fills it
    assert flooded(*raw(), 1000, b"x" * 10_000) in range(104, 104 + 27)


def test_small_messages_are_not_hoarded_either(raw, monkeypatch):
    monkeypatch.setattr("qkdlab.link.tcp._INBOX_BYTES", 1000)
    monkeypatch.setattr("qkdlab.link.tcp._CHUNK_BYTES", 50)
    # 65 bytes each with its object; a chunk holds five
    assert flooded(*raw(), 500, b"x") in range(16, 16 + 5)


def test_an_end_whose_inbox_is_full_still_lives(raw, monkeypatch):
    monkeypatch.setattr("qkdlab.link.tcp._INBOX_BYTES", 1)
    _, other = raw(patience_s=0.6)
    other.sendall(message_head(2) + b"xy")
    other.settimeout(DEADLINE_S)
    assert [other.recv(1) for _ in range(3)] == [SIGN_OF_LIFE] * 3


def test_a_run_that_is_stopped_leaves_the_channel():
    ours, theirs = socket.socketpair()
    clock = RealClock()
    channel = TcpChannel(ours, clock)
    clock.spawn("alice", channel.receive)

    def stop() -> None:
        raise KeyboardInterrupt

    with theirs, pytest.raises(KeyboardInterrupt):
        clock.run(stop)
    assert not any(t.name == "qkdlab-alice" for t in threading.enumerate())
    channel.close()


def test_a_caller_finds_the_port_that_the_system_chose():
    with Listener(PeerAddress.parse("0")) as listener:
        assert listener.accept() is None
        assert listener.address.host == "127.0.0.1"
        caller = connect(listener.address, RealClock(), wait_s=10.0)
        taken = None
        while taken is None:
            taken = listener.accept()
        other = TcpChannel(taken, RealClock())
    caller.send(b"hello")
    assert other.receive(DEADLINE_S) == b"hello"
    caller.close()
    other.close()


def test_nobody_to_connect_to_is_a_lost_peer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PeerLost, match="nobody listened"):
        connect(PeerAddress("127.0.0.1", port), RealClock(), wait_s=0.3)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = PeerAddress("127.0.0.1", server.getsockname()[1])
        with pytest.raises(ResourceError, match=str(address.port)):
            Listener(address)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("7001", "127.0.0.1", 7001),
        (":7001", "127.0.0.1", 7001),
        ("0.0.0.0:7001", "0.0.0.0", 7001),
        ("[::1]:7001", "::1", 7001),
        ("lab.example:7001", "lab.example", 7001),
    ],
)
def test_an_address_names_an_interface_or_stays_on_this_machine(text, host, port):
    assert PeerAddress.parse(text) == PeerAddress(host, port)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "host:70000", "-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="HOST:PORT"):
        PeerAddress.parse(text)
