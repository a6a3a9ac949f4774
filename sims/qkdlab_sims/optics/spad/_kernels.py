"""Compiled pass of one avalanche diode over a tick: arrivals in, clicks out."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.exponential._kernels import decay
from qkdlab_sims.optics.jit import inlined, kernel
from qkdlab_sims.optics.philox._kernels import Word, log_unit, philox, unit
from qkdlab_sims.optics.rows._kernels import NEVER_PS, insert
from qkdlab_sims.optics.spad.avalanches._kernels import (
    BLOCK,
    ROOM,
    draw_carriers,
    draw_lateness,
    draw_words,
)
from qkdlab_sims.optics.spad.traps import MOST_PENDING

__all__ = ["gate_arrivals", "run_spad", "spad_pass"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Words: TypeAlias = NDArray[np.uint32]
Diode: TypeAlias = Any  # a record of DIODE; numba gives it attributes
Diodes: TypeAlias = Any  # an array of DIODE

# Second counter word: what the numbers of a diode are used for; others stand beside
# what an avalanche needs.
_RELEASE = np.uint64(18 << 8)
_DARK = np.uint64(19 << 8)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO, _ONE = np.uint64(0), np.uint64(1)

_NEARLY = 0.998  # relative efficiency above which most events need no exact value
_TO_INTEGER = 1.5 * 2.0**52  # added and taken away again, it rounds
_COS = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(1, 9))


@inlined
def _recovered(diode: Diode, since_ps: int) -> float:
    """Return the efficiency so long after the hold-off, relative to that at rest."""
    if diode.tau_ps <= 0.0:
        return 1.0
    return 1.0 - decay(since_ps / diode.tau_ps)


@inlined
def _profile(gate: tuple[float, float, bool], since_ps: float) -> float:
    """Return the relative efficiency that a gate leaves so long after its opening."""
    width, edge, is_sine = gate
    if is_sine:
        half = (math.pi / width) * since_ps - 0.5 * math.pi
        z = half * half
        # the cosine between -pi/2 and pi/2, to 1e-12
        low = 1.0 + z * (_COS[0] + z * (_COS[1] + z * (_COS[2] + z * _COS[3])))
        fifth = z * z * z * z * z
        high = _COS[4] + z * (_COS[5] + z * (_COS[6] + z * _COS[7]))
        return float(max(0.0, low + fifth * high))
    nearest = min(since_ps, width - since_ps)
    return float(min(1.0, nearest / edge)) if edge > 0.0 else 1.0


@inlined
def _gate_of(diode: Diode) -> tuple[float, float, bool]:
    """Return width, edge, and whether half a sine, of a diode's gates."""
    return float(diode.gate_width_ps), diode.gate_edge_ps, diode.gate_is_sine


@inlined
def _through_gate(
    gate: tuple[float, float, bool], since_ps: float, chance: float
) -> float:
    """Return what to compare with the efficiency in the midst of a gate.

    gate: of `_gate_of`; since_ps: from a gate's opening to the event, less than the
    gates' period. Between gates the uniform number itself comes back, but 1 higher.
    """
    inside = chance / _profile(gate, since_ps)
    return inside if since_ps < gate[0] else 1.0 + chance


@kernel
def _gated(diode: Diode, t_ps: int, chance: float) -> float:
    """Do `_through_gate` for an event at `t_ps`."""
    since_ps = (t_ps - diode.gate_open_ps) % diode.gate_period_ps
    return _through_gate(_gate_of(diode), float(since_ps), chance)


@kernel
def gate_arrivals(diode: Diode, t_ps: Integers, chance: Floats) -> None:
    """Do `_through_gate` for arrivals in place, as vector code."""
    if t_ps.shape[0] == 0:
        return
    gate, period_ps = _gate_of(diode), diode.gate_period_ps
    base_ps = t_ps[0] - (t_ps[0] - diode.gate_open_ps) % period_ps
    period, per_ps = float(period_ps), 1.0 / period_ps
    for i in range(t_ps.shape[0]):
        since = float(t_ps[i] - base_ps)
        periods = (since * per_ps + _TO_INTEGER) - _TO_INTEGER
        since -= periods * period
        since = since + period if since < 0.0 else since
        chance[i] = _through_gate(gate, since, chance[i])


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
def _ticks_with_darks(
    per_tick: float,
    d: int,
    tick_begin: int,
    tick_end: int,
    k0: Word,
    k1: Word,
    ticks: Integers,
) -> None:
    """List the ticks in which the diode has a dark event, then NEVER_PS.

    Most have none, and one number says so; it is the first that `_next_dark` draws.
    """
    use = _DARK + np.uint64(d)
    position = np.empty(BLOCK)
    m = _ZERO
    for begin in range(tick_begin, tick_end, BLOCK):
        n = min(BLOCK, tick_end - begin)
        for i in range(n):
            label = np.uint64(begin) + np.uint64(i)
            a, _, _, _ = philox(_ZERO, use, label & _LOW, label >> _HALF, k0, k1)
            position[i] = -log_unit(a) / per_tick
        for i in range(n):
            ticks[m] = begin + i
            m += np.uint64(position[i] < 1.0)
    ticks[m] = NEVER_PS


