"""Small machines behind real sockets, with world time in the test's hand."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from qkdlab_sims.instruments.machine import ByteOutbox
from qkdlab_sims.mount.line import LineDropped
from qkdlab_sims.mount.reactor import Reactor

MS = 1_000_000_000


class Echo:
    """Says what it hears, `delay_ps` later; notes when it heard it."""

    def __init__(self, delay_ps=0, dies_at_ps=None):
        self.delay_ps = delay_ps
        self.dies_at_ps = dies_at_ps
        self.heard = []
        self.hung_up = 0
        self.outbox = ByteOutbox()

    def feed(self, data, now_ps):
        self._check(now_ps)
        self.heard.append((now_ps, data))
        self.outbox.put(data, now_ps + self.delay_ps)

    def take(self, now_ps):
        self._check(now_ps)
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()

    def hang_up(self, now_ps):
        self.hung_up += 1
        self.outbox.clear()

    def _check(self, now_ps):
        if self.dies_at_ps is not None and now_ps >= self.dies_at_ps:
            raise LineDropped


class Loop:
    """A server's loop by hand: `turn` after `turn`, each some world time later."""

    def __init__(self):
        self.reactor = Reactor()
        self.now_ps = 0
        self.mounts = []
        self.stack = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for mount in self.mounts:
            mount.close()
        self.stack.close()

    def add(self, mount):
        self.mounts.append(mount)
        return mount

    def turn(self, step_ps=MS, n=1):
        """Let clients and machines speak, `n` times."""
        for _ in range(n):
            self.now_ps += step_ps
            # What a client has sent through the system's loopback is there at once,
            # but a connection takes one look to be accepted and one to be read.
            for _ in range(3):
                self.reactor.wait(0)
            for mount in self.mounts:
                mount.serve(self.now_ps)

    def client(self, front):
        """Return a connection to a front."""
        line = socket.create_connection((front.host, front.port), 5.0)
        line.setblocking(False)
        self.stack.callback(line.close)
        self.turn(0)
        return line

    def hear(self, line, n_bytes, turns=200, step_ps=MS):
        """Return the next `n_bytes` of a client, turning until it has them."""
        heard = b""
        for _ in range(turns):
            self.turn(step_ps)
            try:
                heard += line.recv(n_bytes - len(heard))
            except BlockingIOError:
                continue
            if len(heard) >= n_bytes:
                return heard
        raise AssertionError(f"{n_bytes} bytes expected, {heard!r} heard")
