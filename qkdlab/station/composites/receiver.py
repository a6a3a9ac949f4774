"""Channels to basis and bit: a tagger and what its inputs stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import ReceiverFields
from qkdlab.roles import TimeTagger
from qkdlab.timetags.block import TagBlock

__all__ = ["Receiver"]

_MEANINGS = {"X0": (0, 0), "X1": (0, 1), "Z0": (1, 0), "Z1": (1, 1)}


@dataclass
class Receiver:
    """A time tagger whose channel ``c`` stands for basis and bit ``channels[c]``.

    channels: per tagger input (basis, bit); basis 0 is X, 1 is Z
    """

    tagger: TimeTagger
    channels: tuple[tuple[int, int], ...]

    def resolution_ps(self) -> int:
        """Return the width of the tagger's bins."""
        return self.tagger.tagger_capabilities().resolution_ps

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition with one reference per frame."""
        self.tagger.start(frame_ps, predicted_rate_hz)

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags."""
        return self.tagger.read(duration_ps)

    def stop(self) -> None:
        """End the acquisition."""
        self.tagger.stop()

    def safe_state(self) -> None:
        """End the acquisition."""
        self.tagger.safe_state()

    @classmethod
    def from_config(
        cls, fields: ReceiverFields, instruments: Mapping[str, Any], book: PartyBook
    ) -> Receiver:
        """Build from the fields of a configuration's role."""
        meanings = [_MEANINGS[fields.channels[i]] for i in range(len(fields.channels))]
        return cls(instruments[fields.tagger], tuple(meanings))
