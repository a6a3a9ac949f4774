"""`Line`: what every real line has in common, open until it is closed or lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NoReturn

from qkdlab.errors import InstrumentDisconnected

__all__ = ["Line"]


class Line(ABC):
    """One line of this machine to an instrument.

    name: of the instrument, for messages
    hint: what to look at when the line is lost
    """

    hint: ClassVar[str] = "check power, cable and address"

    def __init__(self, name: str) -> None:
        self.name = name
        self._closed = False

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._shut()

    @abstractmethod
    def _shut(self) -> None:
        """Let go of the port or socket."""

    def _require_open(self) -> None:
        if self._closed:
            raise InstrumentDisconnected(
                self.name, "the line is closed", "open the station again"
            )

    def _no_connection(self, to: str, reason: str) -> InstrumentDisconnected:
        return InstrumentDisconnected(self.name, f"no {to} ({reason})", self.hint)

    def _lost(self, reason: str) -> NoReturn:
        self.close()
        raise InstrumentDisconnected(
            self.name, f"the line broke ({reason})", self.hint
        ) from None
