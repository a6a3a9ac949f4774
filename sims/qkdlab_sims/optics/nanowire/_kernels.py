"""Compiled kernels: the record of a nanowire, and its recovery.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import Word, unit
from qkdlab_sims.optics.rows._kernels import push

__all__ = [
    "JITTER",
    "NEARLY",
    "WIRE",
    "photon_click",
    "recovered",
    "sees",
]

Integers: TypeAlias = NDArray[np.int64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes

JITTER = np.uint64(1)
"""Second counter word of the numbers that jitter a tag; 0 is CANDIDATE."""

NEARLY = 0.998
"""Relative efficiency above which most events need no exact value."""

WIRE = np.dtype(
    [
        ("arrival_ps", np.int64),  # pulse at the detector after its slot opens
        ("dark_per_tick", np.float64),
        ("tau_ps", np.float64),  # recovery of the current
        ("bias", np.float64),  # current, in units of the width of the efficiency
        ("nearly_ps", np.int64),  # recovered to more than `NEARLY` after it
        ("half", np.float64),  # current of half efficiency, same units
        ("full", np.float64),  # 1 + erf(bias - half)
        ("sigma_ps", np.float64),
        ("tail_fraction", np.float64),
        ("tail_ps", np.float64),
        ("last_ps", np.int64),  # last click
        ("dark_ps", np.int64),  # next dark event of this tick, or NEVER_PS
        ("dark_position", np.float64),  # the same as a fraction of the tick
        ("dark_chance", np.float64),  # uniform number that decides it
        ("dark_number", np.int64),  # number of dark events drawn in this tick
        ("n_tags", np.int64),  # filled length of the detector's row of tags
    ]
)
"""One detector as the kernels see it: constants of the call, then state."""


@kernel
def recovered(wire: Wire, t_ps: int) -> float:
    """Return the efficiency at `t_ps` relative to the efficiency at rest."""
    x = (t_ps - wire.last_ps) / wire.tau_ps
    if x > 24.0:  # within 1e-9 of 1, below the resolution of the uniform numbers
        return 1.0
    if x <= 0.0 or wire.full <= 0.0:
        return 0.0
    current = wire.bias * (1.0 - math.exp(-x))
    return float((1.0 + math.erf(current - wire.half)) / wire.full)


@kernel
def sees(wire: Wire, t_ps: int, chance: float) -> bool:
    """Return whether the uniform number `chance` is below the recovered efficiency."""
    if t_ps - wire.last_ps > wire.nearly_ps and chance < NEARLY:
        return True
    return chance < recovered(wire, t_ps)


@kernel
def photon_click(
    wire: Wire, row: Integers, t_ps: int, normal: float, c: Word, d: Word
) -> bool:
    """Record a click at `t_ps`, jittered by `normal` and, in the tail, by c and d."""
    wire.last_ps = t_ps
    shift = wire.sigma_ps * normal
    if wire.tail_fraction > 0.0 and unit(c) < wire.tail_fraction:
        shift -= wire.tail_ps * math.log(unit(d))
    return push(wire, row, t_ps + math.floor(shift + 0.5))
