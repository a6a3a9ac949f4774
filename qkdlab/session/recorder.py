"""`Recorder`: what a program puts on record, in its party's run file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.session.result import plain
from qkdlab.transport.recording import Traffic, TrafficKind

if TYPE_CHECKING:
    from qkdlab.calibration.records import CalibrationRecord
    from qkdlab.runfile.writer import RunFileWriter
    from qkdlab.timetags.block import TagBlock

__all__ = ["Recorder"]


_MARKS = {TrafficKind.WRITE: ">", TrafficKind.READ: "<", TrafficKind.ERROR: "!"}


class Recorder:
    """One party's record. Times are picoseconds of the bench's clock.

    figures: every result recorded so far; they reach the result of the run even when
             it ends without key
    """

    def __init__(
        self, file: RunFileWriter, now_ps: Callable[[], int], key_class: str
    ) -> None:
        self._keeps_traffic = key_class != "secure"
        self.figures: dict[str, Any] = {}
        self._file = file
        self._now_ps = now_ps

    def tags(self, block: TagBlock) -> None:
        """Record a block of tags, before anything is made of it.

        All tags recorded so far are the figure ``clicks``.
        """
        self._file.tags(block)
        self.figures["clicks"] = self.figures.get("clicks", 0) + len(block)

    def monitor(self, name: str, value: float, t_ps: int | None = None) -> None:
        """Record one value of a slow series, such as ``tap_power_w``."""
        when_ps = self._now_ps() if t_ps is None else t_ps
        self._file.monitor(name, float(value), when_ps)

    def settings(self, name: str, array: NDArray[np.uint8]) -> None:
        """Record what was sent: packed settings, one byte a symbol."""
        self._file.settings(name, array)

    def result(self, name: str, value: Any) -> None:
        """Record a public figure: numbers, text, lists and mappings of these."""
        self.figures[name] = plain(value)
        self._file.result(name, self.figures[name])

    def calibration(self, record: CalibrationRecord) -> None:
        """Record a calibration made in this run."""
        self._file.calibration(record)

    def message(self, direction: str, data: bytes) -> None:
        """Record a message of the classical channel, public by definition."""
        self._file.message(self._now_ps(), direction, data)

    def traffic(self, seen: Traffic) -> None:
        """Record what passed on an instrument's line; ``>`` to it, ``<`` from it.

        Nothing in a run of class secure, where traffic can hold key material.
        """
        mark = _MARKS.get(seen.kind)
        if mark is not None and self._keeps_traffic:
            self._file.io(seen.t_ps, f"{seen.line}{mark}", seen.data)

    def log(self, line: str) -> None:
        """Record a line for people."""
        self._file.log(self._now_ps(), line)
