"""A time tagger with a reference (START) input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from qkdlab.timetags.block import TagBlock

__all__ = ["TaggerCapabilities", "TimeTagger"]


@dataclass(frozen=True, slots=True)
class TaggerCapabilities:
    """Limits of a time tagger."""

    n_inputs: int
    resolution_ps: int
    max_rate_hz: float
    """Greatest total rate that the driver lets pass (see its documentation)."""
    has_reference: bool


class TimeTagger(Protocol):
    """Inputs are numbered from 0 in `TagBlock.ch`.

    With a reference of period `reference_period_ps`, tag time is
    ``reference index x period + time since that reference``, both as the tagger saw
    them: the second part is in the tagger's own time base.
    """

    def tagger_capabilities(self) -> TaggerCapabilities:
        """Return the limits."""
        ...

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; tag time starts anew at the first reference.

        Raises InstrumentError when `predicted_rate_hz` exceeds the limit.
        """
        ...

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next `duration_ps` of tags, following the last block.

        Blocks until they are complete. Raises InstrumentTimeout when the stream
        falls silent.
        """
        ...

    def stop(self) -> None:
        """End the acquisition; tags not read yet are dropped."""
        ...

    def safe_state(self) -> None:
        """End any acquisition."""
        ...
