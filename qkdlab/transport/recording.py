"""Transports that show everything that passes to a witness.

They wrap any other transport, so that a driver cannot tell; what they see serves the
record of a run. A witness that records class secure keeps sizes and times only
(SECURITY rules 1 and 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qkdlab.clock import Clock
from qkdlab.transport.base import ByteTransport, MessageTransport, Transport

__all__ = [
    "RecordingByteTransport",
    "RecordingMessageTransport",
    "Traffic",
    "TrafficKind",
    "Witness",
    "recording",
    "write_secret",
]


class TrafficKind(StrEnum):
    """What happened on a line."""

    WRITE = "write"
    READ = "read"
    TIMEOUT = "timeout"
    ERROR = "error"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Traffic:
    """One thing that passed on a line.

    line: ``instrument.endpoint``, or the transport's name
    t_ps: bench time after it passed
    data: the bytes; for an error the name of its class
    """

    line: str
    kind: TrafficKind
    t_ps: int
    data: bytes = b""

    def __repr__(self) -> str:
        return f"Traffic({self.line!r}, {self.kind}, {len(self.data)} bytes)"


Witness = Callable[[Traffic], None]


class _Recording:
    """What both kinds share."""

    def __init__(
        self, inner: Transport, clock: Clock, witness: Witness, line: str
    ) -> None:
        self.name = inner.name
        self._inner: Any = inner
        self._label = line
        self._clock = clock
        self._witness = witness

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        self._inner.close()
        self._note(TrafficKind.CLOSE)

    def _note(self, kind: TrafficKind, data: bytes = b"") -> None:
        self._witness(Traffic(self._label, kind, self._clock.now_ps(), data))

    def _fail(self, error: Exception) -> None:
        self._note(TrafficKind.ERROR, type(error).__name__.encode())


class RecordingByteTransport(_Recording):
    """A `ByteTransport` whose traffic is witnessed."""

    _inner: ByteTransport

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._inner.write(data)
        except Exception as error:
            self._fail(error)
            raise
        self._note(TrafficKind.WRITE, data)

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, or ``b""`` when the timeout passes."""
        try:
            data = self._inner.read(n_max, timeout_s)
        except Exception as error:
            self._fail(error)
            raise
        self._note(TrafficKind.READ if data else TrafficKind.TIMEOUT, data)
        return data

    def write_secret(self, data: bytes) -> None:
        """Send all of `data`; witnessed is only how many bytes it has."""
        try:
            self._inner.write(data)
        except Exception as error:
            self._fail(error)
            raise
        self._note(TrafficKind.WRITE, b"<%d secret bytes>" % len(data))


class RecordingMessageTransport(_Recording):
    """A `MessageTransport` whose traffic is witnessed."""

    _inner: MessageTransport

    def send(self, message: bytes) -> None:
        """Send one message."""
        try:
            self._inner.send(message)
        except Exception as error:
            self._fail(error)
            raise
        self._note(TrafficKind.WRITE, message)

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message, or None when the timeout passes."""
        try:
            message = self._inner.receive(timeout_s)
        except Exception as error:
            self._fail(error)
            raise
        kind = TrafficKind.TIMEOUT if message is None else TrafficKind.READ
        self._note(kind, message or b"")
        return message


def recording(
    inner: Transport, clock: Clock, witness: Witness, line: str | None = None
) -> Transport:
    """Return `inner` with its traffic witnessed as that of `line`."""
    name = inner.name if line is None else line
    if isinstance(inner, ByteTransport):
        return RecordingByteTransport(inner, clock, witness, name)
    return RecordingMessageTransport(inner, clock, witness, name)


def write_secret(line: ByteTransport, data: bytes) -> None:
    """Send what no witness may see, whatever the class of the run (SECURITY rule 1)."""
    if isinstance(line, RecordingByteTransport):
        line.write_secret(data)
    else:
        line.write(data)
