"""Compiled pass of nanowires whose readout is not ideal; see `Readout`.

What a wire remembers fades from event to event by factors that depend on the time
between them alone: they are worked out beforehand for a block of arrivals, as vector
code, and in order of time only products are left.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.exponential._kernels import decay
from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.nanowire._kernels import NEARLY, WIRE
from qkdlab_sims.optics.nanowire.darks._kernels import list_darks
from qkdlab_sims.optics.nanowire.jitter._kernels import draw_jitter, fill_lateness
from qkdlab_sims.optics.rows._kernels import NEVER_PS, insert

__all__ = ["READ_WIRE", "STATE", "readout_pass", "run_readout"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = NDArray[np.uint64]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of READ_WIRE; numba gives it attributes
Wires: TypeAlias = Any  # an array of READ_WIRE

_HALF, _ONE = np.uint64(32), np.uint64(1)
_BLOCK = 256
_TWO_52 = np.uint64(0x433 << 52)
_LONGEST_PS = 1 << 50
"""Time between two events beyond which nothing is left of the first."""

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
        ("nearly", np.float64),  # current with more than `NEARLY`, over that at rest
        ("event_ps", np.int64),  # last that could have been a click
        ("missing", np.float64),  # share of the current not recovered at event_ps
        ("droop", np.float64),  # share of the bias that is missing, at event_ps
        ("heat", np.float64),  # clicks within heating_ps, at last_ps
        ("is_latched", np.bool_),
        # last: numba would take a longer record that begins like `WIRE` for one, and
        # then says so or not, by what was compiled before
        *WIRE.descr,
    ]
)
"""A nanowire with its readout: `WIRE` and constants of the call, then state."""

STATE = ("last_ps", "event_ps", "missing", "droop", "heat")
"""Fields of a record that go from call to call."""


@kernel
def _fill_decays(t_ps: Integers, before_ps: int, wire: Wire, decays: Floats) -> None:
    """Write what each event leaves of the memory at the one before it.

    before_ps: of the event before the first; decays: float64[2, n], of current and bias
    """
    n = t_ps.shape[0]
    if n == 0:
        return
    falls, ebbs = decays[0], decays[1]
    falls[0] = float(min(t_ps[0] - before_ps, _LONGEST_PS))
    for i in range(1, n):
        # as float() of a number below 2**52, but vector code
        since_ps = np.uint64(np.uint64(t_ps[i] - t_ps[i - 1]) | _TWO_52)
        falls[i] = since_ps.view(np.float64) - 2.0**52
    if wire.ac_ps > 0.0:
        rate = 1.0 / wire.ac_ps
        for i in range(n):
            ebbs[i] = decay(falls[i] * rate)
    rate = 1.0 / wire.tau_ps
    for i in range(n):
        falls[i] = decay(falls[i] * rate)


@kernel
def _list_clicks(
    wire: Wire,
    n_ticks: int,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
    dark_ps: Integers,
    dark_chance: Floats,
    decays: Floats,
    place: Counts,
    click_ps: Integers,
    height: Floats,
    label: Integers,
) -> int:
    """Let the wire recover from event to event; list what is read, return how much.

    decays: float64[2, n], of current and bias over the next n arrivals
    place:  tick, arrival and dark event to go on with, and whether a dark one came last
    height: of each pulse, over that at rest; label: as of `draw_jitter`, -1 for darks
    """
    tick, j, m = np.uint64(place[0]), np.uint64(place[1]), np.uint64(place[2])
    after_dark = place[3] > 0
    begin, total = j, np.uint64(ends[n_ticks])
    stop = min(begin + np.uint64(decays.shape[1]), total)
    n, room = 0, click_ps.shape[0]
    dark = dark_ps[m]
    falls, ebbs = decays[0], decays[1]
    fall_rate = 1.0 / wire.tau_ps
    ebb_rate = 1.0 / wire.ac_ps if wire.ac_ps > 0.0 else 0.0
    per_click, nearly, threshold = wire.droop_per_click, wire.nearly, wire.threshold
    bias, half, full = wire.bias, wire.half, wire.full
    missing, droop = wire.missing, wire.droop
    event_ps, last_ps = wire.event_ps, wire.last_ps
    heats = wire.heat_limit < math.inf
    strength = 0.0 if wire.is_latched or full <= 0.0 else 1.0
    while True:
        while tick < np.uint64(n_ticks) and j >= np.uint64(ends[tick + _ONE]):
            tick += _ONE
        if n == room or (j == stop and j < total):
            break
        t = t_ps[j] if j < total else NEVER_PS
        is_dark = dark <= t
        if is_dark:
            t, u = dark, dark_chance[m]
            if t == NEVER_PS:
                break
        else:
            u = chance[j]
        if is_dark or after_dark:
            since_ps = min(t - event_ps, _LONGEST_PS)
            missing *= decay(since_ps * fall_rate)
            droop *= decay(since_ps * ebb_rate)
        else:
            missing *= falls[j - begin]
            droop *= ebbs[j - begin]
        high = strength * ((1.0 - missing) * (1.0 - droop))
        is_click = high > nearly and u < NEARLY
        if not is_click and high > 0.0:
            is_click = u * full < 1.0 + math.erf(bias * high - half)
        if is_click:
            # the current is taken away; it may be for good
            missing = 1.0
            droop = min(1.0, droop + per_click)
            if heats:
                since_ps = min(t - last_ps, _LONGEST_PS)
                wire.heat = 1.0 + wire.heat * decay(since_ps / wire.heating_ps)
                wire.is_latched = wire.heat > wire.heat_limit
                strength = 0.0 if wire.is_latched else 1.0
            last_ps = t
            click_ps[n], height[n] = t, high
            label[n] = -1 if is_dark else number[j] | np.int64(tick << _HALF)
            n += high >= threshold
        event_ps, after_dark = t, is_dark
        if is_dark:
            m += _ONE
            dark = dark_ps[m]
        else:
            j += _ONE
    wire.missing, wire.droop = missing, droop
    wire.event_ps, wire.last_ps = event_ps, last_ps
    place[0], place[1], place[2], place[3] = tick, j, m, after_dark
    return n


@kernel
def readout_pass(
    wire: Wire,
    d: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    number: Integers,
    ends: Integers,
    keys: Keys,
    row: Integers,
) -> bool:
    """Turn arrivals of whole ticks at nanowire `d` into tags; as `snspd_pass`."""
    room = row.shape[0] - wire.n_tags
    darks = wire.dark_per_tick * (tick_end - tick_begin)
    most = np.int64(darks + 12.0 * math.sqrt(darks)) + 64  # as of `poisson_bound`
    dark_ps, dark_chance = np.empty(most + 1, np.int64), np.empty(most + 1)
    n = list_darks(wire, d, tick_begin, tick_end, tick_ps, keys, dark_ps, dark_chance)
    n_ticks = tick_end - tick_begin
    total = ends[n_ticks]
    if n < 0 or n + total - ends[0] > room:
        return False
    click_ps, label = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    shift_ps, height = np.empty(_BLOCK), np.empty(_BLOCK)
    sigma_ps, scratch = np.empty(_BLOCK), np.empty((2, _BLOCK))
    words, decays = np.empty((4, _BLOCK), np.uint32), np.ones((2, _BLOCK))
    place = np.zeros(4, np.uint64)
    place[1] = ends[0]
    light, own, walk_ps = wire.light_sigma_ps**2, wire.wire_sigma_ps, wire.walk_ps
    n = _BLOCK
    while n > 0 or np.int64(place[1]) < total:
        j = np.int64(place[1])
        coming = t_ps[j : min(j + _BLOCK, total)]
        _fill_decays(coming, wire.event_ps, wire, decays)
        n = _list_clicks(
            wire, n_ticks, t_ps, chance, number, ends, dark_ps, dark_chance,
            decays, place, click_ps, height, label,
        )  # fmt: skip
        draw_jitter(tick_begin, keys, label[:n], words)
        for i in range(n):
            sigma = math.sqrt(light + (own / height[i]) ** 2)
            sigma_ps[i] = sigma if label[i] >= 0 else 0.0
        fill_lateness(wire, label[:n], sigma_ps, words, scratch, shift_ps)
        for i in range(n):
            shift_ps[i] += walk_ps * (1.0 / height[i] - 1.0)
        insert(wire, click_ps[:n], shift_ps, row)
    return True


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
        if not readout_pass(
            wires[d], d, tick_begin, tick_end, tick_ps,
            t_ps[d], chance[d], number[d], ends[d], keys, out[d],
        ):  # fmt: skip
            return False
    return True
