"""What a power meter's sensor has seen."""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["PowerHistory"]


class PowerHistory:
    """Optical power that changes in steps."""

    def __init__(self) -> None:
        self._times_ps: list[int] = [0]
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

    def average_w(self, t0_ps: int, t1_ps: int) -> float:
        """Return the average over [t0, t1); the value at `t0_ps` if that is empty."""
        first = max(bisect_right(self._times_ps, t0_ps) - 1, 0)
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
