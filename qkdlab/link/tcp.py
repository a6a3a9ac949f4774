"""`TcpChannel`: the classical channel between two processes.

A thread of its own reads all the time, so that two ends that both send cannot block
each other, and gives a sign of life when there is nothing to say: a peer that is
stopped or cut off is known after `patience_s`, however long the parties are busy.
Times are seconds of host time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import deque

from qkdlab.clock import Clock
from qkdlab.errors import AbortCode, PeerLost, QkdlabError, SecurityAbort
from qkdlab.link.frames import (
    MAX_FRAME_BYTES,
    SIGN_OF_LIFE,
    DamagedFrame,
    Farewell,
    FrameReader,
    farewell_frame,
    message_head,
)

__all__ = ["DEFAULT_PATIENCE_S", "TcpChannel"]

DEFAULT_PATIENCE_S = 30.0

_LINGER_S = 2.0
"""So long a closed end still listens: unread bytes would cut off its last words."""
_SLICE_S = 0.02
"""How often a wait looks whether the run has been stopped."""
_INBOX_BYTES = 1 << 26
"""What may wait unread before the peer is made to wait."""
_OBJECT_BYTES = 64
"""What a message takes in memory besides its bytes, about: small ones add up."""
_CHUNK_BYTES = 1 << 18
_JOINED_BYTES = 1 << 16
"""A message up to this goes to the system with its head, in one call."""
_SLOWEST_BYTES_PER_S = 100_000
"""A message that comes slower than this has stalled."""
_FAREWELLS = {
    Farewell.DONE: "the other party ended the conversation",
    Farewell.STOPPED: "the other party was stopped",
    Farewell.FAILED: "the other party failed",
}


class TcpChannel:
    """One end of a `Channel` over a connected socket, which it takes over.

    clock:      whose tasks wait here; a run that ends early unwinds them
    patience_s: without a sign of life for so long, or with no bytes taken, the peer is
                lost
    longest_bytes: of a message that is taken, until `admit`
    """

    def __init__(
        self,
        connected: socket.socket,
        clock: Clock,
        *,
        patience_s: float = DEFAULT_PATIENCE_S,
        longest_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._socket = connected
        self._clock = clock
        self._patience_s = patience_s
        self._inbox: deque[bytes] = deque()
        self._inbox_bytes = 0
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._end: QkdlabError | None = None
        self._closed = False
        self._is_torn = False
        self._last_sent_s = time.monotonic()
        self._frames = FrameReader(longest_bytes)
        _prepare(connected)
        self._reader = threading.Thread(
            target=self._read_all, name="qkdlab-channel", daemon=True
        )
        self._reader.start()

    def send(self, data: bytes) -> None:
        """Hand over one message; see `Channel.send`.

        Raises PeerLost when the peer is gone or has stopped reading for too long,
        ValueError when the message is too long.
        """
        head = message_head(len(data))
        if self._closed or self._is_torn:
            raise PeerLost("the classical channel is closed")
        with self._sending:
            self._is_torn = True
            if len(data) <= _JOINED_BYTES:
                self._send_all(memoryview(head + data))
            else:
                self._send_all(memoryview(head))
                self._send_all(memoryview(data))
            self._is_torn = False

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        """Return the next message; see `Channel.receive`.

        Raises PeerLost when the peer is gone or silent for too long, and
        SecurityAbort(AUTHENTICATION_FAILED) when what comes is no frame.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._changed:
                if not self._inbox and self._end is None:
                    left_s = _SLICE_S
                    if end_s is not None:
                        left_s = min(left_s, max(0.0, end_s - time.monotonic()))
                    self._changed.wait(left_s)
                if self._inbox:
                    data = self._inbox.popleft()
                    self._inbox_bytes -= len(data) + _OBJECT_BYTES
                    self._changed.notify_all()
                    return data
                if self._end is not None:
                    raise self._end
            if end_s is not None and time.monotonic() >= end_s:
                return None
            self._let_stop()

    def admit(self) -> None:
        """Take messages of any length from now on: the other end is the peer."""
        self._frames.longest_bytes = MAX_FRAME_BYTES

    def drop(self) -> None:
        """Close this end at once, without a word: for those to whom none is owed."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(_LINGER_S)
        self._socket.close()

    def close(self, farewell: Farewell = Farewell.DONE) -> None:
        """Say why, then close this end; closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        if self._sending.acquire(timeout=_LINGER_S):
            self._send_apart(farewell_frame(farewell))
            self._sending.release()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._reader.join(_LINGER_S)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(_LINGER_S)
        self._socket.close()

    def __repr__(self) -> str:
        return "TcpChannel(closed)" if self._closed else "TcpChannel(open)"

    def _let_stop(self) -> None:
        """Unwind the calling task when its run has been stopped."""
        self._clock.sleep_until(self._clock.now_ps())

    def _send_all(self, rest: memoryview) -> None:
        deadline_s = time.monotonic() + self._patience_s
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        while rest:
            if isinstance(self._end, PeerLost):
                raise self._end
            try:
                sent = self._socket.send(rest, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise PeerLost(
                        f"the other party took no bytes for {self._patience_s:g} s"
                    ) from None
                self._let_stop()
                poll.poll(1000 * _SLICE_S)
                continue
            except OSError as error:
                # The reader may know better why, or bring the peer's last words.
                self._reader.join(_LINGER_S)
                raise self._end or PeerLost(_cut(error)) from None
            rest = rest[sent:]
            deadline_s = time.monotonic() + self._patience_s
        self._last_sent_s = time.monotonic()

    def _read_all(self) -> None:
        """Take what comes until there is nothing more to come; the reader's thread."""
        try:
            self._read_frames()
        except DamagedFrame:
            self._finish(
                SecurityAbort(
                    AbortCode.AUTHENTICATION_FAILED,
                    "a message of the other party is not authentic",
                )
            )
            self._discard()
        except PeerLost as lost:
            self._finish(lost)
        except OSError as error:
            self._finish(PeerLost(_cut(error)))

    def _read_frames(self) -> None:
        frames = self._frames
        heard_s = begun_s = time.monotonic()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while frames.farewell is None:
            if self._has_waited_for_room():
                heard_s = begun_s = time.monotonic()
            is_ready = bool(poll.poll(min(1000.0, 200.0 * self._patience_s)))
            now_s = time.monotonic()
            self._give_sign_of_life(now_s)
            if is_ready:
                data = self._socket.recv(_CHUNK_BYTES)
                if not data:
                    raise PeerLost("the other party closed the classical channel")
                heard_s = now_s
                if not frames.awaited_bytes:
                    begun_s = now_s
                for message in frames.feed(data):
                    begun_s = now_s
                    self._put(message)
            elif now_s - heard_s > self._patience_s:
                raise PeerLost(
                    f"the other party gave no sign of life for {self._patience_s:g} s"
                )
            allowed_s = self._patience_s + frames.awaited_bytes / _SLOWEST_BYTES_PER_S
            if frames.awaited_bytes and now_s - begun_s > allowed_s:
                raise PeerLost("a message of the other party does not end")
        self._finish(PeerLost(_FAREWELLS[frames.farewell]))
        # There is nobody to talk to any more: the peer need not wait for more.
        self._socket.shutdown(socket.SHUT_WR)
        self._discard()

    def _discard(self) -> None:
        """Read on to the end: bytes that nobody reads would cut off our last words."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        with contextlib.suppress(OSError):
            while not poll.poll(200) or self._socket.recv(_CHUNK_BYTES):
                pass

    def _put(self, message: bytes) -> None:
        with self._changed:
            if not self._closed:
                self._inbox.append(message)
                self._inbox_bytes += len(message) + _OBJECT_BYTES
                self._changed.notify_all()

    def _finish(self, end: QkdlabError) -> None:
        with self._changed:
            if self._end is None:
                self._end = end
            self._changed.notify_all()

    def _has_waited_for_room(self) -> bool:
        """Wait until the inbox can take more; tell whether that took its time."""
        waited = False
        with self._changed:
            while self._inbox_bytes > _INBOX_BYTES and not self._closed:
                self._changed.wait(_SLICE_S)
                self._give_sign_of_life(time.monotonic())
                waited = True
        return waited

    def _give_sign_of_life(self, now_s: float) -> None:
        """Send one byte where nothing was sent for a while; never wait for it."""
        if now_s - self._last_sent_s < self._patience_s / 6:
            return
        if not self._closed and self._sending.acquire(blocking=False):
            self._send_apart(SIGN_OF_LIFE)
            self._last_sent_s = now_s
            self._sending.release()

    def _send_apart(self, frame: bytes) -> None:
        """Send a short frame if that goes at once, and never inside a message.

        Whether anybody is there to take it is found out in reading.
        """
        if not self._is_torn:
            with contextlib.suppress(OSError):
                self._socket.send(frame, socket.MSG_DONTWAIT)


def _prepare(connected: socket.socket) -> None:
    """Send small messages at once, and let the system notice a dead line, too."""
    connected.setblocking(True)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if connected.family in (socket.AF_INET, socket.AF_INET6):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"the line to the other party is cut: {reason}"
