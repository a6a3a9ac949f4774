"""The classical channel: whole messages of bytes between two parties, untrusted.

Everything that matters is authenticated above it (`qkdlab.link.seal`).
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from qkdlab.clock import Clock, seconds
from qkdlab.errors import PeerLost

__all__ = ["Channel", "MemoryChannel"]


class Channel(Protocol):
    """One end of a channel that keeps messages whole and in order."""

    def send(self, data: bytes) -> None:
        """Hand over one message; raises PeerLost when the other end is closed."""
        ...

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        """Return the next message, or None when `timeout_s` passed without one.

        Without a timeout it waits as long as it takes. Raises PeerLost when the other
        end is closed and nothing is left to read.
        """
        ...

    def close(self) -> None:
        """Close this end."""
        ...


class MemoryChannel:
    """Both ends in one process; waiting goes through the clock."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        inbox: deque[bytes],
        outbox: deque[bytes],
        closed: dict[str, bool],
    ) -> None:
        self._name = name
        self._clock = clock
        self._inbox = inbox
        self._outbox = outbox
        self._closed = closed

    @classmethod
    def pair(
        cls, clock: Clock, names: tuple[str, str] = ("alice", "bob")
    ) -> tuple[MemoryChannel, MemoryChannel]:
        """Return the two ends, named for the parties that hold them."""
        forth: deque[bytes] = deque()
        back: deque[bytes] = deque()
        closed = dict.fromkeys(names, False)
        return (
            cls(names[0], clock, back, forth, closed),
            cls(names[1], clock, forth, back, closed),
        )

    def send(self, data: bytes) -> None:
        """Hand over one message; see :meth:`Channel.send`."""
        if any(self._closed.values()):
            raise PeerLost("the classical channel is closed")
        self._outbox.append(bytes(data))

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        """Return the next message; see :meth:`Channel.receive`."""
        deadline = None
        if timeout_s is not None:
            deadline = self._clock.now_ps() + seconds(timeout_s)
        self._clock.wait(
            lambda: bool(self._inbox) or any(self._closed.values()),
            deadline_ps=deadline,
            what=f"a message to {self._name}",
        )
        if self._inbox:
            return self._inbox.popleft()
        if any(self._closed.values()):
            raise PeerLost("the other party closed the classical channel")
        return None

    def close(self) -> None:
        """Close this end."""
        self._closed[self._name] = True

    def __repr__(self) -> str:
        return f"MemoryChannel({self._name!r})"
