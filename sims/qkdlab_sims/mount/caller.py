"""One client of a byte machine, whatever the way on which it comes."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["INBOX_LIMIT_BYTES", "OUTBOX_LIMIT_BYTES", "Caller"]

INBOX_LIMIT_BYTES = 256 << 10
"""No more is read from a client whose bytes wait; its own system holds it back."""
OUTBOX_LIMIT_BYTES = 16 << 20
"""A client that lets so much wait is cut off."""


class Caller(ABC):
    """A client as the exchange in front of its machine sees it.

    baud:    of a serial line as the client has set it; None elsewhere
    left_ps: world time at which it was found to have said its last
    """

    def __init__(self) -> None:
        self.baud: int | None = None
        self.inbox = bytearray()
        self.is_leaving = False
        self.is_gone = False
        self.left_ps: int | None = None

    def hear(self, data: bytes) -> None:
        """Take what the client says."""
        self.inbox += data

    def take(self, n_max: int) -> bytes:
        """Return the next bytes of the inbox."""
        data = bytes(self.inbox[:n_max])
        del self.inbox[:n_max]
        return data

    @abstractmethod
    def say(self, data: bytes) -> None:
        """Send `data` to the client, as soon as it takes it."""

    @abstractmethod
    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet."""

    @abstractmethod
    def update(self, *, hungry: bool) -> None:
        """Read from the client only while the machine is `hungry`."""

    @abstractmethod
    def close(self) -> None:
        """Let the client go; closing twice is allowed."""