@kernel
def _next_dark(
    diode: Diode, d: int, tick: int, tick_ps: int, k0: Word, k1: Word
) -> None:
    """Draw the next dark event of the tick, uniform in time."""
    use, label = _DARK + np.uint64(d), np.uint64(tick)
    number = np.uint64(diode.dark_number)
    a, b, _, _ = philox(number, use, label & _LOW, label >> _HALF, k0, k1)
    diode.dark_number += 1
    diode.dark_position -= log_unit(a) / diode.dark_per_tick
    diode.dark_chance = unit(b)
    diode.dark_ps = NEVER_PS
    if diode.dark_position < 1.0:
        within = np.int64(diode.dark_position * tick_ps)
        diode.dark_ps = tick * tick_ps + diode.arrival_ps + within


@kernel
def _release(diode: Diode, d: int, tick: int, k0: Word, k1: Word) -> float:
    """Take away the first pending carrier; return the uniform number that decides."""
    _drop_first_pending(diode)
    use, label = _RELEASE + np.uint64(d), np.uint64(tick)
    number = np.uint64(diode.release_number)
    a, _, _, _ = philox(number, use, label & _LOW, label >> _HALF, k0, k1)
    diode.release_number += 1
    return unit(a)


@kernel
def _persist(diode: Diode, t_ps: int, chance: float) -> None:
    """Keep the carrier of a photon absorbed between gates, if it lasts so long."""
    since = (t_ps - diode.gate_open_ps) % diode.gate_period_ps
    if since < diode.gate_width_ps:
        return  # it came when a gate opens or shuts
    wait = diode.gate_period_ps - since
    lasts = diode.persistence * math.exp(-wait / diode.persistence_tau_ps)
    if chance < lasts:
        rise = 0.5 * diode.gate_width_ps
        if not diode.gate_is_sine:
            rise = math.ceil(diode.gate_edge_ps)
        _keep_pending(diode, t_ps + wait + int(rise))


@kernel
def _list_clicks(
    diode: Diode,
    d: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    k0: Word,
    k1: Word,
    t_ps: Integers,
    chance: Floats,
    ends: Integers,
    dark_ticks: Integers,
    owner: Words,
    wait_ps: Integers,
    room: int,
    place: Integers,
    click_ps: Integers,
    since_ps: Integers,
) -> bool:
    """List avalanches in order of time until there are `room`.

    owner, wait_ps: of `draw_carriers`; dark_ticks: of `_ticks_with_darks`; place:
    tick, arrival and entry of dark_ticks to go on with, whether in a tick's midst, and
    then how many are listed; since_ps: of each, from the end of the last hold-off.
    False: more carriers are pending than there is room for.
    """
    # an arrival in the hold-off, or between gates, does nothing
    is_alike = not diode.paralysable and diode.persistence <= 0.0
    nearly_ps = math.ceil(-diode.tau_ps * math.log(1.0 - _NEARLY))
    nearly = _NEARLY if diode.tau_ps > 0.0 else 1.0
    dead_ps, live_ps = diode.dead_ps, diode.live_ps
    tick, dark, is_begun = place[0], place[2], place[3] > 0
    j, n, most, carrier = np.uint64(place[1]), _ZERO, np.uint64(room), _ZERO
    while tick < tick_end:
        if not is_begun:
            diode.release_number = 0
            diode.dark_ps = NEVER_PS
            if dark_ticks[dark] == tick:
                dark += 1
                diode.dark_number = 0
                diode.dark_position = 0.0
                _next_dark(diode, d, tick, tick_ps, k0, k1)
            is_begun = True
        end = np.uint64(ends[tick - tick_begin + 1])
        until = (tick + 1) * tick_ps + diode.arrival_ps
        while n < most:
            other_ps = min(diode.dark_ps, diode.release_ps)
            if is_alike:
                # most arrivals: no branch depends on whether they meet the hold-off,
                # and few come while the efficiency recovers
                stop = min(most, np.uint64(owner[carrier]))
                while j < end:
                    t, u = t_ps[j], chance[j]
                    if t >= other_ps or n >= stop:
                        break
                    since = t - live_ps
                    is_seen = (since >= nearly_ps) & (u < nearly)
                    if (since >= 0) & (u < 1.0) & (not is_seen):
                        is_seen = u < _recovered(diode, since)
                    click_ps[n], since_ps[n] = t, since
                    live_ps += (t + dead_ps - live_ps) & -np.int64(is_seen)
                    n += np.uint64(is_seen)
                    j += _ONE
                if n == most:
                    break
            t = t_ps[j] if j < end else until
            u = 0.0
            if other_ps <= t:
                if diode.dark_ps <= diode.release_ps:
                    t, u = diode.dark_ps, diode.dark_chance
                    _next_dark(diode, d, tick, tick_ps, k0, k1)
                else:
                    t = diode.release_ps
                    u = _release(diode, d, tick, k0, k1)
                if diode.gate_period_ps > 0:
                    u = _gated(diode, t, u)
            elif j < end:
                u = chance[j]
                j += _ONE
                if diode.persistence > 0.0 and u >= 1.0:
                    _persist(diode, t, u - 1.0)
            else:
                break
            if t < live_ps:
                if diode.paralysable:
                    live_ps = t + dead_ps
                continue
            if u >= _recovered(diode, t - live_ps):
                continue
            click_ps[n] = t
            since_ps[n] = t - live_ps
            live_ps = t + dead_ps
            while np.uint64(owner[carrier]) == n:
                _keep_pending(diode, t + wait_ps[carrier])
                carrier += _ONE
            n += _ONE
        if n == most:
            break
        if diode.is_overfull:
            return False
        tick += 1
        is_begun = False
    diode.live_ps = live_ps
    place[0], place[1], place[2], place[3], place[4] = tick, j, dark, is_begun, n
    return True


