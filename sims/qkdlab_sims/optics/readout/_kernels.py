"""Compiled pass of nanowires whose readout is not ideal; see `Readout`."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.nanowire._kernels import JITTER, WIRE
from qkdlab_sims.optics.nanowire.darks._kernels import begin_darks, next_dark
from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import log_unit, numbers, unit
from qkdlab_sims.optics.rows._kernels import push

__all__ = ["READ_WIRE", "readout_pass", "run_readout"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of READ_WIRE; numba gives it attributes
Wires: TypeAlias = Any  # an array of READ_WIRE

_RESTED = 24.0  # time constants after which 1e-10 is left

READ_WIRE = np.dtype(
    [
        ("light_sigma_ps", np.float64),  # part of sigma_ps that does not grow
        ("wire_sigma_ps", np.float64),  # part that does
        ("threshold", np.float64),
        ("walk_ps", np.float64),
        ("ac_ps", np.float64),  # 0: DC coupled
        ("droop_per_click", np.float64),
        ("heating_ps", np.float64),
        ("heat_limit", np.float64),
        ("droop", np.float64),  # share of the bias that is missing, at last_ps
        ("heat", np.float64),  # clicks within heating_ps, at last_ps
        ("is_latched", np.bool_),
        # last: numba would take a longer record that begins like `WIRE` for one, and
        # then says so or not, by what was compiled before
        *WIRE.descr,
    ]
)
"""A nanowire with its readout: `WIRE` and constants of the call, then state."""


@inlined
def _height(wire: Wire, t_ps: int) -> float:
    """Return the current at `t_ps` over that at rest."""
    since = t_ps - wire.last_ps
    height = 1.0
    if since < _RESTED * wire.tau_ps:
        height = max(0.0, -math.expm1(-since / wire.tau_ps))
    if wire.droop > 0.0 and since < _RESTED * wire.ac_ps:
        height *= 1.0 - wire.droop * math.exp(-since / wire.ac_ps)
    return max(0.0, height)


@inlined
def _clicks(wire: Wire, height: float, chance: float) -> bool:
    """Return whether a carrier of this `chance` makes the wire normal."""
    if height <= 0.0 or wire.full <= 0.0 or wire.is_latched:
        return False
    return bool(chance * wire.full < 1.0 + math.erf(wire.bias * height - wire.half))


@inlined
def _reset(wire: Wire, t_ps: int) -> None:
    """Take the current away at `t_ps`; it may be for good."""
    since = t_ps - wire.last_ps
    wire.last_ps = t_ps
    if wire.ac_ps > 0.0:
        left = wire.droop * math.exp(-since / wire.ac_ps)
        wire.droop = min(1.0, left + wire.droop_per_click)
    if wire.heat_limit < math.inf:
        wire.heat = 1.0 + wire.heat * math.exp(-since / wire.heating_ps)
        wire.is_latched = wire.heat > wire.heat_limit


@kernel
def _run_darks(
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
        height = _height(wire, t)
        if _clicks(wire, height, wire.dark_chance):
            _reset(wire, t)
            late = math.floor(wire.walk_ps * (1.0 / height - 1.0) + 0.5)
            if height >= wire.threshold and not push(wire, row, t + late):
                return False
        next_dark(wire, d, tick, tick_ps, keys)
    return True


@kernel
def readout_pass(
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
    """Turn a tick's arrivals at nanowire `d` into tags; as `snspd_pass`."""
    begin_darks(wire, d, tick, tick_ps, keys)
    for j in range(t_ps.shape[0]):
        t = t_ps[j]
        if wire.dark_ps <= t and not _run_darks(wire, d, t, tick, tick_ps, keys, row):
            return False
        height = _height(wire, t)
        if not _clicks(wire, height, chance[j]):
            continue
        _reset(wire, t)
        if height < wire.threshold:
            continue
        a, b, late, later = numbers(number[j], JITTER, tick, keys, 0)
        sigma = math.hypot(wire.light_sigma_ps, wire.wire_sigma_ps / height)
        shift = sigma * gauss(a, b) + wire.walk_ps * (1.0 / height - 1.0)
        if unit(late) < wire.tail_fraction:
            shift -= wire.tail_ps * log_unit(later)
        if not push(wire, row, t + math.floor(shift + 0.5)):
            return False
    until = (tick + 1) * tick_ps + wire.arrival_ps
    return _run_darks(wire, d, until, tick, tick_ps, keys, row)


@kernel
def run_readout(
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
    """Run the pass of wires [first, last) over whole ticks; as `run_snspd`."""
    for d in range(first, last):
        for tick in range(tick_begin, tick_end):
            begin, end = ends[d, tick - tick_begin], ends[d, tick - tick_begin + 1]
            if not readout_pass(
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
