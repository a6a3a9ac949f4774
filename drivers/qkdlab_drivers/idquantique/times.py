"""Between the host's clock and the axis of tag times, with bounds that always hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TagAxis"]


@dataclass(frozen=True, slots=True)
class TagAxis:
    """Where tag time stands, from what the host saw of the start.

    asked_ps:       clock when the start was asked for
    begun_ps:       clock when it was confirmed
    period_ps:      between references; the first comes at most so much later
    max_offset_ppm: between the clocks
    """

    asked_ps: int
    begun_ps: int
    period_ps: int
    max_offset_ppm: float

    def at_most(self, clock_ps: int) -> int:
        """Return a tag time that has not passed before `clock_ps`."""
        elapsed_ps = clock_ps - self.asked_ps
        return elapsed_ps + self._drift_ps(elapsed_ps)

    def passed_at(self, t_ps: int) -> int:
        """Return a clock time at which tag time `t_ps` has certainly passed."""
        elapsed_ps = t_ps + self.period_ps
        return self.begun_ps + elapsed_ps + self._drift_ps(elapsed_ps)

    def _drift_ps(self, elapsed_ps: int) -> int:
        # Twice the offset covers 1/(1 - x) - 1 for every offset that is allowed.
        return round(elapsed_ps * 2e-6 * self.max_offset_ppm) + 1
