"""The timestamps of one input on their way to sorted tags.

A block holds little-endian ``u64 timestamp, u64 refIndex`` pairs (vendor samples
[code]); the timestamp counts from the last reference (user's manual [doc]).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import InstrumentError, InstrumentReplyError

__all__ = ["ReferenceFrame", "TagStream"]

_EVENT_BYTES = 16
_JITTER_PS = 10_000
"""By how much a reference may come early or late."""


@dataclass(frozen=True, slots=True)
class ReferenceFrame:
    """How timestamps become tag times.

    period_ps:      nominal time between references; 0 when there are none
    first_index:    refIndex of the first reference
    unit_ps:        of the timestamps
    max_offset_ppm: between the clocks of unit and reference
    """

    period_ps: int
    first_index: int
    unit_ps: int
    max_offset_ppm: float

    @property
    def slack_ps(self) -> int:
        """By how much tag times near a reference may be out of order."""
        if not self.period_ps:
            return 0
        return _JITTER_PS + round(self.period_ps * self.max_offset_ppm * 1e-6)


class TagStream:
    """Tags of one input, held back until their order is certain.

    channel:   0 ...
    received:  timestamps that have come
    watermark: all tags before it have come
    """

    def __init__(self, name: str, channel: int, frame: ReferenceFrame) -> None:
        self.received = 0
        self.watermark = 0
        self._name = name
        self.channel = channel
        self._frame = frame
        self._held = np.empty(0, np.int64)

    def hear(self, block: bytes) -> None:
        """Take a block of timestamps.

        Raises InstrumentReplyError for bytes that are none, InstrumentError when
        references are missing or tags come after their time.
        """
        if len(block) % _EVENT_BYTES:
            raise InstrumentReplyError(
                self._name,
                f"sent {len(block)} bytes as timestamps of input {self.channel}",
                "check that the stream belongs to this input",
            )
        events = np.frombuffer(block, "<i8").reshape(-1, 2)
        self.received += len(events)
        t = self._tag_times(events)
        if not t.size:
            return
        self._check_in_time(t)
        held = np.concatenate((self._held, t)) if self._held.size else t
        if np.any(held[1:] < held[:-1]):
            held = np.sort(held, kind="stable")
        self._held = held
        self.watermark = max(self.watermark, int(held[-1]) - self._frame.slack_ps)

    def claim(self, watermark: int) -> None:
        """Note that all tags before `watermark` have come, without a later one."""
        self.watermark = max(self.watermark, watermark)

    def take(self, t_end: int) -> NDArray[np.int64]:
        """Return the tags before `t_end`, which lies within the watermark, once."""
        n_due = int(np.searchsorted(self._held, t_end))
        due, self._held = self._held[:n_due], self._held[n_due:]
        return due

    def _tag_times(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        frame = self._frame
        since, index = events[:, 0] * frame.unit_ps, events[:, 1]
        if not frame.period_ps:
            return since
        if events.size and (since.min() < 0 or index.min() < 0):
            raise InstrumentReplyError(
                self._name,
                f"sent timestamps of input {self.channel} beyond all times",
                "check that the stream belongs to this input",
            )
        if events.size and since.max() > frame.period_ps + frame.slack_ps:
            raise InstrumentError(
                self._name,
                f"saw no reference for {since.max() * 1e-6:.0f} us; they should come "
                f"every {frame.period_ps * 1e-6:g} us",
                "check the cable to START, its threshold, and that the pattern runs",
            )
        t: NDArray[np.int64] = (index - frame.first_index) * frame.period_ps + since
        # Tags before the first reference have no place on the axis.
        return t[index >= frame.first_index] if index[:1] < frame.first_index else t

    def _check_in_time(self, t: NDArray[np.int64]) -> None:
        late_ps = self.watermark - int(t.min())
        if late_ps > 0:
            raise InstrumentError(
                self._name,
                f"sent a tag of input {self.channel} {late_ps * 1e-9:.3f} ms after "
                "its time had passed",
                "use a greater grace_s; references must run before it is started",
            )
