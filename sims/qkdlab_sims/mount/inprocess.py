"""A machine reached without leaving the process; input and output cost virtual time.

The cost is fixed, so a run repeats exactly: a serial line spends `byte_time_ps` on
each byte in both directions, a network line spends `exchange_time_ps` on each message
sent (there and back together), a stream costs nothing. Computing costs no time.
"""

from __future__ import annotations

from collections import deque

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentDisconnected
from qkdlab_sims.instruments.machine import ByteMachine, MessageMachine
from qkdlab_sims.mount.line import LineDropped

__all__ = ["InProcessByteTransport", "InProcessMessageTransport"]


class _Line:
    """What both kinds share: the clock, the cost, the state of the line."""

    def __init__(
        self, name: str, machine: ByteMachine | MessageMachine, clock: Clock
    ) -> None:
        self.name = name
        self.clock = clock
        self._source = machine
        self._dropped = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the line was closed here; one that went down is still open."""
        return self._closed

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise InstrumentDisconnected(
                self.name, "the line is closed", "open the station again"
            )
        if self._dropped:
            raise InstrumentDisconnected(
                self.name, "the line went down", "check power, cable and address"
            )

    def _spend(self, duration_ps: int) -> None:
        if duration_ps > 0:
            self.clock.sleep_until(self.clock.now_ps() + duration_ps)

    def _next_wake_ps(self) -> int | None:
        wake_ps = self._source.next_wake_ps()
        # The clock asks after a `take` that gave nothing: a time that is not in the
        # future would only make it creep.
        if wake_ps is None or wake_ps <= self.clock.now_ps():
            return None
        return wake_ps


class InProcessByteTransport(_Line):
    """A `ByteTransport` to a `ByteMachine` in this process."""

    def __init__(
        self,
        name: str,
        machine: ByteMachine,
        clock: Clock,
        *,
        byte_time_ps: int = 0,
        exchange_time_ps: int = 0,
    ) -> None:
        super().__init__(name, machine, clock)
        self._machine = machine
        self._byte_time_ps = byte_time_ps
        self._exchange_time_ps = exchange_time_ps
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        """Send `data`; the machine has it when its time on the line has passed.

        Raises InstrumentDisconnected when the line is closed or went down.
        """
        self._require_open()
        self._spend(len(data) * self._byte_time_ps + self._exchange_time_ps)
        try:
            self._machine.feed(data, self.clock.now_ps())
        except LineDropped:
            self._dropped = True
        self._require_open()

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, or ``b""`` when the timeout passes.

        What arrived before the line went down can still be read; after that raises
        InstrumentDisconnected.
        """
        if self._closed:
            self._require_open()
        if not self._buffer:
            self.clock.wait(
                self._has_arrived,
                deadline_ps=self.clock.now_ps() + seconds(timeout_s),
                next_ps=self._next_wake_ps,
                what=f"an answer of {self.name}",
            )
        if not self._buffer:
            self._require_open()
        data = bytes(self._buffer[:n_max])
        del self._buffer[:n_max]
        self._spend(len(data) * self._byte_time_ps)
        return data

    def _has_arrived(self) -> bool:
        # The clock may ask from another party's thread: a line that went down is
        # noted here and raised by the reader.
        try:
            self._buffer += self._machine.take(self.clock.now_ps())
        except LineDropped:
            self._dropped = True
        return bool(self._buffer) or self._dropped


class InProcessMessageTransport(_Line):
    """A `MessageTransport` to a `MessageMachine` in this process."""

    def __init__(
        self,
        name: str,
        machine: MessageMachine,
        clock: Clock,
        *,
        exchange_time_ps: int = 0,
    ) -> None:
        super().__init__(name, machine, clock)
        self._machine = machine
        self._exchange_time_ps = exchange_time_ps
        self._queue: deque[bytes] = deque()

    def send(self, message: bytes) -> None:
        """Send one message.

        Raises InstrumentDisconnected when the line is closed or went down.
        """
        self._require_open()
        self._spend(self._exchange_time_ps)
        try:
            self._machine.feed(message, self.clock.now_ps())
        except LineDropped:
            self._dropped = True
        self._require_open()

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message, or None when the timeout passes.

        What arrived before the line went down can still be read; after that raises
        InstrumentDisconnected.
        """
        if self._closed:
            self._require_open()
        if not self._queue:
            self.clock.wait(
                self._has_arrived,
                deadline_ps=self.clock.now_ps() + seconds(timeout_s),
                next_ps=self._next_wake_ps,
                what=f"a message of {self.name}",
            )
        if self._queue:
            return self._queue.popleft()
        self._require_open()
        return None

    def _has_arrived(self) -> bool:
        try:
            self._queue.extend(self._machine.take(self.clock.now_ps()))
        except LineDropped:
            self._dropped = True
        return bool(self._queue) or self._dropped
