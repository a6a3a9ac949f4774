"""What a driver sees of the line to its instrument.

Two kinds: `ByteTransport` for streams of bytes (serial, TCP socket, GPIB) and
`MessageTransport` for whole messages (ZeroMQ). Timeouts are seconds of the bench's
clock: virtual when the bench is simulated in process, host time otherwise.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["ByteTransport", "MessageTransport", "Transport"]


@runtime_checkable
class ByteTransport(Protocol):
    """A stream of bytes to one instrument (or one shared bus)."""

    name: str

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises InstrumentDisconnected when the line is closed.
        """
        ...

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, as soon as there are any.

        Returns ``b""`` when the timeout passes with nothing received. Raises
        InstrumentDisconnected when the line is closed.
        """
        ...

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        ...


@runtime_checkable
class MessageTransport(Protocol):
    """Whole messages to and from one instrument."""

    name: str

    def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message, or None when the timeout passes.

        Raises InstrumentDisconnected when the line is closed.
        """
        ...

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        ...


Transport = ByteTransport | MessageTransport
