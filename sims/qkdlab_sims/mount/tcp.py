"""TCP: a listening socket and its clients, in front of one exchange."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from qkdlab_sims.mount.caller import INBOX_LIMIT_BYTES, OUTBOX_LIMIT_BYTES, Caller
from qkdlab_sims.mount.exchange import Exchange
from qkdlab_sims.mount.reactor import Reactor

__all__ = ["TcpCaller", "TcpFront"]

_CLIENTS_AT_MOST = 32
_PIECE_BYTES = 64 << 10


class TcpCaller(Caller):
    """A client on a TCP connection."""

    def __init__(self, connection: socket.socket, reactor: Reactor) -> None:
        super().__init__()
        connection.setblocking(False)
        # Short answers must not wait for the acknowledgement of the last one.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._file = connection.fileno()
        self._reactor = reactor
        self._outbox = bytearray()
        self._hungry = True
        self._watch()

    def say(self, data: bytes) -> None:
        """Send `data`; a client that takes nothing for too long is cut off."""
        self._send(data)

    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet."""
        return len(self._outbox)

    def update(self, *, hungry: bool) -> None:
        """Read from the client only while the machine is `hungry`."""
        self._hungry = hungry and len(self.inbox) < INBOX_LIMIT_BYTES
        if not self.is_gone:
            self._watch()

    def close(self) -> None:
        """Close the connection."""
        if not self.is_gone:
            self.is_gone = True
            self._reactor.forget(self._file)
            self._connection.close()

    def _received(self, data: bytes) -> None:
        self.hear(data)

    def _send(self, data: bytes) -> None:
        self._outbox += data
        self._flush()
        if len(self._outbox) > OUTBOX_LIMIT_BYTES:
            self.close()

    def _on_ready(self) -> None:
        if self._outbox:
            self._flush()
        if not self._hungry or self.is_leaving or self.is_gone:
            return
        try:
            data = self._connection.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if data:
            self._received(data)
        else:
            # It may have closed its half only, and wait for the answer.
            self.is_leaving = True
            self._watch()

    def _flush(self) -> None:
        if self.is_gone:
            return
        try:
            while self._outbox:
                n_sent = self._connection.send(self._outbox[:_PIECE_BYTES])
                del self._outbox[:n_sent]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self._watch()

    def _watch(self) -> None:
        self._reactor.watch(
            self._file,
            self._on_ready,
            reading=self._hungry and not self.is_leaving,
            writing=bool(self._outbox),
        )


class TcpFront:
    """Accepts the clients of one exchange.

    port: 0 for any that is free
    make: turns a connection into a caller

    Raises OSError when the port cannot be had.
    """

    def __init__(
        self,
        reactor: Reactor,
        exchange: Exchange,
        bind: str,
        port: int = 0,
        make: Callable[[socket.socket, Reactor], TcpCaller] = TcpCaller,
    ) -> None:
        self._listener = socket.create_server((bind, port))
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._file = self._listener.fileno()
        self._reactor = reactor
        self._exchange = exchange
        self._make = make
        self._callers: list[TcpCaller] = []
        reactor.watch(self._file, self._accept)
        exchange.on_dropped(self.close)

    def close(self) -> None:
        """Close the listening socket; closing twice is allowed."""
        self._reactor.forget(self._file)
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # The client left again, or there are no more files to be had.
            return
        self._callers = [c for c in self._callers if not c.is_gone]
        if len(self._callers) >= _CLIENTS_AT_MOST:
            connection.close()
            return
        with contextlib.suppress(OSError):
            caller = self._make(connection, self._reactor)
            self._callers.append(caller)
            self._exchange.join(caller)
