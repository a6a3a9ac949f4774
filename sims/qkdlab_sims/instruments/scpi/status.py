"""Errors, the error queue and the status registers of IEEE 488.2."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

__all__ = ["STANDARD_ERRORS", "ErrorQueue", "ScpiError", "Status"]

STANDARD_ERRORS = {
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -111: "Header separator error",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -120: "Numeric data error",
    -131: "Invalid suffix",
    -138: "Suffix not allowed",
    -151: "Invalid string data",
    -161: "Invalid block data",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query INTERRUPTED",
}
"""Texts of SCPI-1999 volume 2 chapter 21 [mem]."""


class ScpiError(Exception):
    """What a command does wrong; goes to the error queue, never to the line."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = STANDARD_ERRORS.get(code, "Error") if text is None else text
        super().__init__(f'{code},"{self.text}"')

    @property
    def ends_message(self) -> bool:
        """Whether the rest of the message is dropped: so for command errors."""
        return -200 < self.code <= -100


@dataclass
class ErrorQueue:
    """First in, first out; the last place is for the overflow."""

    depth: int
    _entries: deque[ScpiError] = field(default_factory=deque)

    def put(self, error: ScpiError) -> None:
        """Add `error`; when the queue is full, its last entry becomes -350."""
        if len(self._entries) < self.depth:
            self._entries.append(error)
        else:
            self._entries[-1] = ScpiError(-350)

    def pop(self) -> ScpiError:
        """Remove and return the oldest error, or error 0."""
        return self._entries.popleft() if self._entries else ScpiError(0, "No error")

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def _event_bit(code: int) -> int:
    """Return the bit of the standard event register that belongs to an error."""
    if -200 < code <= -100:
        return 32
    if -300 < code <= -200:
        return 16
    if -500 < code <= -400:
        return 4
    return 8


@dataclass
class Status:
    """Event status, service request and error queue of one instrument."""

    queue: ErrorQueue
    errors_in_status_byte: bool = False
    """Whether bit 2 of the status byte tells of queued errors."""
    event: int = 128
    """Standard event status; bit 7 says that power came on."""
    event_enable: int = 0
    request_enable: int = 0
    opc_due_ps: int | None = None

    def note(self, error: ScpiError) -> None:
        """Put an error into the queue and its bit into the event register."""
        self.queue.put(error)
        self.event |= _event_bit(error.code)

    def settle(self, now_ps: int) -> None:
        """Set the operation complete bit when an ``*OPC`` has come due."""
        if self.opc_due_ps is not None and self.opc_due_ps <= now_ps:
            self.event |= 1
            self.opc_due_ps = None

    def take_event(self) -> int:
        """Read and clear the event register, as ``*ESR?`` does."""
        value, self.event = self.event, 0
        return value

    def status_byte(self, *, message_available: bool) -> int:
        """Return the status byte."""
        value = 0
        if self.errors_in_status_byte and len(self.queue):
            value |= 4
        if message_available:
            value |= 16
        if self.event & self.event_enable:
            value |= 32
        if value & self.request_enable & ~64:
            value |= 64
        return value

    def clear(self) -> None:
        """Do what ``*CLS`` does."""
        self.queue.clear()
        self.event = 0
        self.opc_due_ps = None
