"""Authentication of the classical channel: a tag per phase and direction.

A phase is what one party says before it needs an answer. Its closing message carries a
tag over protocol version, session, direction, number of the phase, number of the pad,
configuration hash and all bytes of the phase (SECURITY rule 8). Nothing of a phase is
delivered before its tag is verified, except interactive messages, which may be answered
but decide nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from qkdlab.distill.authenticate import TAG_BYTES
from qkdlab.errors import AbortCode, PeerLost, SecurityAbort
from qkdlab.link.channel import Channel
from qkdlab.link.direction import Direction
from qkdlab.link.identity import SIGNATURE_BYTES
from qkdlab.link.messages import PROTOCOL_VERSION, is_batch, is_interactive
from qkdlab.link.phase import MAX_PHASE_BYTES, MAX_PHASE_MESSAGES
from qkdlab.link.tagger import Tagger

__all__ = [
    "Received",
    "SealedChannel",
    "abort_notice",
    "not_authentic",
    "refuse_abort",
    "transcript_from_capture",
]

SEAL_VERSION = 1
LENGTH_BYTES = 8
"""Under the tag each message stands behind its length."""
MESSAGE, CLOSING, ABORT, SIGNED = 0, 1, 2, 3
_TAG_BYTES = {CLOSING: TAG_BYTES, SIGNED: SIGNATURE_BYTES}
"""Length of the tag by the kind of a frame that closes a phase."""
_HEARING_S = 1.0
"""For what has arrived already."""
_SLOWEST_BYTES_PER_S = 100_000
"""A phase that comes slower than this has stalled."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the peer.

    phase_verified: True when the closing tag of its phase has been verified
    """

    data: bytes
    phase_verified: bool

    def __repr__(self) -> str:
        return f"Received({len(self.data)} bytes, {self.phase_verified})"


class SealedChannel:
    """One end of an authenticated channel.

    channel:       the untrusted channel
    direction:     in which this party sends
    session:       id of the session, equal on both sides, never used before
    configuration: hash of the configuration, equal on both sides
    pool:          this party's copy of the pre-shared pads, or its signatures
    interactive:   tells whether a message may be answered before its phase is verified
    batch:         tells whether one may wait for the end of its phase; an unverified
                   message that is neither is refused
    record:        called with (direction, message) for each message sent or delivered

    Forged, cut, reordered, repeated or foreign input raises
    SecurityAbort(AUTHENTICATION_FAILED), always with the same words, and ends the
    channel for good.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        direction: Direction,
        session: bytes,
        configuration: bytes,
        pool: Tagger,
        interactive: Callable[[bytes], bool] = is_interactive,
        batch: Callable[[bytes], bool] = is_batch,
        record: Callable[[Direction, bytes], None] | None = None,
    ) -> None:
        self._channel = channel
        self._out = _Half(direction, session, configuration, pool)
        self._in = _Half(direction.reverse, session, configuration, pool)
        self._interactive = interactive
        self._batch = batch
        self._record = record or (lambda direction, data: None)
        self._held: list[bytes] = []
        self._ready: deque[Received] = deque()
        self._pool = pool
        self._failed = False

    def send(self, data: bytes, end_of_phase: bool) -> None:
        """Send a message; the last of a phase closes it with a tag.

        Raises SecurityAbort(POOL_EMPTY) before anything leaves, PeerLost,
        SecurityAbort(PEER_ABORTED) when the peer said why before it left, and
        SecurityAbort(PROTOCOL_VIOLATION) when the phase is full: what a plan allows
        fits, so the peer made it longer.
        """
        if not self._out.add(data):
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION,
                "one phase would hold more than a tag may cover",
                {"messages": MAX_PHASE_MESSAGES, "bytes": MAX_PHASE_BYTES},
            )
        number = self._out.number()
        self._record(self._out.direction, data)
        if end_of_phase:
            index, tag = self._out.close()
            head = bytes((SEAL_VERSION, self._out.closing)) + number
            self._hand_over(head + index.to_bytes(8, "little") + tag + data)
        else:
            self._hand_over(bytes((SEAL_VERSION, MESSAGE)) + number + data)

    def receive(self, timeout_s: float | None = None) -> Received | None:
        """Return the next deliverable message, or None when nothing came in time.

        Raises SecurityAbort(AUTHENTICATION_FAILED), SecurityAbort(PEER_ABORTED) with
        the peer's code, PeerLost.
        """
        if not self.await_message(timeout_s):
            return None
        received = self._ready.popleft()
        self._record(self._in.direction, received.data)
        return received

    def await_message(self, timeout_s: float | None = None) -> bool:
        """Wait until there is a deliverable message, and leave it for `receive`.

        Returns False when nothing came in time; raises as `receive`. What came of a
        phase that does not end gives no more time, but what its bytes need on a slow
        line: anybody can send that.
        """
        if self._failed:
            raise not_authentic()
        begun_s = None
        while not self._ready:
            if begun_s is not None and self._has_stalled(begun_s, timeout_s):
                return False
            frame = self._channel.receive(timeout_s)
            if frame is None:
                return False
            try:
                self._take(frame)
            except _Refused:
                self._failed = True
                raise not_authentic() from None
            begun_s = time.monotonic() if begun_s is None else begun_s
        return True

    def hear_out(self, timeout_s: float) -> None:
        """Listen until the peer is gone or nothing comes, for so long at most.

        The limit is of host time: whoever keeps talking is not listened to for ever.
        Without time to wait, what has arrived already is heard.

        Raises SecurityAbort(PEER_ABORTED) when its last word was that it stops. All
        else is left unheard: nothing is awaited any more.
        """
        end_s = time.monotonic() + max(timeout_s, _HEARING_S)
        with suppress(PeerLost):
            while (frame := self._channel.receive(timeout_s)) is not None:
                refuse_abort(frame)
                if time.monotonic() > end_s:
                    return

    def abort(self, code: AbortCode) -> None:
        """Tell the peer that this party stops, and why; nothing but the code leaves.

        The notice is not authenticated: whoever could forge it could also cut the line.
        """
        self._channel.send(abort_notice(code))

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    @property
    def auth_bits_spent(self) -> int:
        """Pad bits spent on tags of both directions."""
        return self._pool.bits_spent

    @property
    def tags(self) -> int:
        """Tags sent and tags verified."""
        return self._out.phase + self._in.phase

    @property
    def epsilon_authentication(self) -> float | None:
        """Bound on the chance that any tag of the session so far was forged.

        None where there is no bound, as for signatures.
        """
        epsilon = self._pool.epsilon(self._out.longest_bytes)
        return None if epsilon is None else self.tags * epsilon

    def __repr__(self) -> str:
        return f"SealedChannel({self._out.direction}, {self.tags} tags)"

    def _has_stalled(self, begun_s: float, timeout_s: float | None) -> bool:
        """Tell whether a phase that began to come at `begun_s` takes too long."""
        if timeout_s is None:
            return False
        allowed_s = max(timeout_s, _HEARING_S)
        allowed_s += self._in.open_bytes / _SLOWEST_BYTES_PER_S
        return time.monotonic() - begun_s > allowed_s

    def _hand_over(self, frame: bytes) -> None:
        try:
            self._channel.send(frame)
        except PeerLost:
            self.hear_out(0.0)
            raise

    def _take(self, frame: bytes) -> None:
        if len(frame) < 2 or frame[0] != SEAL_VERSION:
            raise _Refused
        refuse_abort(frame)
        kind, number, index, tag, data = _parse(frame)
        if kind not in (MESSAGE, self._in.closing):
            raise _Refused
        if number != self._in.number(ahead=1) or not self._in.add(data):
            raise _Refused
        if kind != MESSAGE:
            self._in.check(index, tag)
            self._held.append(data)
            self._ready.extend(Received(held, True) for held in self._held)
            self._held = []
        elif self._interactive(data) and not self._held:
            self._ready.append(Received(data, False))
        elif self._batch(data):
            self._held.append(data)
        else:
            raise _Refused


