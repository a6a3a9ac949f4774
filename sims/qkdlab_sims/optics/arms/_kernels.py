"""Compiled kernel that joins the polarizations of each detector's arrivals."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import UNIT, philox

__all__ = ["join_polarizations"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.uint64(0)


@kernel
def join_polarizations(
    tick: int,
    t_in: Integers,
    chance_in: Floats,
    number_in: Integers,
    ends_in: Integers,
    period_ps: int,
    arrival_ps: Integers,
    late_ps: int,
    early: Floats,
    late: Floats,
    shifts: tuple[int, int],
    keys: Keys,
    n_ticks: int,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
) -> bool:
    """Join rows 2 d and 2 d + 1 to the arrivals of detector d; see `Arrivals`.

    late_ps:     by which the light of the late arm comes after that of the early one,
                 0 to less than one period
    early, late: float64[n_contexts, 2 n_det], photons of each arm at each row; shifts:
                 pulse k has context (k + shift) mod n
    keys:        uint64[2]

    Returns whether there was room.
    """
    for d in range(ends.shape[0]):
        at = 0
        ends[d, 0] = 0
        i = j = 0
        h, v = 2 * d, 2 * d + 1
        for k in range(n_ticks):
            first = at
            while i < ends_in[h, k + 1] or j < ends_in[v, k + 1]:
                if at >= t_ps.shape[1]:
                    return False
                row, q = v, j
                if j >= ends_in[v, k + 1] or (
                    i < ends_in[h, k + 1] and t_in[h, i] <= t_in[v, j]
                ):
                    row, q = h, i
                    i += 1
                else:
                    j += 1
                t, which = t_in[row, q], number_in[row, q]
                if late_ps > 0:
                    pulse = (t - arrival_ps[d]) // period_ps
                    one = early[(pulse + shifts[0]) % early.shape[0], row]
                    other = late[(pulse + shifts[1]) % late.shape[0], row]
                    now = np.uint64(tick + k)
                    word, _, _, _ = philox(
                        np.uint64(which),
                        _ZERO,
                        now & _LOW,
                        now >> _HALF,
                        keys[0],
                        keys[1],
                    )
                    if (word + 0.5) * UNIT * (one + other) < other:
                        t += late_ps
                place = at
                while place > first and t_ps[d, place - 1] > t:
                    t_ps[d, place] = t_ps[d, place - 1]
                    chance[d, place] = chance[d, place - 1]
                    number[d, place] = number[d, place - 1]
                    place -= 1
                t_ps[d, place] = t
                chance[d, place] = chance_in[row, q]
                number[d, place] = which
                at += 1
            ends[d, k + 1] = at
    return True
