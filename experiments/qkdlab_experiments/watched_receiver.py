"""Rates, bias and voltages of the detectors, on record while key blocks are taken.

The interlock looks at every stretch of tags by itself; what is here only keeps a record
that people can look at later (BENCHES, "Recorded series").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import BiasSource, Receiver
from qkdlab.session.experiment import PartyContext
from qkdlab.timetags.block import TagBlock
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["WatchedReceiver"]

_EVERY_PS = 500_000_000_000


class WatchedReceiver:
    """Bob's receiver with its detectors on record, each half second of tags at least.

    The series are ``total_tag_rate_hz``, ``tag_rate_hz/C`` by channel of the tags (none
    in a run of class secure: counts of a detector tell of key bits), and
    ``snspd_bias_ua/D`` and ``snspd_voltage_mv/D`` by detector of the bias source.
    ``interlock_trips`` has a one at the moment of each trip.
    """

    def __init__(self, ctx: PartyContext[Bb84Parameters]) -> None:
        self._receiver: Receiver = ctx.roles["receiver"]
        self._detectors: BiasSource = ctx.roles["detectors"]
        self._recorder = ctx.recorder
        self._counts = np.zeros(len(self._receiver.channels), np.int64)
        self._counted_ps = 0
        self._due_ps = 0

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """Basis and bit of every channel."""
        return self._receiver.channels

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; see `Receiver`."""
        self._counts[:] = 0
        self._counted_ps = 0
        self._due_ps = 0
        self._receiver.start(frame_ps, predicted_rate_hz)

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags; see `Receiver`."""
        with self._trips_on_record():
            block = self._receiver.read(duration_ps)
        self._counts += np.bincount(block.ch, minlength=self._counts.size)
        self._counted_ps += block.t_end - block.t_begin
        if block.t_end + duration_ps > self._due_ps:
            self._record()
            self._due_ps = block.t_end + _EVERY_PS
        return block

    def stop(self) -> None:
        """End the acquisition; raises as `read` when a detector is ill at its end."""
        with self._trips_on_record():
            self._receiver.stop()

    @contextmanager
    def _trips_on_record(self) -> Iterator[None]:
        try:
            yield
        except SecurityAbort as abort:
            if abort.code is AbortCode.DETECTOR_ALARM:
                self._recorder.monitor("interlock_trips", 1.0)
            raise

    def _record(self) -> None:
        rates_hz = self._counts / (self._counted_ps * 1e-12)
        self._recorder.monitor("total_tag_rate_hz", rates_hz.sum())
        for channel, rate_hz in enumerate(rates_hz):
            self._recorder.secret_monitor(f"tag_rate_hz/{channel}", rate_hz)
        for d, bias_ua in enumerate(self._detectors.get_bias_ua()):
            self._recorder.monitor(f"snspd_bias_ua/{d}", bias_ua)
        for d, voltage_mv in enumerate(self._detectors.get_voltages_mv()):
            self._recorder.monitor(f"snspd_voltage_mv/{d}", voltage_mv)
        self._counts[:] = 0
        self._counted_ps = 0