class _Refused(Exception):
    """Input that does not belong here; never leaves this module."""


class _Half:
    """The phases of one direction."""

    def __init__(
        self, direction: Direction, session: bytes, configuration: bytes, pool: Tagger
    ) -> None:
        self.direction = direction
        self.phase = 0
        self._pool = pool
        self._context = b"".join(
            len(part).to_bytes(8, "little") + part
            for part in (
                b"qkdlab/seal",
                bytes((SEAL_VERSION, PROTOCOL_VERSION)),
                session,
                direction.value.encode("ascii"),
                configuration,
            )
        )
        self._messages: list[bytes] = []
        self._bytes = 0
        self._count = 0

    def add(self, data: bytes) -> bool:
        """Take a message into the present phase; False when that is full."""
        n_bytes = self._bytes + LENGTH_BYTES + len(data)
        is_full = len(self._messages) == MAX_PHASE_MESSAGES
        if is_full or n_bytes > MAX_PHASE_BYTES:
            return False
        self._messages.append(data)
        self._bytes = n_bytes
        self._count += 1
        return True

    @property
    def open_bytes(self) -> int:
        """Bytes of the present phase so far."""
        return self._bytes

    @property
    def longest_bytes(self) -> int:
        """What one tag covers at most: the fullest phase and what stands before it."""
        return len(self._context) + 3 * LENGTH_BYTES + MAX_PHASE_BYTES

    def number(self, ahead: int = 0) -> bytes:
        """Return the number of the latest message, the first being 1."""
        return (self._count + ahead).to_bytes(8, "little")

    @property
    def closing(self) -> int:
        """The kind of frame that closes a phase of this channel."""
        return SIGNED if self._pool.tag_bytes == SIGNATURE_BYTES else CLOSING

    def close(self) -> tuple[int, bytes]:
        """Return the tag of the phase, and its index."""
        made = self._pool.make_tag(self.direction, self._covered)
        self._next_phase()
        return made

    def check(self, index: int, tag: bytes) -> None:
        """Verify the tag of the phase."""
        if not self._pool.check_tag(self.direction, index, self._covered, tag):
            raise _Refused
        self._next_phase()

    def _covered(self, index: int) -> list[bytes]:
        """Return the pieces of what the tag is of."""
        numbers = (self.phase, index, len(self._messages))
        pieces = [self._context, *(n.to_bytes(8, "little") for n in numbers)]
        for data in self._messages:
            pieces.extend((len(data).to_bytes(LENGTH_BYTES, "little"), data))
        return pieces

    def _next_phase(self) -> None:
        self.phase += 1
        self._messages = []
        self._bytes = 0


