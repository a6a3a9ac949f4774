"""All ways to one simulated device, and their addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol, cast

from qkdlab_sims.bench.lines import Line
from qkdlab_sims.instruments.machine import ByteMachine, MessageMachine
from qkdlab_sims.mount.exchange import Exchange
from qkdlab_sims.mount.pty import PtyCaller
from qkdlab_sims.mount.reactor import Reactor
from qkdlab_sims.mount.rfc2217 import Rfc2217Caller
from qkdlab_sims.mount.sessions import SessionExchange, has_sessions
from qkdlab_sims.mount.shared import SharedExchange
from qkdlab_sims.mount.tcp import TcpCaller, TcpFront
from qkdlab_sims.mount.zeromq import ZeroMqMount

__all__ = ["Mount", "Mounter"]


class Mount(Protocol):
    """What the server's loop asks of an endpoint."""

    def serve(self, now_ps: int) -> None:
        """Let machine and clients speak and hear until `now_ps`."""
        ...

    def has_more(self) -> bool:
        """Return whether work waits only because others have to have their turn."""
        ...

    def next_event_ps(self) -> int | None:
        """Return when something will be to be done, or None."""
        ...

    def close(self) -> None:
        """Let all clients go; closing twice is allowed."""
        ...


class Mounter:
    """Puts machines where clients can reach them.

    bind: address of this machine on which sockets listen

    Raises OSError when a port cannot be had.
    """

    def __init__(self, reactor: Reactor, bind: str, stack: ExitStack) -> None:
        import zmq

        self._reactor = reactor
        self._bind = bind
        self._stack = stack
        self._context: Any = zmq.Context()
        stack.callback(self._context.term)

    def mount(
        self,
        machine: ByteMachine | MessageMachine,
        bare: ByteMachine | MessageMachine,
        line: Line,
        port: int,
        *,
        may_have_sessions: bool,
    ) -> tuple[Mount, Mapping[str, str]]:
        """Mount one endpoint; return the mount and its addresses by kind.

        machine: behind faults and the world's attention
        bare:    the machine itself
        port:    0 for any that is free
        may_have_sessions: whether `machine` adds nothing that clients would share
        """
        if line.in_messages:
            return self._messages(cast(MessageMachine, machine), line, port)
        byte_machine = cast(ByteMachine, machine)
        exchange: Exchange
        if line.baud is None and may_have_sessions and has_sessions(bare):
            exchange = SessionExchange(byte_machine, bare)
        else:
            exchange = SharedExchange(
                byte_machine,
                baud=line.baud,
                is_stream=line.is_stream,
                ears=bare if line.baud is None else None,
            )
        self._stack.callback(exchange.close)
        front = self._front(exchange, TcpCaller, port)
        addresses = {"tcp": _at(front)}
        if line.baud is None:
            addresses["visa"] = f"TCPIP::{front.host}::{front.port}::SOCKET"
        else:
            addresses |= self._serial(exchange, line.baud)
        return exchange, addresses

    def _serial(self, exchange: Exchange, baud: int) -> dict[str, str]:
        telnet = self._front(exchange, lambda c, r: Rfc2217Caller(c, r, baud), 0)
        terminal = PtyCaller(self._reactor, exchange, baud)
        return {"pty": terminal.path, "rfc2217": f"rfc2217://{_at(telnet)}"}

    def _front(
        self, exchange: Exchange, make: Callable[[Any, Reactor], TcpCaller], port: int
    ) -> TcpFront:
        return TcpFront(self._reactor, exchange, self._bind, port, make)

    def _messages(
        self, machine: MessageMachine, line: Line, port: int
    ) -> tuple[Mount, Mapping[str, str]]:
        mount = ZeroMqMount(
            self._reactor,
            self._context,
            machine,
            "pair" if line.is_stream else "rep",
            self._bind,
            port,
        )
        self._stack.callback(mount.close)
        asked = "pair" if line.is_stream else "req"
        return mount, {"zmq": mount.address, "pattern": asked}


def _at(front: TcpFront) -> str:
    return f"{front.host}:{front.port}"
