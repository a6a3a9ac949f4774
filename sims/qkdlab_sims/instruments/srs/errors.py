"""What can be wrong with a command, and how the instruments keep account of it.

Two ways: a queue of numbers read with ``LERR?`` (SG380 series, DG645) and two registers
that hold the last error of either kind, ``LEXE?`` and ``LCME?`` (DC205).
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Protocol

__all__ = ["ErrorBook", "ErrorFifo", "Fault", "LastErrors", "SrsError"]


class Fault(Enum):
    """What is wrong."""

    ILLEGAL_VALUE = auto()
    NOT_ALLOWED = auto()
    ILLEGAL_MODE = auto()
    ILLEGAL_DELAY = auto()
    ILLEGAL_LINK = auto()
    RECALL_FAILED = auto()
    ILLEGAL_COMMAND = auto()
    UNDEFINED_COMMAND = auto()
    ILLEGAL_QUERY = auto()
    ILLEGAL_SET = auto()
    NULL_PARAMETER = auto()
    EXTRA_PARAMETERS = auto()
    MISSING_PARAMETERS = auto()
    OVERFLOW = auto()
    INVALID_FLOAT = auto()
    INVALID_INTEGER = auto()
    INVALID_TOKEN = auto()
    UNKNOWN_TOKEN = auto()
    ILLEGAL_UNITS = auto()
    SYNTAX = auto()


EXECUTION_FAULTS = frozenset(
    {
        Fault.ILLEGAL_VALUE,
        Fault.NOT_ALLOWED,
        Fault.ILLEGAL_MODE,
        Fault.ILLEGAL_DELAY,
        Fault.ILLEGAL_LINK,
        Fault.RECALL_FAILED,
    }
)
"""Wrong when executed; all others are wrong already when read."""

FIFO_CODES = {
    Fault.ILLEGAL_VALUE: 10,
    Fault.NOT_ALLOWED: 12,
    Fault.ILLEGAL_MODE: 11,
    Fault.ILLEGAL_DELAY: 12,
    Fault.ILLEGAL_LINK: 13,
    Fault.RECALL_FAILED: 14,
    Fault.ILLEGAL_COMMAND: 110,
    Fault.UNDEFINED_COMMAND: 111,
    Fault.ILLEGAL_QUERY: 112,
    Fault.ILLEGAL_SET: 113,
    Fault.NULL_PARAMETER: 114,
    Fault.EXTRA_PARAMETERS: 115,
    Fault.MISSING_PARAMETERS: 116,
    Fault.OVERFLOW: 117,
    Fault.INVALID_FLOAT: 118,
    Fault.INVALID_INTEGER: 120,
    Fault.INVALID_TOKEN: 120,
    Fault.UNKNOWN_TOKEN: 120,
    Fault.ILLEGAL_UNITS: 127,
    Fault.SYNTAX: 126,
}
"""Numbers of the SG380 series and the DG645 [seen, public clients' tables from the
manuals]; 12 is "not allowed" on the one and "illegal delay" on the other."""
TOO_MANY_ERRORS = 254

EXECUTION_CODES = {Fault.ILLEGAL_VALUE: 1, Fault.NOT_ALLOWED: 5}
COMMAND_CODES = {
    Fault.ILLEGAL_COMMAND: 1,
    Fault.UNDEFINED_COMMAND: 2,
    Fault.ILLEGAL_QUERY: 3,
    Fault.ILLEGAL_SET: 4,
    Fault.MISSING_PARAMETERS: 5,
    Fault.EXTRA_PARAMETERS: 6,
    Fault.NULL_PARAMETER: 7,
    Fault.OVERFLOW: 8,
    Fault.INVALID_FLOAT: 9,
    Fault.INVALID_INTEGER: 10,
    Fault.INVALID_TOKEN: 12,
    Fault.UNKNOWN_TOKEN: 14,
    Fault.ILLEGAL_UNITS: 9,
    Fault.SYNTAX: 1,
}
"""Numbers of the DC205 [seen, maker's Python package]."""


class SrsError(Exception):
    """Ends a command with a fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.name)


class ErrorBook(Protocol):
    """Where faults are kept until somebody asks."""

    def note(self, fault: Fault) -> None:
        """Keep a fault."""
        ...

    def clear(self) -> None:
        """Forget all faults."""
        ...


class ErrorFifo:
    """Numbers in the order in which they came; the last of `depth` tells of a loss.

    Depth of 20 [mem]; 254 in the last place when there were more [seen, its name].
    """

    def __init__(self, depth: int = 20) -> None:
        self._depth = depth
        self._codes: deque[int] = deque()

    def note(self, fault: Fault) -> None:
        """Queue the number of a fault."""
        if len(self._codes) < self._depth:
            self._codes.append(FIFO_CODES[fault])
        else:
            self._codes[-1] = TOO_MANY_ERRORS

    def pop(self) -> int:
        """Return and forget the oldest number, 0 when there is none."""
        return self._codes.popleft() if self._codes else 0

    def clear(self) -> None:
        """Forget all numbers."""
        self._codes.clear()


class LastErrors:
    """The last error of execution and the last of reading; asking forgets it."""

    def __init__(self) -> None:
        self._execution = 0
        self._command = 0

    def note(self, fault: Fault) -> None:
        """Keep the number of a fault in the register of its kind."""
        if fault in EXECUTION_FAULTS:
            self._execution = EXECUTION_CODES[fault]
        else:
            self._command = COMMAND_CODES[fault]

    def pop_execution(self) -> int:
        """Return and forget the last error of execution, 0 when there is none."""
        code, self._execution = self._execution, 0
        return code

    def pop_command(self) -> int:
        """Return and forget the last error of reading, 0 when there is none."""
        code, self._command = self._command, 0
        return code

    def clear(self) -> None:
        """Forget both."""
        self._execution = self._command = 0
