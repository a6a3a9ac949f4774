"""Compiled pass of one avalanche diode over a tick: arrivals in, clicks out."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.normal._kernels import gauss
from qkdlab_sims.optics.philox._kernels import (
    log_unit,
    numbers,
    philox,
    unit,
)
from qkdlab_sims.optics.spad.traps import MOST_TRAPS

__all__ = [
    "BLOCK",
    "DIODE",
    "MOST_PENDING",
    "NEVER_PS",
    "run_spad",
    "sensitivity",
    "spad_pass",
]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Diode: TypeAlias = Any  # a record of DIODE; numba gives it attributes
Diodes: TypeAlias = Any  # an array of DIODE

NEVER_PS = 1 << 62
"""A time later than all others."""

MOST_PENDING = 512
"""Carriers in traps that a record has room for; one more is an error."""

BLOCK = 64
"""Avalanches whose numbers are drawn together; a power of 2."""

# Second counter word: what the numbers of a diode are used for. Avalanches count on
# from the first, so that blocks of them are used up whatever their rate.
_AVALANCHE = np.uint64(16 << 8)
_FILLING = np.uint64(17 << 8)
_RELEASE = np.uint64(18 << 8)
_DARK = np.uint64(19 << 8)
_SIXTEEN = np.uint64(16)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_NO_TICK = np.uint64(0)

_RESTED = 24.0  # time constants after which 1e-10 is left

DIODE = np.dtype(
    [
        ("arrival_ps", np.int64),  # pulse at the detector after its slot opens
        ("dark_per_tick", np.float64),  # of a diode at rest and always biased
        ("dead_ps", np.int64),
        ("paralysable", np.bool_),
        ("tau_ps", np.float64),  # recovery of the efficiency after the hold-off
        ("sigma_ps", np.float64),
        ("tail_fraction", np.float64),
        ("tail_ps", np.float64),
        ("walk_ps", np.float64),
        ("walk_tau_ps", np.float64),
        ("gate_period_ps", np.int64),  # 0: free running
        ("gate_open_ps", np.int64),  # a gate's opening
        ("gate_width_ps", np.int64),
        ("gate_edge_ps", np.float64),
        ("gate_is_sine", np.bool_),
        ("persistence", np.float64),
        ("persistence_tau_ps", np.float64),
        ("n_traps", np.int64),
        ("trap_mean", np.float64),  # carriers that an avalanche leaves, all traps
        ("trap_none", np.float64),  # exp(-trap_mean)
        ("trap_share", np.float64, MOST_TRAPS),  # cumulative
        ("trap_tau_ps", np.float64, MOST_TRAPS),
        ("live_ps", np.int64),  # end of the last hold-off
        ("dark_ps", np.int64),  # next dark event of this tick, or NEVER_PS
        ("dark_position", np.float64),  # the same as a fraction of the tick
        ("dark_chance", np.float64),  # uniform number that decides it
        ("dark_number", np.int64),  # dark events drawn in this tick
        ("release_ps", np.int64),  # earliest of the pending ones, or NEVER_PS
        ("release_number", np.int64),  # releases decided in this tick
        ("n_pending", np.int64),
        ("pending_ps", np.int64, MOST_PENDING),
        ("is_overfull", np.bool_),  # more were pending than there is room for
        ("n_avalanches", np.int64),  # since the diode is
        ("n_tags", np.int64),  # filled length of the detector's row of tags
    ]
)
"""One diode as the kernel sees it: constants of the call, then state."""


@kernel
def _gate_profile(diode: Diode, t_ps: int) -> float:
    """Return the relative efficiency that the gate leaves at `t_ps`."""
    since = (t_ps - diode.gate_open_ps) % diode.gate_period_ps
    width = diode.gate_width_ps
    if since >= width:
        return 0.0
    if diode.gate_is_sine:
        return math.sin(math.pi * since / width)
    nearest = min(since, width - since)
    if nearest >= diode.gate_edge_ps:
        return 1.0
    return float(nearest / diode.gate_edge_ps)


@inlined
def sensitivity(diode: Diode, t_ps: int) -> float:
    """Return the efficiency at `t_ps`, after the hold-off, relative to that at rest."""
    relative = 1.0
    if diode.gate_period_ps > 0:
        relative = _gate_profile(diode, t_ps)
    if diode.tau_ps > 0.0:
        x = (t_ps - diode.live_ps) / diode.tau_ps
        if x < _RESTED:
            relative *= -math.expm1(-x)
    return relative


@kernel
def _keep_pending(diode: Diode, t_ps: int) -> None:
    """Note a carrier that comes free at `t_ps`."""
    n = diode.n_pending
    if n >= MOST_PENDING:
        diode.is_overfull = True
        return
    diode.pending_ps[n] = t_ps
    diode.n_pending = n + 1
    diode.release_ps = min(diode.release_ps, t_ps)


@kernel
def _drop_first_pending(diode: Diode) -> None:
    pending = diode.pending_ps
    n = diode.n_pending - 1
    first = diode.release_ps
    earliest = NEVER_PS
    found = False
    for i in range(n + 1):
        if not found and pending[i] == first:
            found = True
            pending[i] = pending[n]
        if i < n:
            earliest = min(earliest, pending[i])
    diode.n_pending = n
    diode.release_ps = earliest


@kernel
def _fill_traps(
    diode: Diode, u: float, avalanche: int, t_ps: int, d: int, keys: Keys
) -> None:
    """Leave carriers in traps; those that come free in the hold-off are lost."""
    chance = diode.trap_none
    below = chance
    n = 0
    while u >= below and n < MOST_PENDING:
        n += 1
        chance *= diode.trap_mean / n
        below += chance
        use = _FILLING + np.uint64(d) + (np.uint64(n) << _SIXTEEN)
        low, high = avalanche & 0xFFFFFFFF, avalanche >> 32
        a, b, _, _ = numbers(low, use, high, keys, 0)
        pick = unit(a)
        kind = 0
        while kind < diode.n_traps - 1 and pick >= diode.trap_share[kind]:
            kind += 1
        free_ps = t_ps + int(-diode.trap_tau_ps[kind] * math.log(unit(b)))
        if diode.paralysable or free_ps >= diode.live_ps:
            _keep_pending(diode, free_ps)


@kernel
def _draw_block(first: int, d: int, keys: Keys, drawn: Floats) -> None:
    """Draw the numbers of avalanches first .. first + BLOCK - 1 of a diode."""
    normal, late, filling = drawn[0], drawn[1], drawn[2]
    low, high = np.uint64(first) & _LOW, np.uint64(first) >> _HALF
    use = _AVALANCHE + np.uint64(d)
    k0, k1 = keys[0, 0], keys[0, 1]
    for i in range(BLOCK):  # no branches: the compiler makes vector code of it
        a, b, c, e = philox(low + np.uint64(i), use, high, _NO_TICK, k0, k1)
        normal[i] = gauss(a, b)
        late[i] = unit(c)
        filling[i] = unit(e)


@kernel
def _next_dark(diode: Diode, d: int, tick: int, tick_ps: int, keys: Keys) -> None:
    """Draw the next dark event of the tick, uniform in time."""
    use = _DARK + np.uint64(d)
    a, b, _, _ = numbers(diode.dark_number, use, tick, keys, 0)
    diode.dark_number += 1
    diode.dark_position -= log_unit(a) / diode.dark_per_tick
    diode.dark_chance = unit(b)
    diode.dark_ps = NEVER_PS
    if diode.dark_position < 1.0:
        within = np.int64(diode.dark_position * tick_ps)
        diode.dark_ps = tick * tick_ps + diode.arrival_ps + within


@kernel
def _release(diode: Diode, d: int, tick: int, keys: Keys) -> float:
    """Take away the first pending carrier; return the uniform number that decides."""
    _drop_first_pending(diode)
    use = _RELEASE + np.uint64(d)
    a, _, _, _ = numbers(diode.release_number, use, tick, keys, 0)
    diode.release_number += 1
    return unit(a)


@inlined
def _lateness(diode: Diode, t_ps: int, normal: float, late: float) -> int:
    """Return by how much the tag of an avalanche at `t_ps` is late."""
    shift = diode.sigma_ps * normal
    # what is left of a uniform number below a bound is uniform again
    if late < diode.tail_fraction:
        shift -= diode.tail_ps * math.log(late / diode.tail_fraction)
    if diode.walk_ps > 0.0:
        x = (t_ps - diode.live_ps) / diode.walk_tau_ps
        if x < _RESTED:
            shift += diode.walk_ps * math.exp(-x)
    whole: int = math.floor(shift + 0.5)
    return whole


@kernel
def _persist(diode: Diode, t_ps: int, chance: float) -> None:
    """Keep the carrier of a photon absorbed between gates, if it lasts so long."""
    since = (t_ps - diode.gate_open_ps) % diode.gate_period_ps
    if since < diode.gate_width_ps:
        return
    wait = diode.gate_period_ps - since
    lasts = diode.persistence * math.exp(-wait / diode.persistence_tau_ps)
    if chance < lasts:
        rise = 0.5 * diode.gate_width_ps
        if not diode.gate_is_sine:
            rise = math.ceil(diode.gate_edge_ps)
        _keep_pending(diode, t_ps + wait + int(rise))


@inlined
def spad_pass(
    diode: Diode,
    d: int,
    tick: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    begin: int,
    end: int,
    keys: Keys,
    drawn: Floats,
    row: Integers,
) -> bool:
    """Turn a tick's arrivals at diode `d` into tags in its sorted `row`.

    t_ps, chance: arrivals as of `Arrivals`, those of the tick in [begin, end); keys:
    of the bank; drawn: float64[3, BLOCK], numbers of the present block of avalanches.
    False when the row is full, or `diode.is_overfull`.
    """
    diode.release_number = 0
    diode.dark_number = 0
    diode.dark_position = 0.0
    diode.dark_ps = NEVER_PS
    if diode.dark_per_tick > 0.0:
        _next_dark(diode, d, tick, tick_ps, keys)
    until = (tick + 1) * tick_ps + diode.arrival_ps
    j = begin
    # one body for carriers of any origin: arrays handed to another function, even an
    # inlined one, would be counted up and down for every carrier
    while True:
        t = t_ps[j] if j < end else until
        if diode.dark_ps <= t or diode.release_ps <= t:
            if diode.dark_ps <= diode.release_ps:
                t, u = diode.dark_ps, diode.dark_chance
                _next_dark(diode, d, tick, tick_ps, keys)
            else:
                t = diode.release_ps
                u = _release(diode, d, tick, keys)
        elif j < end:
            u = chance[j]
            j += 1
            if diode.persistence > 0.0:
                _persist(diode, t, u)
        else:
            return not diode.is_overfull
        if t < diode.live_ps:
            if diode.paralysable:
                diode.live_ps = t + diode.dead_ps
            continue
        if u >= sensitivity(diode, t):
            continue
        number = diode.n_avalanches
        at = number & (BLOCK - 1)
        if at == 0:
            _draw_block(number, d, keys, drawn)
        tag = t + _lateness(diode, t, drawn[0, at], drawn[1, at])
        diode.n_avalanches = number + 1
        diode.live_ps = t + diode.dead_ps
        if drawn[2, at] >= diode.trap_none:
            _fill_traps(diode, drawn[2, at], number, t, d, keys)
        i = diode.n_tags
        if i >= row.shape[0]:
            return False
        diode.n_tags = i + 1
        while i > 0 and row[i - 1] > tag:
            row[i] = row[i - 1]
            i -= 1
        row[i] = tag


@kernel
def run_spad(
    diodes: Diodes,
    first: int,
    last: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    ends: Integers,
    keys: Keys,
    out: Integers,
) -> bool:
    """Run the pass of diodes [first, last) over whole ticks.

    diodes: DIODE[n_det], state changed in place; t_ps, chance, ends: of `Arrivals`;
    out: int64[n_det, capacity], sorted tags. Returns False when a row or a list of
    pending carriers is full.
    """
    drawn = np.empty((3, BLOCK))
    for d in range(first, last):
        diode, row, t, c = diodes[d], out[d], t_ps[d], chance[d]
        _draw_block(diode.n_avalanches // BLOCK * BLOCK, d, keys, drawn)
        begin = ends[d, 0]
        for tick in range(tick_begin, tick_end):
            end = ends[d, tick - tick_begin + 1]
            if not spad_pass(
                diode, d, tick, tick_ps, t, c, begin, end, keys, drawn, row
            ):
                return False
            begin = end
    return True
