"""One thread's waiting: sockets, files and ZeroMQ sockets in one poll."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Reactor"]


class Reactor:
    """Calls back whoever can read or write.

    A source is a file number or a ZeroMQ socket. Callbacks may watch and forget
    sources, their own included.
    """

    def __init__(self) -> None:
        import zmq

        self._poller = zmq.Poller()
        self._read, self._write = int(zmq.POLLIN), int(zmq.POLLOUT)
        self._callbacks: dict[Any, Callable[[], None]] = {}
        self._events: dict[Any, int] = {}

    def watch(
        self,
        source: Any,
        callback: Callable[[], None],
        *,
        reading: bool = True,
        writing: bool = False,
    ) -> None:
        """Call `callback` when `source` can be read or written."""
        events = self._read * reading | self._write * writing
        self._callbacks[source] = callback
        if events == self._events.get(source, 0):
            return
        self._events[source] = events
        if events:
            self._poller.register(source, events)
        elif source in self._poller:
            self._poller.unregister(source)

    def forget(self, source: Any) -> None:
        """Stop watching; a source that is not watched is no error."""
        self._callbacks.pop(source, None)
        self._events.pop(source, None)
        if source in self._poller:
            self._poller.unregister(source)

    def wait(self, timeout_ms: int) -> None:
        """Wait until something can be done, at most `timeout_ms`, and have it done."""
        for source, _ in self._poller.poll(timeout_ms):
            callback = self._callbacks.get(source)
            if callback is not None:
                callback()
