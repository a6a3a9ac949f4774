"""Whole messages over ZeroMQ, as a client: REQ for questions, PAIR for streams.

A REQ socket that got no answer can never ask again, so it is thrown away and made
anew; an answer that comes late goes with it and cannot be taken for the next one.
ZeroMQ mends broken lines silently; a driver must not miss that something may be lost,
so a line that breaks is reported here, once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from qkdlab.errors import (
    ConfigError,
    InstrumentDisconnected,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab.transport.line import Line

if TYPE_CHECKING:
    import zmq

__all__ = ["ZeroMqMessageTransport"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_CONNECT_TIMEOUT_MS = 2000


class ZeroMqMessageTransport(Line):
    """A `MessageTransport` to a ZeroMQ socket elsewhere.

    name:         for messages
    address:      ``tcp://host:port``
    pattern:      ``req`` (send, then receive) or ``pair`` (either way at any time)
    allow_remote: let the address leave this machine; an instrument's network has no
                  authentication, so this must be asked for

    Raises ConfigError for an address that it may not or cannot use. Times are seconds
    of host time.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        pattern: Literal["req", "pair"],
        allow_remote: bool = False,
    ) -> None:
        super().__init__(name)
        self._address = _checked(name, address, allow_remote)
        self._pattern = pattern
        self._asked = False
        self._socket, self._monitor = self._open()

    def send(self, message: bytes) -> None:
        """Send one message.

        Raises InstrumentTimeout when nobody is there to take it and
        InstrumentDisconnected when the line is closed.
        """
        import zmq

        self._require_open()
        try:
            self._socket.send(message)
        except zmq.Again:
            self._renew()
            raise InstrumentTimeout(
                self.name,
                "nobody took the message",
                "check that the instrument or its service runs at the address",
            ) from None
        except zmq.ZMQError as error:
            if error.errno != zmq.EFSM:
                raise
            # A question that was never answered is still open.
            self._renew()
            self._socket.send(message)
        self._asked = True

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message, or None when the timeout passes.

        To a REQ socket that asked nothing there is nothing to wait for. Raises
        InstrumentDisconnected when the line breaks with nothing left to read,
        InstrumentReplyError for a message of several parts.
        """
        import zmq

        self._require_open()
        if self._pattern == "req" and not self._asked:
            return None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        ready = dict(poller.poll(math.ceil(max(0.0, timeout_s) * 1000.0)))
        if self._socket in ready or self._socket.poll(0):
            parts = self._socket.recv_multipart()
            self._asked = False
            if len(parts) != 1:
                raise InstrumentReplyError(
                    self.name,
                    f"message of {len(parts)} parts instead of one",
                    "check that the address belongs to this model",
                )
            return parts[0]
        if self._monitor in ready:
            self._renew()
            raise InstrumentDisconnected(self.name, "the line broke", self.hint)
        if self._pattern == "req":
            self._renew()
        return None

    def _open(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        import zmq

        kind = zmq.REQ if self._pattern == "req" else zmq.PAIR
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        socket.linger = 0
        socket.sndtimeo = _CONNECT_TIMEOUT_MS
        # Without a peer a message would wait in a queue as if it had been sent.
        socket.setsockopt(zmq.IMMEDIATE, 1)
        # A tag stream must not be throttled while its reader is busy.
        socket.setsockopt(zmq.RCVHWM, 0)
        monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        socket.connect(self._address)
        return socket, monitor

    def _shut(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def _renew(self) -> None:
        self._shut()
        self._asked = False
        self._socket, self._monitor = self._open()


def _checked(name: str, address: str, allow_remote: bool) -> str:
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "tcp" or not parts.hostname or port is None:
        raise ConfigError(f"{name}: {address!r} is not of the form tcp://host:port")
    if not allow_remote and parts.hostname not in _LOOPBACK:
        raise ConfigError(
            f"{name}: {address!r} leaves this machine; say so in the address if that "
            "is meant"
        )
    return address
