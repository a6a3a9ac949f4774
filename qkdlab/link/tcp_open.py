"""How two processes find each other: one listens, the other connects.

Without a host both stay on this machine: whoever wants a socket on a network names the
interface.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self

from qkdlab.clock import Clock, seconds
from qkdlab.errors import PeerLost, ResourceError, UsageError
from qkdlab.link.tcp import DEFAULT_PATIENCE_S, TcpChannel

__all__ = ["DEFAULT_WAIT_S", "Listener", "PeerAddress", "connect"]

DEFAULT_WAIT_S = 600.0
_LOOPBACK = "127.0.0.1"
_RETRY_S = 0.25
_ATTEMPT_S = 5.0
_BACKLOG = 16
"""Connections that the system keeps until they are taken."""


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a party listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``.

        Raises UsageError.
        """
        host, _, port = text.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise UsageError(f"{text!r} is no HOST:PORT (127.0.0.1:7001)")
        return cls(host.removeprefix("[").removesuffix("]") or _LOOPBACK, int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Listener:
    """A port where others can connect.

    Raises ResourceError when the address cannot be had.
    """

    def __init__(self, address: PeerAddress) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            self._server = socket.create_server(
                (address.host, address.port), family=family, backlog=_BACKLOG
            )
        except OSError as error:
            raise ResourceError(
                f"{address}: cannot listen there: {_reason(error)}"
            ) from None
        self._server.setblocking(False)
        self.address = PeerAddress(address.host, self._server.getsockname()[1])
        """With the port that the system chose for port 0."""

    def accept(self) -> socket.socket | None:
        """Return the next connection, or None when nobody has come."""
        try:
            return self._server.accept()[0]
        except OSError:  # nobody, or somebody who is gone already, or no room now
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def connect(
    address: PeerAddress,
    clock: Clock,
    *,
    wait_s: float = DEFAULT_WAIT_S,
    patience_s: float = DEFAULT_PATIENCE_S,
) -> TcpChannel:
    """Connect to the other party, again and again until it listens.

    Raises PeerLost when it did not within `wait_s`, ResourceError for a host that does
    not exist.
    """
    end_ps = clock.now_ps() + seconds(wait_s)
    while True:
        left_s = (end_ps - clock.now_ps()) * 1e-12
        try:
            connected = socket.create_connection(
                (address.host, address.port), max(0.01, min(_ATTEMPT_S, left_s))
            )
            # Where nobody listens, a port for outgoing calls can meet itself.
            is_own = connected.getsockname() == connected.getpeername()
        except socket.gaierror as error:
            raise ResourceError(f"{address}: {_reason(error)}") from None
        except OSError as error:
            if clock.now_ps() + seconds(_RETRY_S) >= end_ps:
                raise PeerLost(
                    f"nobody listened at {address} within {wait_s:g} s: "
                    f"{_reason(error)}"
                ) from None
        else:
            if not is_own:
                return TcpChannel(connected, clock, patience_s=patience_s)
            connected.close()
        clock.sleep_until(clock.now_ps() + seconds(_RETRY_S))


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
