"""What every simulated instrument is: state machines on its connectors.

A machine never blocks and never looks at a clock: time comes in with each call. It
keeps what it wants to say, with the time from which it may be heard.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

__all__ = ["ByteMachine", "ByteOutbox", "MessageMachine", "MessageOutbox"]


class ByteMachine(Protocol):
    """One end of a stream of bytes."""

    def feed(self, data: bytes, now_ps: int) -> None:
        """Take bytes as they come off the line, split or coalesced in any way."""
        ...

    def take(self, now_ps: int) -> bytes:
        """Give all bytes that may be heard by `now_ps`."""
        ...

    def next_wake_ps(self) -> int | None:
        """Return when `take` may have something new, or None."""
        ...


class MessageMachine(Protocol):
    """One end of a message socket."""

    def feed(self, message: bytes, now_ps: int) -> None:
        """Take one whole message."""
        ...

    def take(self, now_ps: int) -> list[bytes]:
        """Give all messages that may be heard by `now_ps`."""
        ...

    def next_wake_ps(self) -> int | None:
        """Return when `take` may have something new, or None."""
        ...


class ByteOutbox:
    """Bytes waiting for their time; earlier bytes hold back later ones.

    n_most: pieces that wait at most, the oldest go first; None: all
    """

    def __init__(self, n_most: int | None = None) -> None:
        self._queue: deque[tuple[int, bytes]] = deque(maxlen=n_most)

    def put(self, data: bytes, due_ps: int) -> None:
        """Queue `data` to be heard from `due_ps`, or after what is queued already."""
        if self._queue:
            due_ps = max(due_ps, self._queue[-1][0])
        self._queue.append((due_ps, data))

    def take(self, now_ps: int) -> bytes:
        """Remove and return what is due."""
        out = bytearray()
        while self._queue and self._queue[0][0] <= now_ps:
            out += self._queue.popleft()[1]
        return bytes(out)

    def next_wake_ps(self) -> int | None:
        """Return when the next bytes are due."""
        return self._queue[0][0] if self._queue else None

    def clear(self) -> None:
        """Forget everything queued."""
        self._queue.clear()


class MessageOutbox:
    """Messages waiting for their time."""

    def __init__(self) -> None:
        self._queue: deque[tuple[int, bytes]] = deque()

    def put(self, message: bytes, due_ps: int) -> None:
        """Queue `message` to be heard from `due_ps`, or after what is queued."""
        if self._queue:
            due_ps = max(due_ps, self._queue[-1][0])
        self._queue.append((due_ps, message))

    def take(self, now_ps: int) -> list[bytes]:
        """Remove and return what is due."""
        out: list[bytes] = []
        while self._queue and self._queue[0][0] <= now_ps:
            out.append(self._queue.popleft()[1])
        return out

    def next_wake_ps(self) -> int | None:
        """Return when the next message is due."""
        return self._queue[0][0] if self._queue else None
