"""Compiled kernels that draw the dark events of a nanowire, tick by tick or listed.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.nanowire._kernels import sees
from qkdlab_sims.optics.philox._kernels import log_unit, numbers, philox, unit
from qkdlab_sims.optics.rows._kernels import NEVER_PS, push

__all__ = ["begin_darks", "list_darks", "next_dark", "run_darks"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes

_DARK = np.uint64(3 << 8)  # second counter word of their numbers, detector 0
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_ZERO = np.uint64(0)
_BLOCK = 256


@kernel
def next_dark(wire: Wire, d: int, tick: int, tick_ps: int, keys: Keys) -> None:
    """Draw the next dark event of the tick, uniform in time."""
    a, b, _, _ = numbers(wire.dark_number, _DARK + np.uint64(d), tick, keys, 0)
    wire.dark_number += 1
    wire.dark_position -= math.log(unit(a)) / wire.dark_per_tick
    wire.dark_chance = unit(b)
    wire.dark_ps = NEVER_PS
    if wire.dark_position < 1.0:
        within = np.int64(wire.dark_position * tick_ps)
        wire.dark_ps = tick * tick_ps + wire.arrival_ps + within


@kernel
def begin_darks(wire: Wire, d: int, tick: int, tick_ps: int, keys: Keys) -> None:
    """Draw the first dark event of the tick."""
    wire.dark_number = 0
    wire.dark_position = 0.0
    wire.dark_ps = NEVER_PS
    if wire.dark_per_tick > 0.0:
        next_dark(wire, d, tick, tick_ps, keys)


@kernel
def run_darks(
    wire: Wire,
    d: int,
    until_ps: int,
    tick: int,
    tick_ps: int,
    keys: Keys,
    row: Integers,
) -> bool:
    """Turn dark events up to `until_ps` into clicks; False when the row is full."""
    while wire.dark_ps <= until_ps:
        t = wire.dark_ps
        if sees(wire, t, wire.dark_chance):
            wire.last_ps = t
            if not push(wire, row, t):
                return False
        next_dark(wire, d, tick, tick_ps, keys)
    return True


@kernel
def list_darks(
    wire: Wire,
    d: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    keys: Keys,
    dark_ps: Integers,
    chance: Floats,
) -> int:
    """List the dark events of whole ticks, the same as `next_dark` draws.

    Returns their number; NEVER_PS stands behind the last. -1: there is no room.
    """
    per_tick = wire.dark_per_tick
    use = _DARK + np.uint64(d)
    first = np.empty(_BLOCK)
    n = 0
    dark_ps[0] = NEVER_PS
    if per_tick <= 0.0:
        return 0
    for begin in range(tick_begin, tick_end, _BLOCK):
        end = min(begin + _BLOCK, tick_end)
        for i in range(end - begin):
            label = np.uint64(begin) + np.uint64(i)
            a, _, _, _ = philox(
                _ZERO, use, label & _LOW, label >> _HALF, keys[0, 0], keys[0, 1]
            )
            first[i] = -log_unit(a) / per_tick
        for tick in range(begin, end):
            if first[tick - begin] >= 1.0:
                continue
            begin_darks(wire, d, tick, tick_ps, keys)
            while wire.dark_ps < NEVER_PS:
                if n + 1 >= dark_ps.shape[0]:
                    return -1
                dark_ps[n] = wire.dark_ps
                chance[n] = wire.dark_chance
                n += 1
                next_dark(wire, d, tick, tick_ps, keys)
    dark_ps[n] = NEVER_PS
    return n
