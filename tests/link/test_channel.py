from __future__ import annotations

import pytest

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import DeadlockError, PeerLost
from qkdlab.link.channel import MemoryChannel


def test_messages_come_whole_and_in_order():
    a, b = MemoryChannel.pair(VirtualClock())
    a.send(b"one")
    a.send(b"two")
    assert [b.receive(), b.receive()] == [b"one", b"two"]


def test_directions_do_not_mix():
    a, b = MemoryChannel.pair(VirtualClock())
    a.send(b"forth")
    b.send(b"back")
    assert a.receive() == b"back"


def test_a_timeout_takes_its_time_and_gives_nothing():
    clock = VirtualClock()
    a, _ = MemoryChannel.pair(clock)
    assert a.receive(2.5) is None
    assert clock.now_ps() == seconds(2.5)


def test_what_was_sent_before_closing_still_arrives():
    a, b = MemoryChannel.pair(VirtualClock())
    a.send(b"last words")
    a.close()
    assert b.receive() == b"last words"
    with pytest.raises(PeerLost):
        b.receive()


def test_sending_into_a_closed_channel_fails():
    a, b = MemoryChannel.pair(VirtualClock())
    b.close()
    with pytest.raises(PeerLost):
        a.send(b"hello?")


def test_a_party_that_waits_lets_the_other_run():
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)

    def alice():
        reply = a.receive()
        return reply

    def bob():
        clock.sleep_until(seconds(1.0))
        b.send(b"good morning")

    clock.spawn("alice", alice)
    clock.spawn("bob", bob)
    assert clock.run()["alice"] == b"good morning"


def test_a_deadlock_names_the_channel():
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)
    clock.spawn("alice", a.receive)
    clock.spawn("bob", b.receive)
    with pytest.raises(DeadlockError, match="a message to alice"):
        clock.run()
