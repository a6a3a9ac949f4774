"""What turns light into tags with a meaning; the station builds it from instruments."""

from __future__ import annotations

from typing import Protocol

from qkdlab.timetags.block import TagBlock

__all__ = ["Receiver"]


class Receiver(Protocol):
    """A time tagger that knows what its channels stand for.

    channels: (basis, bit) of every channel of `TagBlock.ch`; basis 0 is X, 1 is Z
    """

    channels: tuple[tuple[int, int], ...]

    def resolution_ps(self) -> int:
        """Return the width of the tagger's bins."""
        ...

    def start(self, frame_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition with one reference per frame; see `TimeTagger`."""
        ...

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags.

        Raises SecurityAbort (``detector-alarm``) when the detectors are not healthy,
        and as `TimeTagger`.
        """
        ...

    def stop(self) -> None:
        """End the acquisition."""
        ...

    def safe_state(self) -> None:
        """End any acquisition."""
        ...
