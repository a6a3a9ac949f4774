"""World time at the pace of host time, and how far the physics is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PERIOD_S", "Lag", "Pace"]

PERIOD_S = 0.25
"""One scheduling period, in host time. Whatever the world has to do in one piece, the
light of a new waveform above all, takes less; being behind by less is no lag."""

_BETWEEN_REPORTS_S = 1.0


class Pace:
    """Host time, `speed` times as fast, as picoseconds of world time from zero.

    now_ns: host time; monotonic
    """

    def __init__(
        self, speed: float, now_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.speed = speed
        self._now_ns = now_ns
        self._origin_ns = now_ns()

    def target_ps(self) -> int:
        """Return where the world should be."""
        return int((self._now_ns() - self._origin_ns) * 1000 * self.speed)

    def behind_s(self, world_ps: int) -> float:
        """Return how far a world is behind, in seconds of host time."""
        return (self.target_ps() - world_ps) / (1e12 * self.speed)


class Lag:
    """What the physics is behind beyond one scheduling period, in host time.

    tell: called with the lag in seconds, at most once in a second of host time
    """

    def __init__(
        self,
        tell: Callable[[float], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.greatest_s = 0.0
        self._tell = tell
        self._now_s = now_s
        self._told_s: float | None = None
        self._untold_s = 0.0

    def note(self, behind_s: float) -> None:
        """Take how far the world is behind just before its turn."""
        lag_s = behind_s - PERIOD_S
        if lag_s > 0.0:
            self.greatest_s = max(self.greatest_s, lag_s)
            self._untold_s = max(self._untold_s, lag_s)
        now_s = self._now_s()
        is_due = self._told_s is None or now_s - self._told_s >= _BETWEEN_REPORTS_S
        if self._untold_s > 0.0 and is_due:
            self._tell(self._untold_s)
            self._told_s, self._untold_s = now_s, 0.0
