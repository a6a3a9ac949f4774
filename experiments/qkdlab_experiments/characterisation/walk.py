"""How late and how sharp clicks are by the time since the click before them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["ArrivalByGap", "arrivals_by_gap"]

_FEWEST = 30


@dataclass(frozen=True, slots=True)
class ArrivalByGap:
    """Clicks that came so long after the one before.

    gap_ps:  mean time since the former click
    late_ps: mean lateness
    rms_ps:  standard deviation of the lateness
    """

    gap_ps: float
    late_ps: Measured
    rms_ps: Measured


def arrivals_by_gap(
    tags_ps: NDArray[np.int64],
    period_ps: int,
    centre_ps: int,
    edges_ps: NDArray[np.float64],
) -> list[ArrivalByGap]:
    """Return one entry per bin of gaps that holds at least 30 clicks.

    tags_ps:   sorted tags of one detector under pulses of `period_ps`
    centre_ps: where clicks of a rested detector lie in the period; lateness counts from
               there, between minus and plus half a period
    """
    half = period_ps // 2
    late = (tags_ps[1:] - centre_ps + half) % period_ps - half
    bins = np.digitize(np.diff(tags_ps), edges_ps)
    gaps = np.diff(tags_ps)
    found: list[ArrivalByGap] = []
    for i in range(1, len(edges_ps)):
        mine = bins == i
        n = int(mine.sum())
        if n < _FEWEST:
            continue
        rms = float(late[mine].std(ddof=1))
        found.append(
            ArrivalByGap(
                float(gaps[mine].mean()),
                Measured(float(late[mine].mean()), rms / n**0.5),
                Measured(rms, rms / (2.0 * (n - 1)) ** 0.5),
            )
        )
    return found
