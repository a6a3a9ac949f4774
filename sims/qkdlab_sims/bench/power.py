"""What a power meter's sensor has seen lately."""

from __future__ import annotations

import math
from bisect import bisect_right

__all__ = ["PowerHistory"]

_FORGOTTEN = 1e-15


class PowerHistory:
    """Optical power that changes in steps.

    Questions about what was forgotten raise LookupError.
    """

    def __init__(self) -> None:
        self._times_ps: list[int] = [0]
        self._has_forgotten = False
        self._watts: list[float] = [0.0]

    def set(self, t_ps: int, watts: float) -> None:
        """Note the power from `t_ps` on; times never go back."""
        if watts == self._watts[-1]:
            return
        if t_ps == self._times_ps[-1]:
            self._watts[-1] = watts
            return
        self._times_ps.append(t_ps)
        self._watts.append(watts)

    def forget_before(self, t_ps: int) -> None:
        """Forget what no question about `t_ps` or later needs.

        Those about a low-pass need 35 time constants more, which leave 1e-15.
        """
        # One step more: the oldest stands for all before, the next one does not.
        n = bisect_right(self._times_ps, t_ps) - 2
        if n > 0:
            del self._times_ps[:n], self._watts[:n]
            self._has_forgotten = True

    def average_w(self, t0_ps: int, t1_ps: int) -> float:
        """Return the average over [t0, t1); the value at `t0_ps` if that is empty."""
        first = self._place(t0_ps)
        if t1_ps <= t0_ps:
            return self._watts[first]
        energy = 0.0
        for i in range(first, len(self._times_ps)):
            begin = max(self._times_ps[i], t0_ps)
            is_last = i + 1 == len(self._times_ps)
            end = t1_ps if is_last else min(self._times_ps[i + 1], t1_ps)
            if end <= begin and i > first:
                break
            energy += self._watts[i] * max(0, end - begin)
        return energy / (t1_ps - t0_ps)

    def level_w(self, t_ps: int, lag_ps: float) -> float:
        """Return what a first-order low-pass puts out at `t_ps`.

        lag_ps: its time constant; 0: what goes in
        """
        last = self._place(t_ps)
        if lag_ps <= 0.0:
            return self._watts[last]
        level_w, weight = 0.0, 1.0
        for i in range(last, -1, -1):
            # The first entry stands for all that was before.
            age_ps = t_ps - self._times_ps[i] if i else math.inf
            older = math.exp(-age_ps / lag_ps)
            level_w += self._watts[i] * (weight - older)
            weight = older
            if weight < _FORGOTTEN:
                break
        return level_w

    def lagging_w(self, t0_ps: int, t1_ps: int, lag_ps: float) -> float:
        """Return the average over [t0, t1) of what the low-pass puts out.

        From ``lag dy/dt = x - y``: the average of x less what y still gained.
        """
        if t1_ps <= t0_ps:
            return self.level_w(t0_ps, lag_ps)
        gained_w = self.level_w(t1_ps, lag_ps) - self.level_w(t0_ps, lag_ps)
        return self.average_w(t0_ps, t1_ps) - lag_ps / (t1_ps - t0_ps) * gained_w

    def _place(self, t_ps: int) -> int:
        """Return which step holds at `t_ps`."""
        place = bisect_right(self._times_ps, t_ps) - 1
        if place < self._has_forgotten:
            raise LookupError(f"the power at {t_ps} ps is forgotten")
        return max(place, 0)
