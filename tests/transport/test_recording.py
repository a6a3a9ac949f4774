"""A witnessed line behaves like the line; the witness sees all that passes."""

from collections import deque

import pytest

from qkdlab.clock import VirtualClock
from qkdlab.errors import InstrumentDisconnected
from qkdlab.transport.base import ByteTransport, MessageTransport
from qkdlab.transport.recording import Traffic, TrafficKind, recording


class Bytes:
    """Gives `answers` one after the other; an error among them is raised."""

    name = "alice.awg"

    def __init__(self, clock: VirtualClock, *answers) -> None:
        self.clock = clock
        self.answers = deque(answers)
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.clock.sleep_until(self.clock.now_ps() + 5)

    def read(self, n_max: int, timeout_s: float) -> bytes:
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer[:n_max]

    def close(self) -> None:
        self.closed = True


class Messages(Bytes):
    send = Bytes.write

    def receive(self, timeout_s: float):
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    write = None
    read = None


@pytest.fixture
def seen() -> list[Traffic]:
    return []


def test_bytes_pass_both_ways_and_are_witnessed_with_their_times(seen):
    clock = VirtualClock()
    line = Bytes(clock, b"Keysight\n")
    wrapped = recording(line, clock, seen.append)
    wrapped.write(b"*IDN?\n")
    assert wrapped.read(100, 1.0) == b"Keysight\n"
    assert line.sent == [b"*IDN?\n"]
    assert seen == [
        Traffic("alice.awg", TrafficKind.WRITE, 5, b"*IDN?\n"),
        Traffic("alice.awg", TrafficKind.READ, 5, b"Keysight\n"),
    ]


def test_messages_pass_both_ways_and_are_witnessed(seen):
    clock = VirtualClock()
    wrapped = recording(Messages(clock, b"OK"), clock, seen.append)
    wrapped.send(b"STATe?")
    assert wrapped.receive(1.0) == b"OK"
    assert [(t.kind, t.data) for t in seen] == [("write", b"STATe?"), ("read", b"OK")]


@pytest.mark.parametrize(("kind", "nothing"), [(Bytes, b""), (Messages, None)])
def test_silence_is_witnessed(kind, nothing, seen):
    clock = VirtualClock()
    wrapped = recording(kind(clock, nothing), clock, seen.append)
    answer = wrapped.read(1, 0.0) if kind is Bytes else wrapped.receive(0.0)
    assert answer == nothing
    assert [t.kind for t in seen] == [TrafficKind.TIMEOUT]


def test_an_error_passes_and_is_witnessed_by_its_class(seen):
    clock = VirtualClock()
    broken = InstrumentDisconnected("alice.awg", "line closed")
    wrapped = recording(Bytes(clock, broken), clock, seen.append)
    with pytest.raises(InstrumentDisconnected):
        wrapped.read(1, 0.0)
    assert [(t.kind, t.data) for t in seen] == [("error", b"InstrumentDisconnected")]


def test_closing_closes_the_line(seen):
    clock = VirtualClock()
    line = Bytes(clock)
    recording(line, clock, seen.append).close()
    assert line.closed
    assert [t.kind for t in seen] == [TrafficKind.CLOSE]


def test_a_wrapped_line_keeps_its_kind_and_name(seen):
    clock = VirtualClock()
    assert isinstance(recording(Bytes(clock), clock, seen.append), ByteTransport)
    wrapped = recording(Messages(clock), clock, seen.append)
    assert isinstance(wrapped, MessageTransport)
    assert wrapped.name == "alice.awg"


def test_repr_shows_no_payload():
    text = repr(Traffic("alice.awg", TrafficKind.WRITE, 0, b"secret pattern"))
    assert "secret" not in text
