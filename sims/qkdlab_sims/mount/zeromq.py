"""ZeroMQ sockets in front of message machines: REP for questions, PAIR for streams."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from qkdlab_sims.instruments.machine import MessageMachine
from qkdlab_sims.mount.line import LineDropped
from qkdlab_sims.mount.reactor import Reactor

__all__ = ["ZeroMqMount"]

_MESSAGE_LIMIT_BYTES = 1 << 20
_BACKLOG_BYTES = 256 << 20
"""What a stream keeps for a client that does not read; beyond it is lost."""


class ZeroMqMount:
    """One bound socket.

    context: a `zmq.Context`
    pattern: ``rep`` or ``pair``
    port:    0 for any that is free

    A REP socket takes the next question when the last one has been answered: a machine
    that hangs takes none. Raises OSError when the port cannot be had.
    """

    def __init__(
        self,
        reactor: Reactor,
        context: Any,
        machine: MessageMachine,
        pattern: Literal["rep", "pair"],
        bind: str,
        port: int = 0,
    ) -> None:
        import zmq

        self._again = zmq.Again
        self._no_wait = int(zmq.NOBLOCK)
        self._reactor = reactor
        self._machine = machine
        self._is_stream = pattern == "pair"
        self._socket: Any = context.socket(zmq.PAIR if self._is_stream else zmq.REP)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_LIMIT_BYTES)
        # With a domain, and nobody who asks after it, peers of before ZMTP 3 are turned
        # away: to those any noise is a message, and one that never ends blocks a REP.
        self._socket.setsockopt(zmq.ZAP_DOMAIN, b"qkdlab")
        try:
            self._socket.bind(f"tcp://{bind}:{port or '*'}")
        except zmq.ZMQError as error:
            self._socket.close()
            raise OSError(error.errno, f"{bind}:{port}: {error}") from None
        self.address = self._socket.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0")
        self._heard: deque[bytes] = deque()
        self._unsent: deque[bytes] = deque()
        self._n_unsent = 0
        self._is_open = True
        self._owes_answer = False
        reactor.watch(self._socket, self._on_ready)

    def serve(self, now_ps: int) -> None:
        """Let the machine hear and speak until `now_ps`."""
        if not self._is_open:
            return
        try:
            while self._heard:
                self._machine.feed(self._heard.popleft(), now_ps)
            for message in self._machine.take(now_ps):
                if self._n_unsent + len(message) <= _BACKLOG_BYTES:
                    self._unsent.append(message)
                    self._n_unsent += len(message)
        except LineDropped:
            self.close()
            return
        self._send()

    def has_more(self) -> bool:
        """Return whether a message waits only for its turn."""
        return False

    def next_event_ps(self) -> int | None:
        """Return when the machine will have something to say, or None."""
        return self._machine.next_wake_ps() if self._is_open else None

    def close(self) -> None:
        """Close the socket; closing twice is allowed."""
        if self._is_open:
            self._is_open = False
            self._reactor.forget(self._socket)
            self._socket.close()

    def _on_ready(self) -> None:
        """Take one message; a REP socket gives no further one before its answer."""
        try:
            parts = self._socket.recv_multipart(flags=self._no_wait)
        except self._again:
            return
        self._heard.append(b"".join(parts))
        self._owes_answer = not self._is_stream

    def _send(self) -> None:
        while self._unsent and (self._is_stream or self._owes_answer):
            try:
                self._socket.send(self._unsent[0], flags=self._no_wait)
            except self._again:
                # Nobody is at the other end of a stream, or does not read.
                return
            self._n_unsent -= len(self._unsent.popleft())
            self._owes_answer = False
