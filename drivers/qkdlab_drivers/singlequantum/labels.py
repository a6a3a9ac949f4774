"""The control port of a WebSQ: labels that the instrument keeps and tells about.

To the instrument go JSON objects without terminator; from it come JSON objects closed
by ETB. ``{"label": L, "value": {"value": v, ...}}`` describes a label, ``{"label": L,
"value": v}`` updates it; a label with ``Error`` in its name is a complaint [code:
vendor's client]. Messages are put together here whatever the pieces they come in.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from qkdlab.clock import PS_PER_S, Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport

__all__ = ["LabelLine"]

_LOG = logging.getLogger(__name__)
_ETB = b"\x17"
_LIMIT_BYTES = 1 << 24
_FENCE = "BiasVoltage"
"""Told once in every description of all labels, and once per request."""


class LabelLine:
    """What the instrument has said about its labels, and a way to ask.

    name:      of the instrument, for messages
    timeout_s: from a request to its answer
    """

    def __init__(
        self, name: str, transport: ByteTransport, clock: Clock, timeout_s: float
    ) -> None:
        self.values: dict[str, Any] = {}
        self._name = name
        self._transport = transport
        self._clock = clock
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._n_told: dict[str, int] = {}
        self._complaints: list[str] = []

    def command(self, command: str, label: str, value: Any) -> None:
        """Send a command, then read all labels.

        Raises InstrumentError with the instrument's own words.
        """
        self._await_all(command, {"command": command, "label": label, "value": value})

    def refresh(self) -> None:
        """Read all labels."""
        self._await_all("labelProps")

    def ask(self, label: str) -> Any:
        """Ask for one label and return its value."""
        self._hear_what_came()
        told = self._n_told.get(label, 0)
        self._send({"request": label})
        self._await(label, told + 1, label)
        return self.values[label]

    def value(self, label: str) -> Any:
        """Return the last value; raises InstrumentReplyError when there was none."""
        if label not in self.values:
            raise self._strange(f"nothing about {label}")
        return self.values[label]

    def numbers(self, label: str, n: int) -> list[float]:
        """Return the last value as a list of `n` numbers."""
        value = self.value(label)
        is_list = isinstance(value, list) and len(value) == n
        if not is_list or not all(_is_number(v) for v in value):
            raise self._strange(f"{label} as {str(value)[:60]}")
        return [float(v) for v in value]

    def number(self, label: str) -> float:
        """Return the last value as a number."""
        value = self.value(label)
        if not _is_number(value):
            raise self._strange(f"{label} as {str(value)[:60]}")
        return float(value)

    def close(self) -> None:
        """Close the line."""
        self._transport.close()

    def _await_all(self, what: str, *first: dict[str, Any]) -> None:
        """Send `first`, then wait until all labels have been told again."""
        self._hear_what_came()
        told = self._n_told.get(_FENCE, 0)
        for message in first:
            self._send(message)
        # What comes before the answer to the last request has then been heard, too.
        self._send({"request": "labelProps", "value": "None"})
        self._send({"request": _FENCE})
        self._await(_FENCE, told + 2, what)

    def _await(self, label: str, n_told: int, what: str) -> None:
        deadline_ps = self._clock.now_ps() + seconds(self._timeout_s)
        while self._n_told.get(label, 0) < n_told:
            left_ps = max(0, deadline_ps - self._clock.now_ps())
            data = self._transport.read(65536, left_ps / PS_PER_S)
            if not data:
                raise InstrumentTimeout(
                    self._name,
                    f"no answer to {what} within {self._timeout_s:g} s",
                    "check that the driver's control port answers",
                )
            self._hear(data)
        complaints, self._complaints = self._complaints, []
        if complaints:
            raise InstrumentError(
                self._name,
                f"reported {'; '.join(complaints)} after {what}",
                "compare the settings with the limits in its manual",
            )

    def _hear_what_came(self) -> None:
        while data := self._transport.read(65536, 0.0):
            self._hear(data)
        for complaint in self._complaints:
            _LOG.warning("%s: reported %s", self._name, complaint)
        self._complaints.clear()

    def _hear(self, data: bytes) -> None:
        self._buffer += data
        *messages, rest = self._buffer.split(_ETB)
        self._buffer = bytearray(rest)
        for message in messages:
            self._understand(bytes(message))
        if len(self._buffer) > _LIMIT_BYTES:
            self._buffer.clear()
            raise self._strange(f"more than {_LIMIT_BYTES} bytes without end")

    def _understand(self, message: bytes) -> None:
        try:
            content = json.loads(message)
            label, value = content["label"], content["value"]
        except (ValueError, TypeError, KeyError):
            raise self._strange(message[:60].decode("latin-1")) from None
        if not isinstance(label, str):
            raise self._strange(message[:60].decode("latin-1"))
        if "Error" in label:
            self._complaints.append(str(value)[:200])
        if isinstance(value, dict) and "value" in value:
            value = value["value"]
        self.values[label] = value
        self._n_told[label] = self._n_told.get(label, 0) + 1

    def _send(self, message: dict[str, Any]) -> None:
        self._transport.write(json.dumps(message).encode())

    def _strange(self, answer: str) -> InstrumentReplyError:
        return InstrumentReplyError(
            self._name,
            f"said {answer!r}",
            "check that the address belongs to this model",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
