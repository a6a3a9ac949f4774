"""Compiled kernel of single photons that interfere."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, numbers, unit
from qkdlab_sims.optics.photons._kernels import CANDIDATE, PULSES_PER_TICK

__all__ = ["draw_two_photons"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@kernel
def draw_two_photons(
    tick_begin: int,
    tick_end: int,
    outcomes: Floats,
    places: Integers,
    shifts: Integers,
    per_log: float,
    bound: float,
    period_ps: int,
    keys: NDArray[np.uint64],
    reserve: int,
    arrival_ps: Integers,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> int:
    """Draw what two photons give the detectors behind a network; see `Arrivals`.

    outcomes: float64[n_a, n_b, n_outcomes], sums of chances up to each outcome
    places:   int64[n_outcomes, 2], detectors of the outcome, -1 for none
    shifts:   int64[2], pulse k has contexts (k + shift) mod n
    bound:    of the chance that anything is seen; per_log: 1 / ln(1 - bound)
    keys:     uint64[1, 2]

    Returns the first tick not drawn, or -1 when one exceeds `reserve`.
    """
    n_det = arrival_ps.shape[0] - 1
    n_a, n_b, n_outcomes = outcomes.shape
    filled = np.zeros(n_det, np.int64)
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            ends[d, tick - tick_begin] = filled[d]
        if filled.max() + reserve > t_ps.shape[1]:
            return tick
        first = tick * PULSES_PER_TICK
        pulse = -1
        event = 0
        while bound > 0.0:
            a, b, c, _ = numbers(event, CANDIDATE, tick, keys, 0)
            # geometric: the number of pulses that see nothing before one that may
            pulse += 1 + int(log_unit(a) * per_log)
            if pulse >= PULSES_PER_TICK:
                break
            if 2 * event + 2 > reserve:
                return -1
            k = first + pulse
            row = outcomes[(k + shifts[0]) % n_a, (k + shifts[1]) % n_b]
            pick = unit(b) * bound
            found = 0
            while found < n_outcomes and row[found] <= pick:
                found += 1
            if found < n_outcomes:
                below = row[found - 1] if found else 0.0
                left_over = (pick - below) / (row[found] - below)
                for which in range(2):
                    d = places[found, which]
                    if d >= 0:
                        at = filled[d]
                        t_ps[d, at] = k * period_ps + arrival_ps[d]
                        chance[d, at] = left_over if which == 0 else unit(c)
                        number[d, at] = 2 * event + which
                        filled[d] += 1
            event += 1
    for d in range(n_det):
        ends[d, tick_end - tick_begin] = filled[d]
    return tick_end
