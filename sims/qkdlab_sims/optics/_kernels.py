"""Compiled kernels that turn arrivals and dark events into clicks of nanowires.

A technology of detectors is one record of state (here `WIRE`), one pass over the
arrivals of a tick (`snspd_pass`) and the loop over ticks that calls it (`run_snspd`).
To add another write the three with the same arguments and let a bank name them; see
`detector.DetectorBank`. A pass

- finds its arrivals sorted in time and may overwrite them,
- compares `chance` with the momentary efficiency relative to rest,
- keys every draw about an event by (number, use, tick), each use by a counter word of
  its own; 0 and 1 are those of jitter and tail,
- draws dark events itself and merges them in order of time,
- inserts its tags, int64 ps, into the sorted `row` and says False when that is full.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import (
    Word,
    gauss,
    log_unit,
    numbers,
    philox,
    unit,
)
from qkdlab_sims.optics.photons._kernels import CANDIDATE

__all__ = [
    "NEARLY",
    "NEVER_PS",
    "TAIL",
    "WIRE",
    "begin_darks",
    "next_dark",
    "photon_click",
    "push",
    "run_darks",
    "run_snspd",
    "sees",
    "snspd_pass",
]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes
Wires: TypeAlias = Any  # an array of WIRE

# Second counter word: what the numbers of a tick are used for; 0 is CANDIDATE.
TAIL = np.uint64(1)
_DARK = np.uint64(3 << 8)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

NEARLY = 0.998
"""Relative efficiency above which most events need no exact value."""

NEVER_PS = 1 << 62
"""A time later than all others."""

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
def _recovered(wire: Wire, t_ps: int) -> float:
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
    return chance < _recovered(wire, t_ps)


@kernel
def push(wire: Wire, row: Integers, tag_ps: int) -> bool:
    """Insert a tag into the sorted row of a detector; False when it is full."""
    n = wire.n_tags
    if n >= row.shape[0]:
        return False
    j = n - 1
    while j >= 0 and row[j] > tag_ps:
        row[j + 1] = row[j]
        j -= 1
    row[j + 1] = tag_ps
    wire.n_tags = n + 1
    return True


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
def photon_click(
    wire: Wire, row: Integers, t_ps: int, normal: float, c: Word, d: Word
) -> bool:
    """Record a click at `t_ps`, jittered by `normal` and, in the tail, by c and d."""
    wire.last_ps = t_ps
    shift = wire.sigma_ps * normal
    if wire.tail_fraction > 0.0 and unit(c) < wire.tail_fraction:
        shift -= wire.tail_ps * math.log(unit(d))
    return push(wire, row, t_ps + math.floor(shift + 0.5))


@kernel
def _jitter(
    wire: Wire, tick: int, keys: Keys, number: Integers, shift_ps: Floats
) -> None:
    """Write how late the clicks of some events are."""
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    sigma_ps = wire.sigma_ps
    for i in range(number.shape[0]):
        event = np.uint64(number[i])
        _, _, a, b = philox(event, CANDIDATE, low, high, k0, k1)
        shift_ps[i] = sigma_ps * gauss(a, b)
    fraction, tail_ps = wire.tail_fraction, wire.tail_ps
    if fraction > 0.0:
        for i in range(number.shape[0]):
            event = np.uint64(number[i])
            a, b, _, _ = philox(event, TAIL, low, high, k0, k1)
            late = -tail_ps * log_unit(b)
            shift_ps[i] += late if unit(a) < fraction else 0.0


@kernel
def _push_clicks(
    wire: Wire,
    tick: int,
    keys: Keys,
    t_ps: Integers,
    number: Integers,
    shift_ps: Floats,
    row: Integers,
) -> bool:
    """Insert jittered tags of clicks; False when the row is full."""
    _jitter(wire, tick, keys, number, shift_ps)
    for i in range(t_ps.shape[0]):
        if not push(wire, row, t_ps[i] + math.floor(shift_ps[i] + 0.5)):
            return False
    return True


@kernel
def snspd_pass(
    wire: Wire,
    d: int,
    tick: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    keys: Keys,
    row: Integers,
) -> bool:
    """Turn a tick's arrivals at nanowire `d` into tags; False when its row is full.

    t_ps, chance, number: arrivals as of `Arrivals`, overwritten; keys: of the bank;
    row: int64[capacity], sorted tags, wire.n_tags of them so far
    """
    begin_darks(wire, d, tick, tick_ps, keys)
    begin = n = 0  # clicks [begin, n) still want jitter; they overwrite the arrivals
    for j in range(t_ps.shape[0]):
        t = t_ps[j]
        if wire.dark_ps <= t:
            if not _push_clicks(
                wire, tick, keys, t_ps[begin:n], number[begin:n], chance[begin:n], row
            ):
                return False
            begin = n
            if not run_darks(wire, d, t, tick, tick_ps, keys, row):
                return False
        if sees(wire, t, chance[j]):
            wire.last_ps = t
            t_ps[n] = t
            number[n] = number[j]
            n += 1
    if not _push_clicks(
        wire, tick, keys, t_ps[begin:n], number[begin:n], chance[begin:n], row
    ):
        return False
    until = (tick + 1) * tick_ps + wire.arrival_ps
    return run_darks(wire, d, until, tick, tick_ps, keys, row)


@kernel
def run_snspd(
    wires: Wires,
    first: int,
    last: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
    keys: Keys,
    out: Integers,
) -> bool:
    """Run the pass of detectors [first, last) over whole ticks.

    wires: WIRE[n_det], state changed in place; t_ps, chance, number, ends: of
    `Arrivals`; out: int64[n_det, capacity], sorted tags. Returns False when a row is
    full.
    """
    for d in range(first, last):
        for tick in range(tick_begin, tick_end):
            begin, end = ends[d, tick - tick_begin], ends[d, tick - tick_begin + 1]
            if not snspd_pass(
                wires[d],
                d,
                tick,
                tick_ps,
                t_ps[d, begin:end],
                chance[d, begin:end],
                number[d, begin:end],
                keys,
                out[d],
            ):
                return False
    return True
