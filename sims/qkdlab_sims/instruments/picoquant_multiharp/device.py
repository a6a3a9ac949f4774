"""The device: inputs, one measurement in T2 mode, and its buffer.

Below 650 ps dead time, 45 ps rms of jitter a channel, bins of 5 ps (4P, 8P, 16P; 10 ps
in the N models), a buffer that stops the measurement when it overruns [mem].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.tagger_inputs.flaws import Course
from qkdlab_sims.instruments.tagger_inputs.ports import Discriminator, Port, TimeBase

__all__ = ["FIFO_FULL", "Device", "Trigger"]

FIFO_FULL = 0x2
ACTIVE = 0x20
_NONE = np.empty(0, np.int64)
_OWN_DEAD_PS = 650

Bins = NDArray[np.int64]


@dataclass
class Trigger:
    """Settings of one connector."""

    enabled: bool = True
    level_mv: int = -50
    rising: bool = False
    offset_ps: int = 0
    dead_ps: int = _OWN_DEAD_PS


class Device:
    """Everything but the language; connector 0 is SYNC, others are inputs from 1.

    fifo_records: what the buffer holds
    course:       how its clock wanders, if it does
    dead_ps:      of every input, whatever it is set to; None: what it is set to
    """

    def __init__(
        self,
        ports: Sequence[Port],
        *,
        bin_ps: int,
        offset_ppm: float,
        jitter_rms_ps: float,
        fifo_records: int,
        course: Course | None = None,
        dead_ps: int | None = None,
    ) -> None:
        self.ports = ports
        self.bin_ps = bin_ps
        self.triggers = [Trigger() for _ in ports]
        self.is_external = False
        self.measuring = False
        self.flags = 0
        self.fifo: deque[NDArray[np.uint32]] = deque()
        self.done_ps = 0
        self._offset_ppm = offset_ppm
        self._course = course
        self._dead_ps = dead_ps
        self._margin_ps = round(4 * jitter_rms_ps)
        self._fifo_records = fifo_records
        self._n_waiting = 0
        self._held: list[Bins] = [_NONE for _ in ports]
        self._begin = self._base = 0

    @property
    def time_base(self) -> TimeBase:
        """The clock that the bins count by."""
        offset_ppm = 0.0 if self.is_external else self._offset_ppm
        course = None
        if self._course is not None:
            course = self._course.under(is_external=self.is_external)
        return TimeBase(offset_ppm, self.bin_ps, course)

    def start(self, now_ps: int) -> None:
        """Begin a measurement; its time starts at zero."""
        self.run(now_ps)
        self._begin = self.time_base.bin_of(now_ps)
        self._base = 0
        self._held = [_NONE for _ in self.ports]
        self.fifo.clear()
        self._n_waiting = 0
        self.flags = ACTIVE
        self.measuring = True

    def stop(self, now_ps: int) -> None:
        """End the measurement; what the buffer holds can still be read."""
        self.run(now_ps)
        self.measuring = False
        self.flags &= ~ACTIVE

    def run(self, until_ps: int) -> None:
        """Process the pulses before `until_ps` under the present settings."""
        if until_ps <= self.done_ps:
            return
        self.done_ps = until_ps
        edges = [
            port.edges(until_ps, self._discriminator(trigger))
            for port, trigger in zip(self.ports, self.triggers, strict=True)
        ]
        if self.measuring:
            self._record(edges, until_ps)

    def read(self, n_most: int) -> NDArray[np.uint32]:
        """Take up to `n_most` records out of the buffer."""
        taken: list[NDArray[np.uint32]] = []
        while self.fifo and n_most > 0:
            first = self.fifo.popleft()
            taken.append(first[:n_most])
            if first.size > n_most:
                self.fifo.appendleft(first[n_most:])
            n_most -= taken[-1].size
        records = np.concatenate(taken) if taken else np.empty(0, np.uint32)
        self._n_waiting -= records.size
        return records

    def _record(self, edges: Sequence[Bins], until_ps: int) -> None:
        from qkdlab_sims.instruments.picoquant_multiharp._kernels import encode_t2

        base = self.time_base
        limit = base.bin_of(until_ps - self._margin_ps) - self._begin
        begins, ends, streams = [], [], []
        n = 0
        for number, (new, trigger) in enumerate(zip(edges, self.triggers, strict=True)):
            bins = base.bins(new + trigger.offset_ps) - self._begin
            held = self._held[number]
            bins = np.concatenate((held, bins)) if held.size else bins
            last = int(np.searchsorted(bins, limit))
            first = min(int(np.searchsorted(bins, 0)), last)
            self._held[number] = bins[last:]
            streams.append(bins[first:last])
            begins.append(n)
            n += last - first
            ends.append(n)
        out = np.empty(2 * n + 1, np.uint32)
        size, self._base = encode_t2(
            np.concatenate(streams),
            np.array(begins, np.int64),
            np.array(ends, np.int64),
            limit,
            self._base,
            out,
        )
        self._keep(out[:size])

    def _keep(self, records: NDArray[np.uint32]) -> None:
        room = self._fifo_records - self._n_waiting
        if records.size > room:
            records = records[:room]
            self.flags |= FIFO_FULL
            self.flags &= ~ACTIVE
            self.measuring = False
        if records.size:
            self.fifo.append(records)
            self._n_waiting += records.size

    def _discriminator(self, trigger: Trigger) -> Discriminator:
        return Discriminator(
            enabled=trigger.enabled,
            threshold_v=trigger.level_mv * 1e-3,
            rising=trigger.rising,
            dead_ps=trigger.dead_ps if self._dead_ps is None else self._dead_ps,
        )
