"""A Single Quantum WebSQ (legacy EOS/Atlas driver): control and counts ports.

Control, TCP 12000: JSON objects in, without terminator; JSON objects out, each closed
by ETB (0x17). Counts, TCP 12345: one line ``unix_time,c1,...,cN`` per measurement
period, pushed without being asked. Both as in the vendor's client and its QCoDeS
class [code].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from qkdlab_sims.instruments.machine import ByteMachine, ByteOutbox
from qkdlab_sims.instruments.singlequantum_websq.detectors import Nanowire
from qkdlab_sims.instruments.singlequantum_websq.json_objects import JsonObjects
from qkdlab_sims.instruments.singlequantum_websq.rack import Message, Rack

__all__ = ["Simulator"]

_ETB = b"\x17"
_MS = 1_000_000_000
_UNREAD_LINES = 1024
"""Kept for a client that does not read: some 40 kB, as buffers of a connection take;
that the oldest are lost is a [guess]."""


class Simulator:
    """The driver rack with its detectors.

    n_detectors:   channels fitted
    detectors:     what the rack itself finds out in scans; by default the measured
                   ones of `detectors`
    bias_step_ua:  resolution of the current source [guess]
    auto_iv_s:     how long the search for bias currents takes [guess]
    epoch_unix_s:  wall time of the bench's time zero
    response_ps:   time to answer

    The world sets `counts` (cumulative counts per detector up to a time),
    `voltages_mv` (voltage over each detector at a time) and `on_change` (called with
    the time when a bias current changes).
    """

    def __init__(
        self,
        *,
        serial: str = "SQ-0001",
        rng: np.random.Generator | None = None,
        n_detectors: int = 4,
        detectors: Sequence[Nanowire] | None = None,
        bias_step_ua: float = 0.01,
        auto_iv_s: float = 3.0,
        epoch_unix_s: float = 1_763_800_000.0,
        response_ps: int = 2 * _MS,
    ) -> None:
        self.serial = serial
        self.on_change: Callable[[int], None] | None = None
        self.counts: Callable[[int], Sequence[int]] = lambda t_ps: [0] * n_detectors
        self.rack = Rack(
            rng=rng if rng is not None else np.random.default_rng(0),
            n_detectors=n_detectors,
            detectors=detectors,
            bias_step_ua=bias_step_ua,
            auto_iv_s=auto_iv_s,
            epoch_unix_s=epoch_unix_s,
        )
        self.voltages_mv: Callable[[int], Sequence[float]] = self.rack.own_voltages_mv
        self.rack.voltages_mv = lambda t_ps: self.voltages_mv(t_ps)
        self._control = _Control(self.rack, response_ps)
        self._lines = _Counts(self.rack, lambda t_ps: self.counts(t_ps))
        self.rack.on_bias = self._tell_change
        self.rack.on_period = self._lines.restart
        self.endpoints: dict[str, ByteMachine] = {
            "control": self._control,
            "counts": self._lines,
        }

    def bias_ua(self) -> list[float]:
        """Return the currents through the detectors; zero when switched off."""
        return self.rack.bias_ua()

    def settle(self, now_ps: int) -> int:
        """Make the lines of counts that are due, read or not; see `LooksBack`."""
        self._lines.advance(now_ps)
        return now_ps

    def _tell_change(self, now_ps: int) -> None:
        if self.on_change is not None:
            self.on_change(now_ps)


class _Control:
    """The control port."""

    def __init__(self, rack: Rack, response_ps: int) -> None:
        self._rack = rack
        self._response_ps = response_ps
        self._objects = JsonObjects()
        self._outbox = ByteOutbox()

    def feed(self, data: bytes, now_ps: int) -> None:
        self.settle(now_ps)
        for message in self._objects.feed(data):
            self._say(self._rack.answer(message, now_ps), now_ps)

    def take(self, now_ps: int) -> bytes:
        self.settle(now_ps)
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        times = (self._outbox.next_wake_ps(), self._rack.next_job_ps())
        return min((t for t in times if t is not None), default=None)

    def hang_up(self, now_ps: int) -> None:
        """Forget what a client that left has half said and has not heard."""
        del now_ps
        self._objects = JsonObjects()
        self._outbox.clear()

    def settle(self, now_ps: int) -> None:
        """Broadcast what has finished by itself."""
        self._say(self._rack.settle(now_ps), now_ps)

    def _say(self, objects: list[Message], now_ps: int) -> None:
        for item in objects:
            data = json.dumps(item).encode() + _ETB
            self._outbox.put(data, now_ps + self._response_ps)


class _Counts:
    """The counts port; what a client says there is ignored."""

    def __init__(self, rack: Rack, totals: Callable[[int], Sequence[int]]) -> None:
        self._rack = rack
        self._totals = totals
        self._outbox = ByteOutbox(_UNREAD_LINES)
        self._begin_ps = 0
        self._before: list[int] = [0] * rack.n_detectors

    def feed(self, data: bytes, now_ps: int) -> None:
        del data
        self.advance(now_ps)

    def take(self, now_ps: int) -> bytes:
        self.advance(now_ps)
        return self._outbox.take(now_ps)

    def next_wake_ps(self) -> int | None:
        queued_ps = self._outbox.next_wake_ps()
        if queued_ps is not None:
            return queued_ps
        return self._begin_ps + self._rack.period_ps()

    def advance(self, now_ps: int) -> None:
        """Make the lines of all periods that have ended by `now_ps`."""
        while (end_ps := self._begin_ps + self._rack.period_ps()) <= now_ps:
            before = self._before
            self._begin(end_ps)
            pairs = zip(self._before, before, strict=True)
            fields = [f"{self._rack.unix_time_s(end_ps):.3f}"]
            fields += [str(after - then) for after, then in pairs]
            self._outbox.put((",".join(fields) + "\n").encode("ascii"), end_ps)

    def restart(self, now_ps: int) -> None:
        """Begin a period at `now_ps`; the one under way gives no line."""
        self.advance(now_ps)
        self._begin(now_ps)

    def _begin(self, t_ps: int) -> None:
        self._begin_ps = t_ps
        self._before = [int(c) for c in self._totals(t_ps)]
