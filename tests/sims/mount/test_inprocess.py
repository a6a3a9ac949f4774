"""The in-process lines: what arrives, when, at what cost."""

from __future__ import annotations

import pytest

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import InstrumentDisconnected
from qkdlab.transport.base import ByteTransport, MessageTransport
from qkdlab_sims.instruments.machine import ByteOutbox, MessageOutbox
from qkdlab_sims.mount.inprocess import (
    InProcessByteTransport,
    InProcessMessageTransport,
)
from qkdlab_sims.mount.line import LineDropped

MS = seconds(1e-3)


class Echo:
    """Answers every byte string with itself after `delay_ps`."""

    def __init__(self, delay_ps: int = 0, dies_at_ps: int | None = None) -> None:
        self.outbox = ByteOutbox()
        self.delay_ps = delay_ps
        self.dies_at_ps = dies_at_ps
        self.fed: list[tuple[bytes, int]] = []

    def _check(self, now_ps: int) -> None:
        if self.dies_at_ps is not None and now_ps >= self.dies_at_ps:
            raise LineDropped

    def feed(self, data: bytes, now_ps: int) -> None:
        self._check(now_ps)
        self.fed.append((data, now_ps))
        self.outbox.put(data, now_ps + self.delay_ps)

    def take(self, now_ps: int) -> bytes:
        self._check(now_ps)
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        wakes = [w for w in (self.outbox.next_wake_ps(), self.dies_at_ps) if w]
        return min(wakes, default=None)


class Post:
    """Answers every message with itself after `delay_ps`."""

    def __init__(self, delay_ps: int = 0) -> None:
        self.outbox = MessageOutbox()
        self.delay_ps = delay_ps

    def feed(self, message: bytes, now_ps: int) -> None:
        self.outbox.put(message, now_ps + self.delay_ps)

    def take(self, now_ps: int) -> list[bytes]:
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        return self.outbox.next_wake_ps()


def byte_line(machine: Echo, **cost: int) -> InProcessByteTransport:
    return InProcessByteTransport("echo", machine, VirtualClock(), **cost)


def test_both_are_the_transports_that_drivers_expect() -> None:
    assert isinstance(byte_line(Echo()), ByteTransport)
    line = InProcessMessageTransport("post", Post(), VirtualClock())
    assert isinstance(line, MessageTransport)


def test_a_read_returns_when_the_machine_speaks() -> None:
    line = byte_line(Echo(delay_ps=3 * MS))
    line.write(b"hello")
    assert line.read(100, timeout_s=1.0) == b"hello"
    assert line.clock.now_ps() == 3 * MS


def test_a_read_gives_no_more_than_asked_and_keeps_the_rest() -> None:
    line = byte_line(Echo())
    line.write(b"hello")
    assert [line.read(3, 1.0), line.read(3, 1.0)] == [b"hel", b"lo"]


def test_a_silent_machine_gives_empty_bytes_at_the_timeout() -> None:
    line = byte_line(Echo())
    assert line.read(1, timeout_s=0.25) == b""
    assert line.clock.now_ps() == seconds(0.25)


def test_a_late_answer_is_read_by_the_next_call() -> None:
    line = byte_line(Echo(delay_ps=5 * MS))
    line.write(b"x")
    assert line.read(1, timeout_s=0.001) == b""
    assert line.read(1, timeout_s=1.0) == b"x"


def test_a_serial_line_spends_its_byte_time_both_ways() -> None:
    line = byte_line(Echo(), byte_time_ps=MS)
    line.write(b"0in")
    line.read(3, 1.0)
    assert line.clock.now_ps() == 6 * MS


def test_a_network_line_spends_one_exchange_per_write() -> None:
    line = byte_line(Echo(), exchange_time_ps=MS)
    line.write(b"*IDN?\n")
    line.read(100, 1.0)
    assert line.clock.now_ps() == MS


def test_the_machine_hears_when_the_bytes_have_passed_the_line() -> None:
    machine = Echo()
    byte_line(machine, byte_time_ps=10).write(b"abc")
    assert machine.fed == [(b"abc", 30)]


def test_a_wake_time_in_the_past_does_not_stop_the_timeout() -> None:
    machine = Echo()
    line = byte_line(machine)
    line.clock.sleep_until(MS)
    machine.next_wake_ps = lambda: 5  # type: ignore[method-assign]
    assert line.read(1, timeout_s=0.001) == b""
    assert line.clock.now_ps() == 2 * MS


def test_a_closed_line_refuses_both_directions() -> None:
    line = byte_line(Echo())
    line.close()
    line.close()
    with pytest.raises(InstrumentDisconnected, match="echo"):
        line.write(b"x")
    with pytest.raises(InstrumentDisconnected, match="echo"):
        line.read(1, 1.0)


def test_a_line_that_goes_down_while_waiting_raises_in_the_reader() -> None:
    line = byte_line(Echo(dies_at_ps=MS))
    with pytest.raises(InstrumentDisconnected, match="went down"):
        line.read(1, timeout_s=1.0)
    assert line.clock.now_ps() == MS


def test_a_line_that_is_down_refuses_a_write() -> None:
    line = byte_line(Echo(dies_at_ps=MS))
    line.clock.sleep_until(2 * MS)
    with pytest.raises(InstrumentDisconnected, match="went down"):
        line.write(b"x")


def test_messages_keep_their_borders_and_order() -> None:
    line = InProcessMessageTransport("post", Post(), VirtualClock())
    line.send(b"one")
    line.send(b"two")
    assert [line.receive(1.0), line.receive(1.0)] == [b"one", b"two"]


def test_no_message_within_the_timeout_gives_none() -> None:
    line = InProcessMessageTransport("post", Post(), VirtualClock())
    assert line.receive(0.5) is None
    assert line.clock.now_ps() == seconds(0.5)


def test_a_message_costs_one_exchange() -> None:
    machine = Post(delay_ps=MS)
    line = InProcessMessageTransport(
        "post", machine, VirtualClock(), exchange_time_ps=2 * MS
    )
    line.send(b"one")
    line.receive(1.0)
    assert line.clock.now_ps() == 3 * MS


def test_a_closed_message_line_refuses_both_directions() -> None:
    line = InProcessMessageTransport("post", Post(), VirtualClock())
    line.close()
    with pytest.raises(InstrumentDisconnected):
        line.send(b"x")
    with pytest.raises(InstrumentDisconnected):
        line.receive(1.0)


def test_two_parties_wait_on_their_own_lines_in_order_of_time() -> None:
    clock = VirtualClock()
    heard: list[tuple[str, int]] = []

    def party(name: str, delay_ps: int) -> None:
        line = InProcessByteTransport(name, Echo(delay_ps), clock)
        line.write(b"x")
        line.read(1, 1.0)
        heard.append((name, clock.now_ps()))

    clock.spawn("slow", lambda: party("slow", 2 * MS))
    clock.spawn("fast", lambda: party("fast", MS))
    clock.run()
    assert heard == [("fast", MS), ("slow", 2 * MS)]
