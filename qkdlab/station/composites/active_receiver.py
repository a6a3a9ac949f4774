"""Two detectors and the marks of the board that chooses the basis, on one tagger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import ActiveReceiverFields
from qkdlab.roles import TimeTagger
from qkdlab.timetags.block import TagBlock

__all__ = ["ActiveReceiver"]


@dataclass
class ActiveReceiver:
    """A time tagger with one input for each detector and one for marks.

    inputs: of the detectors, from 0; channel c of what is read is ``inputs[c]``
    marks:  input of the marks
    """

    tagger: TimeTagger
    inputs: tuple[int, int]
    marks: int
    channels: tuple[tuple[int, int], ...] = ((0, 0), (0, 1))
    _seen: list[NDArray[np.int64]] = field(default_factory=list)

    def resolution_ps(self) -> int:
        """Return the width of the tagger's bins."""
        return self.tagger.tagger_capabilities().resolution_ps

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition with one reference per frame."""
        self._seen.clear()
        self.tagger.start(frame_ps, predicted_rate_hz)

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags, marks put aside."""
        block = self.tagger.read(duration_ps)
        is_mark = block.ch == self.marks
        self._seen.append(block.t[is_mark])
        channel_of = np.zeros(256, np.uint8)
        channel_of[list(self.inputs)] = (0, 1)
        clicks = ~is_mark
        return TagBlock(
            block.t[clicks],
            channel_of[block.ch[clicks]],
            block.t_begin,
            block.t_end,
            block.lost,
            block.seq,
        )

    def marks_ps(self) -> NDArray[np.int64]:
        """Return the marks read since the start of the acquisition."""
        return np.concatenate([np.zeros(0, np.int64), *self._seen])

    def stop(self) -> None:
        """End the acquisition."""
        self.tagger.stop()

    def safe_state(self) -> None:
        """End the acquisition."""
        self.tagger.safe_state()

    @classmethod
    def from_config(
        cls,
        fields: ActiveReceiverFields,
        instruments: Mapping[str, Any],
        book: PartyBook,
    ) -> ActiveReceiver:
        """Build from the fields of a configuration's role."""
        first, second = fields.detectors
        return cls(instruments[fields.tagger], (first, second), fields.marks)
