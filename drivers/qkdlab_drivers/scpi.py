"""What the drivers of SCPI instruments share: commands, queries, blocks, errors.

Messages end with a line feed both ways. A line is used by one thread at a time.
"""

from __future__ import annotations

import math
import re

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport, Transport
from qkdlab.transport.framing import LineReader
from qkdlab.transport.recording import write_secret
from qkdlab_drivers.strange import strange_answer

__all__ = ["ScpiLine", "byte_line", "split_identity"]

_ERROR = re.compile(r'([+-]?\d+)\s*,\s*"?([^"]*)"?')
_QUEUE_LIMIT = 64
"""More errors than any of the instruments keeps."""


class ScpiLine:
    """One SCPI instrument at the end of a `ByteTransport`.

    name:      of the instrument, for messages
    timeout_s: for answers, unless a call says otherwise
    """

    def __init__(
        self,
        name: str,
        transport: ByteTransport,
        *,
        timeout_s: float,
    ) -> None:
        self.name = name
        self.transport = transport
        self.timeout_s = timeout_s
        self._reader = LineReader(transport)
        self._errors_are_ours = False
        self._answer_may_come = False

    def send(self, command: str) -> None:
        """Send a command that has no answer, and do not ask for errors."""
        self._own_the_queue()
        self.transport.write(command.encode("ascii") + b"\n")

    def send_now(self, command: str) -> None:
        """Send a command and nothing before it; for safety, when answers may fail."""
        self.transport.write(command.encode("ascii") + b"\n")

    def send_block(self, command: str, data: bytes) -> None:
        """Send `command`, then `data` as a definite block (IEEE 488.2, 7.7.6)."""
        self._own_the_queue()
        self.transport.write(_block(command, data))

    def send_secret_block(self, command: str, data: bytes) -> None:
        """Do as `send_block`; no witness of the traffic sees it."""
        self._own_the_queue()
        write_secret(self.transport, _block(command, data))

    def ask(self, query: str, *, timeout_s: float | None = None) -> str:
        """Send a query and return its answer without terminator.

        The late answer to a query that was given up is thrown away. Raises
        InstrumentTimeout, InstrumentReplyError.
        """
        self._forget_late_answers()
        self.transport.write(query.encode("ascii") + b"\n")
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            answer = self._reader.read_until(b"\n", limit_s)
        except InstrumentTimeout as error:
            self._answer_may_come = True
            what = f"no answer to {query} within {limit_s:g} s"
            raise InstrumentTimeout(self.name, what, error.hint) from None
        try:
            return answer.decode("ascii").strip()
        except UnicodeDecodeError:
            raise self.strange(query, answer[:40].decode("latin-1")) from None

    def ask_float(self, query: str, *, timeout_s: float | None = None) -> float:
        """Ask for a number; raises InstrumentReplyError when it is none."""
        answer = self.ask(query, timeout_s=timeout_s)
        try:
            value = float(answer)
        except ValueError:
            raise self.strange(query, answer) from None
        if not math.isfinite(value):
            raise self.strange(query, answer)
        return value

    def ask_int(self, query: str) -> int:
        """Ask for an integer; raises InstrumentReplyError when it is none."""
        value = self.ask_float(query)
        if value != int(value):
            raise self.strange(query, f"{value}")
        return int(value)

    def ask_bool(self, query: str) -> bool:
        """Ask for 0 or 1; raises InstrumentReplyError for anything else."""
        value = self.ask_int(query)
        if value not in (0, 1):
            raise self.strange(query, f"{value}")
        return value == 1

    def command(self, *commands: str, timeout_s: float | None = None) -> None:
        """Send commands, wait until they are done, and ask for errors.

        Raises InstrumentError with the instrument's own words.
        """
        for command in commands:
            self.send(command)
        self.finish(commands[-1].split(" ")[0], timeout_s=timeout_s)

    def finish(self, after: str, *, timeout_s: float | None = None) -> None:
        """Wait for ``*OPC?``, then ask for errors; `after` names what was done."""
        if self.ask("*OPC?", timeout_s=timeout_s) not in ("1", "+1"):
            raise self.strange("*OPC?", "something other than 1")
        self.check_errors(after)

    def check_errors(self, after: str) -> None:
        """Empty the error queue; raise InstrumentError when there was something."""
        errors = self._pop_errors()
        if errors:
            raise InstrumentError(
                self.name,
                f"reported {'; '.join(errors)} after {after}",
                "compare the settings with the limits in its manual",
            )

    def strange(self, query: str, answer: str) -> InstrumentReplyError:
        """Return the error for an answer that `query` cannot have."""
        return strange_answer(self.name, query, answer)

    def close(self) -> None:
        """Close the line."""
        self.transport.close()

    def _own_the_queue(self) -> None:
        # Errors that somebody else left behind must not be taken for ours.
        if not self._errors_are_ours:
            self._pop_errors()
            self._errors_are_ours = True

    def _pop_errors(self) -> list[str]:
        errors: list[str] = []
        for _ in range(_QUEUE_LIMIT):
            answer = self.ask("SYST:ERR?")
            found = _ERROR.fullmatch(answer)
            if found is None:
                raise self.strange("SYST:ERR?", answer)
            if int(found.group(1)) == 0:
                return errors
            errors.append(f'{found.group(1)} "{found.group(2)}"')
        return errors

    def _forget_late_answers(self) -> None:
        self._reader.drain()
        # Never otherwise: reading where there is nothing is an error on GPIB.
        while self._answer_may_come and self.transport.read(65536, 0.0):
            pass
        self._answer_may_come = False


def _block(command: str, data: bytes) -> bytes:
    length = str(len(data))
    return f"{command}#{len(length)}{length}".encode("ascii") + data + b"\n"


def byte_line(name: str, connections: dict[str, Transport]) -> ByteTransport:
    """Return the connection ``control``; raises InstrumentError when it is none."""
    line = connections.get("control")
    if not isinstance(line, ByteTransport):
        raise InstrumentError(
            name, "needs a line of bytes as its connection `control`", "give one"
        )
    return line


def split_identity(line: ScpiLine, *, models: tuple[str, ...]) -> dict[str, str]:
    """Ask ``*IDN?`` and return vendor, model, serial and firmware.

    Raises InstrumentReplyError when the answer has not four fields, InstrumentError
    when it names none of `models`.
    """
    answer = line.ask("*IDN?")
    fields = [field.strip() for field in answer.split(",")]
    if len(fields) != 4:
        raise line.strange("*IDN?", answer)
    vendor, model, serial, firmware = fields
    identity = {
        "vendor": vendor,
        "model": model,
        "serial": serial,
        "firmware": firmware,
    }
    if model.upper() not in models:
        raise InstrumentError(
            line.name,
            f"found {vendor} {model} instead of {models[0]}",
            "correct the address or the driver in the configuration",
        )
    return identity
