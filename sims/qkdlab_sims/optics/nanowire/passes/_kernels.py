"""Compiled pass that turns arrivals and dark events into clicks of nanowires.

A technology of detectors is one record of state (here `WIRE`) and a pass that takes one
detector's arrivals of some ticks (`snspd_pass`), called for each detector (`run_snspd`)
by a subclass of `bank.Bank`. A pass

- finds its arrivals sorted in time and may overwrite them,
- compares `chance` with the momentary efficiency relative to rest,
- keys every draw about an event by (number, use, tick), each use by a counter word of
  its own; 1 is that of the jitter,
- draws dark events itself and merges them in order of time,
- inserts its tags, int64 ps, into the sorted `row` and says False when that is full,
- gives the same whatever ticks it is called for at a time, and touches no other
  detector, so that passes can run on several threads.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.nanowire._kernels import NEARLY, recovered, sees
from qkdlab_sims.optics.nanowire.darks._kernels import list_darks
from qkdlab_sims.optics.nanowire.jitter._kernels import draw_jitter, fill_lateness
from qkdlab_sims.optics.rows._kernels import NEVER_PS, insert

__all__ = ["run_snspd", "snspd_pass"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes
Wires: TypeAlias = Any  # an array of WIRE

_HALF = np.uint64(32)
_ONE = np.uint64(1)
_BLOCK = 256


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
    place: Counts,
    click_ps: Integers,
    label: Integers,
) -> int:
    """Let the wire recover from click to click; list what it sees, return how much.

    place: tick, arrival and dark event to go on with when the list is full
    label: number of the event with its tick, counted from the first, above 32 bits;
    -1 for dark events.
    """
    nearly_ps, last_ps = wire.nearly_ps, wire.last_ps
    n, room = 0, click_ps.shape[0]
    tick, j, m = np.uint64(place[0]), np.uint64(place[1]), np.uint64(place[2])
    dark = dark_ps[m]
    # one tick more, without arrivals: dark events come behind the last
    while tick <= np.uint64(n_ticks):
        end = np.uint64(ends[tick + _ONE]) if tick < np.uint64(n_ticks) else j
        while True:
            t = t_ps[j] if j < end else NEVER_PS
            if n == room:
                break
            if dark <= t:
                if dark == NEVER_PS or (j == end and tick < np.uint64(n_ticks)):
                    break
                wire.last_ps = last_ps
                if sees(wire, dark, dark_chance[m]):
                    last_ps = dark
                    click_ps[n] = dark
                    label[n] = -1
                    n += 1
                m += _ONE
                dark = dark_ps[m]
                continue
            is_seen = t - last_ps > nearly_ps and chance[j] < NEARLY
            if not is_seen:
                wire.last_ps = last_ps
                is_seen = chance[j] < recovered(wire, t)
            if is_seen:
                last_ps = t
                click_ps[n] = t
                label[n] = number[j] | np.int64(tick << _HALF)
                n += 1
            j += _ONE
        if n == room:
            break
        tick += _ONE
    wire.last_ps = last_ps
    place[0], place[1], place[2] = tick, j, m
    return n


@kernel
def snspd_pass(
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
    """Turn arrivals of whole ticks at nanowire `d` into tags; False: its row is full.

    t_ps, chance, number, ends: rows of `Arrivals`; keys: of the bank; row: sorted
    tags, wire.n_tags of them so far
    """
    room = row.shape[0] - wire.n_tags
    darks = wire.dark_per_tick * (tick_end - tick_begin)
    most = np.int64(darks + 12.0 * math.sqrt(darks)) + 64  # as of `poisson_bound`
    dark_ps, dark_chance = np.empty(most + 1, np.int64), np.empty(most + 1)
    n = list_darks(wire, d, tick_begin, tick_end, tick_ps, keys, dark_ps, dark_chance)
    n_ticks = tick_end - tick_begin
    if n < 0 or n + ends[n_ticks] > room:
        return False
    click_ps, label = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    shift_ps, sigma_ps = np.empty(_BLOCK), np.empty(_BLOCK)
    scratch = np.empty((2, _BLOCK))
    words = np.empty((4, _BLOCK), np.uint32)
    place = np.zeros(3, np.uint64)
    place[1] = ends[0]
    n = _BLOCK
    while n == _BLOCK:
        n = _list_clicks(
            wire, n_ticks, t_ps, chance, number, ends,
            dark_ps, dark_chance, place, click_ps, label,
        )  # fmt: skip
        draw_jitter(tick_begin, keys, label[:n], words)
        for i in range(n):
            sigma_ps[i] = wire.sigma_ps if label[i] >= 0 else 0.0
        fill_lateness(wire, label[:n], sigma_ps, words, scratch, shift_ps)
        insert(wire, click_ps[:n], shift_ps, row)
    return True


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
        if not snspd_pass(
            wires[d], d, tick_begin, tick_end, tick_ps,
            t_ps[d], chance[d], number[d], ends[d], keys, out[d],
        ):  # fmt: skip
            return False
    return True
