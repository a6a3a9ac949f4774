"""A man in the middle of the channel between two processes, who knows its frames.

It shares no code with the channel: it reads heads by the description of the format.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable

FORTH, BACK = "forth", "back"
"""From who connects to who listens, and back."""

Tamper = Callable[[str, int, bytes], Iterable[bytes]]
"""Called with (way, number of the message on that way, message); gives what goes on."""


def untouched(way: str, number: int, message: bytes) -> Iterable[bytes]:
    return [message]


class Proxy:
    """Passes one connection to `port`; messages go through `tamper`.

    stalled: while set, nothing goes on either way, signs of life included
    seen:    every message that came, as (way, message)
    """

    def __init__(self, port: int, tamper: Tamper = untouched) -> None:
        self.tamper = tamper
        self.stalled = threading.Event()
        self.seen: list[tuple[str, bytes]] = []
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join(5.0)

    def cut(self) -> None:
        """Cut the line."""
        for one in [self._server, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            caller, _ = self._server.accept()
            listener = connected(self._target)
            self._sockets += [caller, listener]
            for way, source, sink in (
                (FORTH, caller, listener),
                (BACK, listener, caller),
            ):
                thread = threading.Thread(
                    target=self._pass, args=(way, source, sink), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pass(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        number = 0
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind = _exactly(source, 1)
                if kind == b"\0":
                    self._forward(sink, kind)
                    continue
                head = kind + _exactly(source, 8)
                if kind != b"\1":
                    self._forward(sink, head)
                    continue
                message = _exactly(source, struct.unpack_from("<I", head, 1)[0])
                self.seen.append((way, message))
                for one in self.tamper(way, number, message):
                    self._forward(sink, _framed(one))
                number += 1
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _forward(self, sink: socket.socket, data: bytes) -> None:
        if not self.stalled.is_set():
            sink.sendall(data)


def connected(port: int) -> socket.socket:
    """Connect, again and again until somebody listens."""
    end_s = time.monotonic() + 30.0
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)


def _framed(message: bytes) -> bytes:
    head = struct.pack("<BI", 1, len(message))
    return head + struct.pack("<I", zlib.crc32(head)) + message


def _exactly(source: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        more = source.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def flip(way: str, number: int, at: int, mask: int = 0x10) -> Tamper:
    """Change one byte of one message; `at` counts from the end when negative."""

    def tamper(seen_way: str, seen: int, message: bytes) -> Iterable[bytes]:
        if (seen_way, seen) == (way, number):
            changed = bytearray(message)
            changed[at] ^= mask
            return [bytes(changed)]
        return [message]

    return tamper


def cut_short(way: str, number: int) -> Tamper:
    """Take the last byte off one message."""
    return _replace(way, number, lambda message: [message[:-1]])


def repeat(way: str, number: int) -> Tamper:
    """Send one message twice."""
    return _replace(way, number, lambda message: [message, message])


def drop(way: str, number: int) -> Tamper:
    """Lose one message."""
    return _replace(way, number, lambda message: [])


def swap(way: str, number: int) -> Tamper:
    """Send one message after the one that follows it."""
    held: list[bytes] = []

    def tamper(seen_way: str, seen: int, message: bytes) -> Iterable[bytes]:
        if (seen_way, seen) == (way, number):
            held.append(message)
            return []
        if (seen_way, seen) == (way, number + 1):
            return [message, *held]
        return [message]

    return tamper


def _replace(
    way: str, number: int, change: Callable[[bytes], Iterable[bytes]]
) -> Tamper:
    def tamper(seen_way: str, seen: int, message: bytes) -> Iterable[bytes]:
        return change(message) if (seen_way, seen) == (way, number) else [message]

    return tamper
