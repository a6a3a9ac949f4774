"""A time tagger's own time: its clock and its bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TimeBase"]


@dataclass(frozen=True, slots=True)
class TimeBase:
    """A clock that runs fast by `offset_ppm` and stamps in bins of `bin_ps`.

    The instrument's time is t (1 + offset_ppm 1e-6), 0 at world time 0, rounded down
    to a bin. The correction alone passes through floating point, so times keep their
    picosecond for months.
    """

    offset_ppm: float = 0.0
    bin_ps: int = 1

    def stamp(self, t_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the instrument's time for world times, both in picoseconds."""
        correction = np.floor(t_ps * (self.offset_ppm * 1e-6) + 0.5).astype(np.int64)
        own = t_ps + correction
        stamps: NDArray[np.int64] = own // self.bin_ps * self.bin_ps
        return stamps