def transcript_from_capture(
    frames: Iterable[tuple[Direction, bytes]],
) -> list[tuple[Direction, bytes]]:
    """Return the messages inside captured frames; no key is needed, none is checked.

    Abort notices are left out. Raises SecurityAbort(AUTHENTICATION_FAILED) for bytes
    that are no frame.
    """
    messages = []
    for direction, frame in frames:
        if frame[:2] == bytes((SEAL_VERSION, ABORT)):
            continue
        try:
            messages.append((direction, _parse(frame)[-1]))
        except _Refused:
            raise not_authentic() from None
    return messages


def _parse(frame: bytes) -> tuple[int, bytes, int, bytes, bytes]:
    """Return (kind, message number, index of the tag, tag, message)."""
    if len(frame) < 2 or frame[0] != SEAL_VERSION:
        raise _Refused
    kind, number, rest = frame[1], frame[2:10], frame[10:]
    if kind == MESSAGE:
        return kind, number, 0, b"", rest
    if kind not in _TAG_BYTES or len(rest) < 8 + _TAG_BYTES[kind]:
        raise _Refused
    end = 8 + _TAG_BYTES[kind]
    return kind, number, int.from_bytes(rest[:8], "little"), rest[8:end], rest[end:]


def abort_notice(code: AbortCode) -> bytes:
    """Return the frame that tells the peer why this party stops."""
    return bytes((SEAL_VERSION, ABORT)) + code.value.encode("ascii")


def refuse_abort(frame: bytes) -> None:
    """Raise SecurityAbort(PEER_ABORTED) with the peer's code when `frame` says so."""
    if frame[:2] == bytes((SEAL_VERSION, ABORT)):
        raise _peer_aborted(frame[2:])


def not_authentic() -> SecurityAbort:
    """Return the one abort for all input that does not belong here."""
    return SecurityAbort(
        AbortCode.AUTHENTICATION_FAILED,
        "a message of the other party is not authentic",
    )


def _peer_aborted(code: bytes) -> SecurityAbort:
    known = {c.value: c for c in AbortCode}
    name = code.decode("ascii", "replace")
    return SecurityAbort(
        AbortCode.PEER_ABORTED,
        "the other party stopped",
        {"peer_code": known[name].value if name in known else "unknown"},
    )
