"""One question, one answer, over a message transport."""

from __future__ import annotations

import json
import re
from typing import Any

from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import MessageTransport, Transport

__all__ = ["CommandLine", "DataLinkLine", "message_line"]

_SCPI_ERROR = re.compile(r"SCPI_ERR_[A-Z_]+\s*$")


def message_line(
    name: str, connections: dict[str, Transport], endpoint: str
) -> MessageTransport:
    """Return a connection; raises InstrumentError when it carries no messages."""
    line = connections.get(endpoint)
    if not isinstance(line, MessageTransport):
        raise InstrumentError(
            name, f"needs a line of messages as its connection `{endpoint}`", "give one"
        )
    return line


class _RequestLine:
    def __init__(
        self, name: str, transport: MessageTransport, timeout_s: float, hint: str
    ) -> None:
        self._name = name
        self._transport = transport
        self._timeout_s = timeout_s
        self._hint = hint
        self._answer_may_come = False

    def close(self) -> None:
        """Close the line."""
        self._transport.close()

    def _exchange(self, question: str) -> str:
        while self._answer_may_come and self._transport.receive(0.0) is not None:
            pass
        self._transport.send(question.encode())
        self._answer_may_come = True
        answer = self._transport.receive(self._timeout_s)
        if answer is None:
            raise InstrumentTimeout(
                self._name,
                f"no answer to {question} within {self._timeout_s:g} s",
                self._hint,
            )
        self._answer_may_come = False
        try:
            return answer.decode("utf-8")
        except UnicodeDecodeError:
            raise self._strange(question, repr(answer[:40])) from None

    def _strange(self, question: str, answer: str) -> InstrumentReplyError:
        return InstrumentReplyError(
            self._name,
            f"answered {answer[:80]} to {question}",
            "check that the address belongs to this model",
        )


class CommandLine(_RequestLine):
    """The unit's command socket; every command is answered, sets included [code]."""

    def __init__(
        self, name: str, transport: MessageTransport, timeout_s: float
    ) -> None:
        super().__init__(
            name,
            transport,
            timeout_s,
            "switch the unit off and on; too many timestamps a second hang it",
        )

    def ask(self, command: str) -> str:
        """Send a command or query; return the answer.

        Raises InstrumentError with the unit's own words when it reports an error,
        InstrumentTimeout, InstrumentReplyError.
        """
        answer = self._exchange(command)
        if (
            _SCPI_ERROR.search(answer)
            or "No connection" in answer
            or "failed" in answer.lower()
        ):
            raise InstrumentError(
                self._name,
                f"answered {answer.strip()[-80:]!r} to {command}",
                "compare the settings with the limits in its manual",
            )
        return answer

    def ask_int(self, query: str) -> int:
        """Ask for an integer, with or without the unit TB."""
        return self.integer(query, self.ask(query))

    def ask_all(self, *queries: str) -> list[str]:
        """Ask several things in one message.

        Clients disagree whether the answers come on lines or with semicolons [code];
        both are understood, so none of the answers may hold either.
        """
        batch = ";:".join(queries)
        answers = re.split(r"[;\n]", self.ask(batch).strip())
        if len(answers) != len(queries):
            raise self._strange(batch, f"{len(answers)} things")
        return [answer.strip() for answer in answers]

    def integer(self, query: str, answer: str) -> int:
        """Return an answer as an integer; raises InstrumentReplyError."""
        try:
            return int(answer.strip().removesuffix("TB"))
        except ValueError:
            raise self._strange(query, repr(answer)) from None


class DataLinkLine(_RequestLine):
    """The DataLink service: commands like a shell's, answers in JSON [code]."""

    def __init__(
        self, name: str, transport: MessageTransport, timeout_s: float
    ) -> None:
        super().__init__(
            name, transport, timeout_s, "check that the DataLink service runs"
        )

    def active(self) -> list[str]:
        """Return the identifiers of all acquisitions that are under way."""
        answer = self._ask("list")
        if not isinstance(answer, list):
            raise self._strange("list", str(answer))
        return [str(item) for item in answer]

    def start_stream(self, unit_address: str, channel: int, port: int) -> str:
        """Open the stream of a RAW channel (1 ...); return its identifier."""
        command = (
            f"start-stream --channel {channel} --address {unit_address}"
            f" --stream-port {port} --with-ref-index"
        )
        answer = self._ask(command)
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
            raise self._strange(command, str(answer))
        return str(answer["id"])

    def timestamps_count(self, identifier: str) -> int:
        """Return how many timestamps the service has passed on."""
        command = f"status --id {identifier}"
        answer = self._ask(command)
        count = answer.get("timestamps_count") if isinstance(answer, dict) else None
        if not isinstance(count, int):
            raise self._strange(command, str(answer))
        return count

    def stop(self, identifier: str) -> None:
        """End a stream; an empty message follows on it."""
        self._ask(f"stop --id {identifier}")

    def _ask(self, command: str) -> Any:
        text = self._exchange(command)
        try:
            answer = json.loads(text) if text.strip() else None
        except ValueError:
            raise self._strange(command, repr(text)) from None
        if isinstance(answer, dict):
            errors = [answer.get("error"), *(answer.get("errors") or [])]
            for error in errors:
                if error:
                    words = error.get("description") if isinstance(error, dict) else ""
                    raise InstrumentError(
                        self._name,
                        f"the DataLink service reported {words!s:.120} after {command}",
                        "look at the service's log",
                    )
        return answer