@kernel
def spad_pass(
    diode: Diode,
    d: int,
    tick_begin: int,
    tick_end: int,
    tick_ps: int,
    t_ps: Integers,
    chance: Floats,
    ends: Integers,
    keys: Keys,
    row: Integers,
) -> bool:
    """Turn arrivals of whole ticks at diode `d` into tags in its sorted `row`.

    t_ps, chance, ends: rows of `Arrivals`; keys: of the bank. False when the row is
    full, or `diode.is_overfull`.
    """
    k0, k1 = keys[0, 0], keys[0, 1]
    dark_ticks = np.empty(tick_end - tick_begin + 1, np.int64)
    dark_ticks[0] = NEVER_PS
    per_tick = diode.dark_per_tick
    if per_tick > 0.0:
        _ticks_with_darks(per_tick, d, tick_begin, tick_end, k0, k1, dark_ticks)
    if diode.gate_period_ps > 0:
        begin, end = ends[0], ends[tick_end - tick_begin]
        gate_arrivals(diode, t_ps[begin:end], chance[begin:end])
    # little memory that stays in the nearest cache
    words, listed = np.empty((4, BLOCK), np.uint32), np.empty((3, ROOM + 1), np.uint32)
    log_wait, wait_ps = np.empty(ROOM + 1), np.empty(ROOM + 1, np.int64)
    click_ps, since_ps = np.empty(BLOCK + 1, np.int64), np.empty(BLOCK + 1, np.int64)
    scratch, shift_ps = np.empty((3, BLOCK)), np.empty(BLOCK)
    place = np.zeros(5, np.int64)
    place[0], place[1] = tick_begin, ends[0]
    while place[0] < tick_end:
        first = diode.n_avalanches
        draw_words(first, d, k0, k1, words)
        room = draw_carriers(
            diode, first, d, k0, k1, words[3], listed, log_wait, wait_ps
        )
        fits = _list_clicks(
            diode, d, tick_begin, tick_end, tick_ps, k0, k1, t_ps, chance, ends,
            dark_ticks, listed[0], wait_ps, room, place, click_ps, since_ps,
        )  # fmt: skip
        n = place[4]
        if not fits or diode.n_tags + n > row.shape[0]:
            return False
        draw_lateness(diode, words, since_ps[:n], scratch, shift_ps)
        insert(diode, click_ps[:n], shift_ps, row)
        diode.n_avalanches = first + n
    return True


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
    for d in range(first, last):
        if not spad_pass(
            diodes[d], d, tick_begin, tick_end, tick_ps,
            t_ps[d], chance[d], ends[d], keys, out[d],
        ):  # fmt: skip
            return False
    return True
