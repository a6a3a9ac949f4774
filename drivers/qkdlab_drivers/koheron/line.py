"""The terminal of a CTL200: a command, its echo, one line of answer, a prompt.

``ilaser`` CR LF is answered ``ilaser`` CR LF ``200.000`` CR LF ``>>`` [seen, protocol
recorded in pymeasure's tests]. NUL bytes may stray in [seen, pymeasure].
"""

from __future__ import annotations

import math

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport
from qkdlab.transport.framing import LineReader
from qkdlab_drivers.strange import strange_answer

__all__ = ["PROMPT", "TerminalLine", "answer_of"]

PROMPT = b">>"
UNKNOWN = "Unknown command"
_LIMIT_BYTES = 4096


def answer_of(command: str, heard: bytes) -> str | None:
    """Return the answer in what was heard up to the prompt.

    None when it is not the echo of `command` and one line of printable ASCII.
    """
    try:
        text = heard.replace(b"\x00", b"").decode("ascii")
    except UnicodeDecodeError:
        return None
    lines = [line.strip() for line in text.split("\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    if len(lines) != 2 or lines[0] != command or not lines[1].isprintable():
        return None
    return lines[1]


class TerminalLine:
    """One CTL200 at the end of a `ByteTransport`.

    name:      of the instrument, for messages
    timeout_s: for answers
    """

    def __init__(
        self, name: str, transport: ByteTransport, *, timeout_s: float
    ) -> None:
        self.name = name
        self.transport = transport
        self.timeout_s = timeout_s
        self._reader = LineReader(transport, limit_bytes=_LIMIT_BYTES)

    def send_now(self, command: str) -> None:
        """Send a command without waiting for what it says; for safety."""
        self.transport.write(command.encode("ascii") + b"\r\n")

    def ask(self, command: str) -> str:
        """Send a command or query and return the line that answers it.

        Raises InstrumentTimeout, InstrumentReplyError, and InstrumentError for a
        command that the instrument does not know.
        """
        self._forget_late_answers()
        self.transport.write(command.encode("ascii") + b"\r\n")
        try:
            heard = self._reader.read_until(PROMPT, self.timeout_s)
        except InstrumentTimeout as error:
            what = f"no answer to {command} within {self.timeout_s:g} s"
            raise InstrumentTimeout(self.name, what, error.hint) from None
        answer = answer_of(command, heard)
        if answer is None:
            raise self.strange(command, heard[:60].decode("latin-1"))
        if answer == UNKNOWN:
            raise InstrumentError(
                self.name, f"does not know {command.split()[0]}", "check its firmware"
            )
        return answer

    def ask_float(self, command: str) -> float:
        """Ask for a number; raises InstrumentReplyError when it is none."""
        answer = self.ask(command)
        try:
            value = float(answer)
        except ValueError:
            raise self.strange(command, answer) from None
        if not math.isfinite(value):
            raise self.strange(command, answer)
        return value

    def ask_bool(self, command: str) -> bool:
        """Ask for 0 or 1; raises InstrumentReplyError for anything else."""
        answer = self.ask(command)
        if answer not in ("0", "1"):
            raise self.strange(command, answer)
        return answer == "1"

    def ask_bits(self, command: str) -> int:
        """Ask for a hexadecimal number; raises InstrumentReplyError for another."""
        answer = self.ask(command)
        try:
            return int(answer, 16)
        except ValueError:
            raise self.strange(command, answer) from None

    def strange(self, command: str, answer: str) -> InstrumentReplyError:
        """Return the error for an answer that `command` cannot have."""
        return strange_answer(self.name, command, answer)

    def close(self) -> None:
        """Close the line."""
        self.transport.close()

    def _forget_late_answers(self) -> None:
        self._reader.drain()
        while self.transport.read(_LIMIT_BYTES, 0.0):
            pass
