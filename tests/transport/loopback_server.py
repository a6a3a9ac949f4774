"""A socket server around a function or a simulated machine, for tests."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time


class LoopbackServer:
    """Serves one client at a time on 127.0.0.1.

    `machine` is anything with feed, take and next_wake_ps in picoseconds; host time
    runs `speed` times as fast for it.
    """

    def __init__(self, machine, speed=1.0):
        self.machine = machine
        self.speed = speed
        self.received = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._connection = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join(5.0)
        self._listener.close()

    def hang_up(self):
        """Close the present connection; the thread that serves it lets go of it."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def now_ps(self):
        return int(time.monotonic_ns() * 1000 * self.speed)

    def _serve(self):
        self._listener.settimeout(0.02)
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._connection = connection
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, contextlib.suppress(OSError):
                self._converse(connection)
            self._connection = None

    def _converse(self, connection):
        while not self._stop.is_set():
            wake_ps = self.machine.next_wake_ps()
            wait_s = 0.02
            if wake_ps is not None:
                wait_s = min(0.02, max(0, wake_ps - self.now_ps()) / 1e12 / self.speed)
            if select.select([connection], [], [], wait_s)[0]:
                data = connection.recv(1 << 16)
                if not data:
                    return
                self.received += data
                self.machine.feed(data, self.now_ps())
            if answer := self.machine.take(self.now_ps()):
                connection.sendall(answer)


class Echo:
    """Gives back what it gets, after `delay_ps`."""

    def __init__(self, delay_ps=0):
        self.delay_ps = delay_ps
        self.due_ps = None
        self.data = bytearray()

    def feed(self, data, now_ps):
        self.data += data
        self.due_ps = now_ps + self.delay_ps

    def take(self, now_ps):
        if self.due_ps is None or now_ps < self.due_ps:
            return b""
        data, self.data, self.due_ps = bytes(self.data), bytearray(), None
        return data

    def next_wake_ps(self):
        return self.due_ps
