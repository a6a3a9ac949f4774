"""Exchanges with an OZ Optics motor unit: a command, lines, ``Done``.

As in three public clients [ran one, seen two]: CR LF both ways, an error is a line
``Error-<n>``, which ``Done`` may follow or not; a unit with its echo on repeats the
command first.
"""

from __future__ import annotations

import re

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.framing import LineReader
from qkdlab_drivers.strange import strange_answer

__all__ = ["ERRORS", "OzLine", "read_attenuation", "read_figure"]

ERRORS = {
    "Error-2": "bad command",
    "Error-5": "home sensor error",
    "Error-6": "overflow",
    "Error-7": "motor voltage too high",
}
"""[seen]."""
_PLAIN = re.compile(rb"[\x20-\x7e]*")
_ATTENUATION = re.compile(r"ATTEN:\s*(\d+(?:\.\d*)?)\s*(?:\(DB\))?\s*", re.IGNORECASE)
_UNKNOWN = re.compile(r"ATTEN:\s*UNKNOWN\s*", re.IGNORECASE)
_AFTER_ERROR_S = 0.1
_MAX_LINES = 64


class OzLine:
    """One unit at the end of a `ByteTransport`; used by one thread at a time."""

    def __init__(self, name: str, transport: ByteTransport) -> None:
        self.name = name
        self._transport = transport
        self._reader = LineReader(transport, limit_bytes=4096)

    def ask(self, command: str, timeout_s: float) -> list[str]:
        """Send a command; return its lines before ``Done``.

        Raises InstrumentError when the unit refuses it, InstrumentTimeout,
        InstrumentReplyError.
        """
        self._forget_late_lines()
        self._transport.write(command.encode("ascii") + b"\r\n")
        lines: list[str] = []
        while len(lines) < _MAX_LINES:
            line = self._next(command, timeout_s)
            if line == "Done":
                return lines
            if line.startswith("Error"):
                self._let_done_pass()
                raise InstrumentError(
                    self.name,
                    f"reported {line} ({ERRORS.get(line, 'unknown')}) after {command}",
                    "compare the command with the limits in its manual",
                )
            if line and not (line == command and not lines):
                lines.append(line)
        raise self.strange(command, lines[-1])

    def strange(self, command: str, answer: str) -> InstrumentReplyError:
        """Return the error for an answer that `command` cannot have."""
        return strange_answer(self.name, command, answer)

    def close(self) -> None:
        """Close the line."""
        self._transport.close()

    def _next(self, command: str, timeout_s: float) -> str:
        try:
            line = self._reader.read_until(b"\r\n", timeout_s).strip()
        except InstrumentTimeout as error:
            raise InstrumentTimeout(
                self.name,
                f"no answer to {command} within {timeout_s:g} s",
                error.hint,
            ) from None
        if _PLAIN.fullmatch(line) is None:
            raise self.strange(command, line[:40].decode("latin-1"))
        return line.decode("ascii")

    def _let_done_pass(self) -> None:
        try:
            self._reader.read_until(b"Done\r\n", _AFTER_ERROR_S)
        except InstrumentTimeout:
            return

    def _forget_late_lines(self) -> None:
        self._reader.drain()
        while self._transport.read(4096, 0.0):
            pass


def read_attenuation(lines: list[str]) -> float | None:
    """Return the attenuation in dB that an answer holds, None where it is unknown.

    Raises ValueError when the answer holds none.
    """
    for line in lines:
        found = _ATTENUATION.fullmatch(line)
        if found is not None:
            return float(found.group(1))
        if _UNKNOWN.fullmatch(line):
            return None
    raise ValueError("no attenuation")


def read_figure(lines: list[str], name: str) -> float | None:
    """Return the number after ``name:`` in the configuration; None where it lacks."""
    for line in lines:
        label, _, value = line.partition(":")
        if label.strip().upper() == name:
            found = re.match(r"\s*(\d+(?:\.\d*)?)", value)
            return None if found is None else float(found.group(1))
    return None
