"""Error codes, their queue, and the status registers of a DG645.

There is no ``SYST:ERR?``: ``LERR?`` gives the codes one by one [seen, reference table
of the maker's manual; names of the bits seen in the maker's Python package].
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

__all__ = [
    "EXTRA_PARAMETERS",
    "ILLEGAL_COMMAND",
    "ILLEGAL_DELAY",
    "ILLEGAL_LINK",
    "ILLEGAL_MODE",
    "ILLEGAL_QUERY",
    "ILLEGAL_SET",
    "ILLEGAL_VALUE",
    "INVALID_FLOAT",
    "INVALID_INTEGER",
    "LOST_DATA",
    "MISSING_PARAMETERS",
    "NULL_PARAMETER",
    "RECALL_FAILED",
    "SYNTAX_ERROR",
    "TOO_MANY_ERRORS",
    "UNDEFINED_COMMAND",
    "InstrumentStatus",
    "Refused",
    "Status",
]

ILLEGAL_VALUE, ILLEGAL_MODE, ILLEGAL_DELAY, ILLEGAL_LINK = 10, 11, 12, 13
RECALL_FAILED = 14
LOST_DATA = 30
ILLEGAL_COMMAND, UNDEFINED_COMMAND, ILLEGAL_QUERY, ILLEGAL_SET = 110, 111, 112, 113
NULL_PARAMETER, EXTRA_PARAMETERS, MISSING_PARAMETERS = 114, 115, 116
INVALID_FLOAT, INVALID_INTEGER, SYNTAX_ERROR = 118, 120, 126
TOO_MANY_ERRORS = 254
QUEUE_DEPTH = 20
"""[mem]."""

_POWER_ON = 128


class InstrumentStatus:
    """Bits of ``INSR?`` [seen]."""

    TRIGGERED = 1
    RATE = 2
    END_OF_DELAY = 4
    END_OF_BURST = 8
    INHIBITED = 16
    ABORTED = 32
    TIMEBASE_UNLOCKED = 64


class Refused(Exception):
    """A command that the unit does not carry out; `code` goes to ``LERR?``."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"error {code}")


def _event_bit(code: int) -> int:
    """Return the bit of ``*ESR?`` that belongs to an error."""
    if 110 <= code <= 126:
        return 32
    if code in (LOST_DATA, 32):
        return 4
    if 10 <= code <= 15:
        return 16
    return 8


@dataclass
class Status:
    """What the unit remembers of errors and events.

    event:      ``*ESR?``; power has come on
    instrument: ``INSR?``
    """

    event: int = _POWER_ON
    instrument: int = 0
    event_enable: int = 0
    instrument_enable: int = 0
    request_enable: int = 0
    _errors: deque[int] = field(default_factory=deque)

    def note(self, code: int) -> None:
        """Queue an error; when the queue is full its last place says so."""
        self.event |= _event_bit(code)
        if len(self._errors) < QUEUE_DEPTH:
            self._errors.append(code)
        else:
            self._errors[-1] = TOO_MANY_ERRORS

    def take_error(self) -> int:
        """Remove and return the oldest error, 0 when there is none."""
        return self._errors.popleft() if self._errors else 0

    def take_event(self) -> int:
        """Read and clear ``*ESR?``."""
        value, self.event = self.event, 0
        return value

    def take_instrument(self) -> int:
        """Read and clear ``INSR?``."""
        value, self.instrument = self.instrument, 0
        return value

    def byte(self, *, message_available: bool) -> int:
        """Return ``*STB?``: bits INSB 0, MAV 4, ESB 5, MSS 6 [seen]."""
        value = 1 if self.instrument & self.instrument_enable else 0
        value |= 16 if message_available else 0
        value |= 32 if self.event & self.event_enable else 0
        return value | (64 if value & self.request_enable & ~64 else 0)

    def clear(self) -> None:
        """Do what ``*CLS`` does."""
        self.event = self.instrument = 0
        self._errors.clear()
