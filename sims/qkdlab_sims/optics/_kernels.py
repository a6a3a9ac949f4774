"""Compiled kernels that turn candidate photons and dark events into clicks."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import Word, gauss, numbers, unit
from qkdlab_sims.optics.photons._kernels import (
    BATCH,
    PULSES_PER_TICK,
    draw_candidates,
    look_up_states,
    mean_photons,
    thin_candidates,
)

__all__ = [
    "BRIGHT_MEAN",
    "NEARLY",
    "NEVER_PS",
    "WIRE",
    "begin_darks",
    "photon_click",
    "run_darks",
    "run_ticks",
    "sees",
]

BRIGHT_MEAN = 2.0
"""Mean detectable photons a pulse above which every pulse is visited."""

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]
Wire: TypeAlias = Any  # a record of WIRE; numba gives it attributes
Wires: TypeAlias = Any  # an array of WIRE

# Second counter word: what the numbers of a tick are used for; 0 is for candidates.
_TAIL = np.uint64(1)
_PULSE = np.uint64(1 << 8)
_PULSE_TAIL = np.uint64(2 << 8)
_DARK = np.uint64(3 << 8)

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
def _push(wire: Wire, row: Integers, tag_ps: int) -> bool:
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
            if not _push(wire, row, t):
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
    return _push(wire, row, t_ps + math.floor(shift + 0.5))


@kernel
def _dim_tick(
    tick: int,
    pulse: Integers,
    words: NDArray[np.uint32],
    kept: Integers,
    detector: Integers,
    chance: Floats,
    normal: Floats,
    period_ps: int,
    keys: Keys,
    wires: Wires,
    out: Integers,
) -> bool:
    """Turn a tick's thinned candidates into clicks; False when a row is full."""
    tick_ps = period_ps * PULSES_PER_TICK
    for j in range(kept.shape[0]):
        normal[j] = gauss(words[1, kept[j]], words[2, kept[j]])
    for j in range(kept.shape[0]):
        i = kept[j]
        d = detector[j]
        wire = wires[d]
        row = out[d]
        t = (tick * PULSES_PER_TICK + pulse[i]) * period_ps + wire.arrival_ps
        if not run_darks(wire, d, t, tick, tick_ps, keys, row):
            return False
        if sees(wire, t, chance[j]):
            a = b = np.uint64(0)
            if wire.tail_fraction > 0.0:
                a, b, _, _ = numbers(i, _TAIL, tick, keys, 0)
            if not photon_click(wire, row, t, normal[j], a, b):
                return False
    return True


@kernel
def _bright_tick(
    tick: int,
    analysers: Floats,
    states: Floats,
    period_ps: int,
    keys: Keys,
    wires: Wires,
    out: Integers,
) -> bool:
    """Run a tick pulse by pulse; False when a row is full."""
    tick_ps = period_ps * PULSES_PER_TICK
    for number in range(PULSES_PER_TICK):
        opening = (tick * PULSES_PER_TICK + number) * period_ps
        for d in range(wires.shape[0]):
            wire = wires[d]
            t = opening + wire.arrival_ps
            if not run_darks(wire, d, t, tick, tick_ps, keys, out[d]):
                return False
            use = np.uint64(d)
            a, b, c, _ = numbers(number, _PULSE + use, tick, keys, 0)
            mean = mean_photons(analysers, d, states, number)
            if unit(a) < 1.0 - math.exp(-mean * _recovered(wire, t)):
                e, f, _, _ = numbers(number, _PULSE_TAIL + use, tick, keys, 0)
                if not photon_click(wire, out[d], t, gauss(b, c), e, f):
                    return False
    return True


@kernel
def run_ticks(
    tick_begin: int,
    tick_end: int,
    stokes: Floats,
    shift: int,
    before: Floats,
    analysers: Floats,
    bound: float,
    eve: float,
    noise: float,
    period_ps: int,
    keys: Keys,
    reserve: int,
    wires: Wires,
    out: Integers,
) -> int:
    """Run whole ticks; see `detector.simulate_pulses`.

    wires: WIRE[n_det], state changed in place; out: int64[n_det, capacity], sorted
    tags; pulse k has context (k + shift) mod n; keys: clicks, noise, eavesdropper.
    Returns the first tick not run (a row lacks `reserve` places), or -1 when one tick
    held more than that.
    """
    n_det = wires.shape[0]
    tick_ps = period_ps * PULSES_PER_TICK
    bright = bound > BRIGHT_MEAN
    size = PULSES_PER_TICK if bright else reserve + BATCH
    pulse = np.arange(size)
    words = np.empty((3, size), np.uint32)
    states = np.empty((size, 4))
    kept = np.empty(size, np.int64)
    detector = np.empty(size, np.int64)
    chance = np.empty(size)
    normal = np.empty(size)
    for tick in range(tick_begin, tick_end):
        for d in range(n_det):
            if wires[d].n_tags + reserve > out.shape[1]:
                return tick
        for d in range(n_det):
            begin_darks(wires[d], d, tick, tick_ps, keys)
        n = PULSES_PER_TICK if bright else 0
        if bound > 0.0 and not bright:
            n = draw_candidates(tick, bound, keys, pulse, words)
        if n < 0:
            return -1
        first = tick * PULSES_PER_TICK
        look_up_states(
            first, pulse[:n], stokes, shift, before, eve, noise, keys, states
        )
        if bright:
            fits = _bright_tick(tick, analysers, states, period_ps, keys, wires, out)
        else:
            m = thin_candidates(
                bound, analysers, states[:n], words, kept, detector, chance
            )
            fits = _dim_tick(
                tick,
                pulse,
                words,
                kept[:m],
                detector,
                chance,
                normal,
                period_ps,
                keys,
                wires,
                out,
            )
        for d in range(n_det):
            wire = wires[d]
            until = (tick + 1) * tick_ps + wire.arrival_ps
            fits = fits and run_darks(wire, d, until, tick, tick_ps, keys, out[d])
        if not fits:
            return -1
    return tick_end
