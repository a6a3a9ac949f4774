"""Machines behind bad lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import ConfigError, InstrumentDisconnected
from qkdlab_sims.instruments.machine import ByteOutbox, MessageOutbox
from qkdlab_sims.mount.faults import Fault
from qkdlab_sims.mount.faulty import FaultyByteMachine, FaultyMessageMachine
from qkdlab_sims.mount.inprocess import (
    InProcessByteTransport,
    InProcessMessageTransport,
)
from qkdlab_sims.mount.line import LineDropped

ADAPTER: TypeAdapter[Fault] = TypeAdapter(Fault)


def fault(**fields: object) -> Fault:
    return ADAPTER.validate_python(fields)


class Parrot:
    """Says at once what it hears."""

    def __init__(self) -> None:
        self.outbox = ByteOutbox()
        self.heard = b""

    def feed(self, data: bytes, now_ps: int) -> None:
        self.heard += data
        self.outbox.put(data, now_ps)

    def take(self, now_ps: int) -> bytes:
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        return self.outbox.next_wake_ps()


class Post:
    """Says at once what message it hears."""

    def __init__(self) -> None:
        self.outbox = MessageOutbox()

    def feed(self, message: bytes, now_ps: int) -> None:
        self.outbox.put(message, now_ps)

    def take(self, now_ps: int) -> list[bytes]:
        return self.outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        return self.outbox.next_wake_ps()


def parrot(**fields: object) -> FaultyByteMachine:
    return FaultyByteMachine(Parrot(), [fault(**fields)])


def exchange(machine: FaultyByteMachine, data: bytes, now_ps: int = 0) -> bytes:
    machine.feed(data, now_ps)
    return machine.take(now_ps)


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_without_faults_nothing_changes(pieces: list[bytes]) -> None:
    machine = FaultyByteMachine(Parrot(), [])
    assert [exchange(machine, piece) for piece in pieces] == pieces


def test_a_silent_instrument_stops_in_the_middle_of_an_answer() -> None:
    machine = parrot(kind="silent", after_bytes=3)
    assert exchange(machine, b"hello") == b"hel"
    assert exchange(machine, b"hello") == b""


def test_a_silent_instrument_does_not_obey() -> None:
    inner = Parrot()
    machine = FaultyByteMachine(inner, [fault(kind="silent")])
    machine.feed(b"on", 0)
    assert inner.heard == b""


def test_silence_waits_for_its_time() -> None:
    machine = parrot(kind="silent", after_s=1.0)
    assert exchange(machine, b"a", seconds(0.5)) == b"a"
    assert exchange(machine, b"a", seconds(1.0)) == b""


def test_garbage_keeps_length_and_line_ends() -> None:
    said = exchange(parrot(kind="garbage"), b"12.5\r\n")
    assert len(said) == 6
    assert said[4:] == b"\r\n"
    assert all(byte >= 0x80 for byte in said[:4])


def test_garbage_starts_after_its_bytes() -> None:
    said = exchange(parrot(kind="garbage", after_bytes=2), b"12.5")
    assert said[:2] == b"12"
    assert said[2:] != b".5"


def test_an_instrument_that_talks_garbage_still_obeys() -> None:
    inner = Parrot()
    FaultyByteMachine(inner, [fault(kind="garbage")]).feed(b"off", 0)
    assert inner.heard == b"off"


def test_a_cut_line_raises_even_when_nothing_is_said() -> None:
    machine = parrot(kind="drop_line", at_s=1.0)
    assert machine.take(seconds(0.9)) == b""
    with pytest.raises(LineDropped):
        machine.take(seconds(1.0))


def test_a_cut_line_is_seen_at_its_time_through_the_transport() -> None:
    clock = VirtualClock()
    line = InProcessByteTransport("x", parrot(kind="drop_line", at_s=1.0), clock)
    with pytest.raises(InstrumentDisconnected):
        line.read(1, timeout_s=5.0)
    assert clock.now_ps() == seconds(1.0)


def test_a_cut_message_line_is_seen_at_its_time_through_the_transport() -> None:
    clock = VirtualClock()
    machine = FaultyMessageMachine(Post(), [fault(kind="drop_line", at_s=1.0)])
    line = InProcessMessageTransport("x", machine, clock)
    with pytest.raises(InstrumentDisconnected):
        line.receive(timeout_s=5.0)
    assert clock.now_ps() == seconds(1.0)


@given(st.binary(min_size=1, max_size=30), st.integers(1, 7))
def test_fragments_join_to_what_was_said(data: bytes, piece_bytes: int) -> None:
    clock = VirtualClock()
    machine = parrot(kind="fragment", piece_bytes=piece_bytes, gap_s=1e-3)
    line = InProcessByteTransport("x", machine, clock)
    line.write(data)
    pieces = []
    while sum(map(len, pieces)) < len(data):
        pieces.append(line.read(100, timeout_s=1.0))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= piece_bytes


def test_fragments_of_two_answers_keep_their_order() -> None:
    machine = parrot(kind="fragment", piece_bytes=1, gap_s=1.0)
    machine.feed(b"ab", 0)
    first = machine.take(0)
    machine.feed(b"cd", 1)
    assert first + machine.take(1) + machine.take(seconds(10.0)) == b"abcd"


def test_coalesced_answers_come_together() -> None:
    machine = parrot(kind="coalesce", window_s=1.0)
    assert exchange(machine, b"a", seconds(0.1)) == b""
    assert exchange(machine, b"b", seconds(0.2)) == b""
    assert machine.next_wake_ps() == seconds(1.0)
    assert machine.take(seconds(1.0)) == b"ab"


def test_messages_are_lost_whole() -> None:
    machine = FaultyMessageMachine(Post(), [fault(kind="silent", after_bytes=5)])
    machine.feed(b"one", 0)
    assert machine.take(0) == [b"one"]
    machine.feed(b"two", 0)
    assert machine.take(0) == []


def test_messages_turn_to_garbage_one_by_one() -> None:
    machine = FaultyMessageMachine(Post(), [fault(kind="garbage", after_bytes=3)])
    machine.feed(b"one", 0)
    machine.feed(b"two", 0)
    one, two = machine.take(0)
    assert one == b"one"
    assert two != b"two"
    assert len(two) == 3


def test_messages_cannot_be_fragmented() -> None:
    with pytest.raises(ConfigError, match="whole messages"):
        FaultyMessageMachine(Post(), [fault(kind="fragment")])


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "silent", "at_s": 1.0},
        {"kind": "drop_line"},
        {"kind": "drop_line", "at_s": -1.0},
        {"kind": "explode"},
    ],
)
def test_a_wrong_fault_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)
