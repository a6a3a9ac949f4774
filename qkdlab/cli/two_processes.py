"""Two real processes that talk over loopback TCP, for figures of both parties."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from qkdlab.link.channel import Channel

__all__ = ["DelayedChannel", "Play", "run_two"]

_LOOPBACK = "127.0.0.1"
_PATIENCE_S = 120.0

Play = Callable[[str, "Channel", Any], dict[str, Any]]
"""Plays "alice" or "bob" over a channel; returns plain figures."""


class DelayedChannel:
    """A channel whose messages arrive a fixed time after they were sent.

    delay_s: in each direction, when both ends are wrapped
    """

    def __init__(self, channel: Channel, delay_s: float) -> None:
        self._channel = channel
        self._delay_s = delay_s
        self._queue: deque[tuple[float, bytes]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def send(self, data: bytes) -> None:
        """Hand over one message; see `Channel.send`."""
        with self._changed:
            self._queue.append((time.monotonic() + self._delay_s, data))
            self._changed.notify()

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        """Return the next message; see `Channel.receive`."""
        return self._channel.receive(timeout_s)

    def close(self) -> None:
        """Close this end when all has left."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._channel.close()

    def _pass_on(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    return
                due_s, data = self._queue.popleft()
            time.sleep(max(0.0, due_s - time.monotonic()))
            self._channel.send(data)


def run_two(
    play: Play, job: Any, *, delay_s: float = 0.0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run `play` as Alice and as Bob in two new processes; return their figures.

    play: a function at the top of a module
    job:  what both are given; it can be pickled

    Raises RuntimeError when one of them fails.
    """
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with socket.create_server((_LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    pipes, processes = [], []
    for role in ("alice", "bob"):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_one, args=(role, port, delay_s, play, job, theirs), daemon=True
        )
        process.start()
        theirs.close()
        pipes.append(mine)
        processes.append(process)
    try:
        alice, bob = (pipe.recv() for pipe in pipes)
    except EOFError:
        raise RuntimeError("a party of the benchmark failed") from None
    finally:
        for process in processes:
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.terminate()
    return alice, bob


def _one(
    role: str, port: int, delay_s: float, play: Play, job: Any, results: Connection
) -> None:
    """Play one party in this process."""
    from qkdlab.clock.real import RealClock
    from qkdlab.link.tcp import TcpChannel

    connected = _connected(role, port)
    tcp = TcpChannel(connected, RealClock(), patience_s=_PATIENCE_S)
    channel: Channel = DelayedChannel(tcp, delay_s) if delay_s else tcp
    try:
        results.send(play(role, channel, job))
    finally:
        channel.close()


def _connected(role: str, port: int) -> socket.socket:
    """Return a socket to the other party: Alice waits for Bob."""
    if role == "alice":
        with socket.create_server((_LOOPBACK, port)) as server:
            server.settimeout(_PATIENCE_S)
            return server.accept()[0]
    end_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return socket.create_connection((_LOOPBACK, port))
        except ConnectionRefusedError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)
