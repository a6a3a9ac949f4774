"""Compiled kernels that draw the candidates of a tick by exponential gaps.

Other kernels have them compiled in: numba does not notice a change here, so remove its
caches after one.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox, unit

__all__ = [
    "CANDIDATE",
    "PULSES_PER_TICK",
    "STEP",
    "draw_candidates",
    "draw_marked",
    "first_gaps",
]

PULSES_PER_TICK = 1 << 16
"""Pulses in one tick, the unit of the random streams and of the knobs."""

CANDIDATE = np.uint64(0)
"""Second counter word of the numbers that draw an arrival."""

STEP = 8
"""Candidates of one vector instruction, at most; they are drawn in such groups."""

Floats: TypeAlias = NDArray[np.float64]
Keys: TypeAlias = NDArray[np.uint64]
Indices: TypeAlias = NDArray[np.int32]
Words: TypeAlias = NDArray[np.uint32]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.uint64(0)
_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_TO_LEVEL = np.uint64(22)  # bits of a 32-bit word that do not choose one of 1024


@kernel
def first_gaps(tick: int, bound: float, keys: Keys, first: Floats) -> None:
    """Write where the first candidates of ticks from `tick` on are, if within them."""
    spacing = 1.0 / bound
    for i in range(first.shape[0]):
        label = np.uint64(tick) + np.uint64(i)
        a, _, _, _ = philox(
            _ZERO, CANDIDATE, label & _LOW, label >> _HALF, keys[0, 0], keys[0, 1]
        )
        first[i] = -(log_unit(a) * spacing)


@kernel
def _draw_words(
    tick: int,
    begin: int,
    keys: Keys,
    dropped: np.uint64,
    gap: Words,
    pick: Words,
    chance: Words,
    mark: Words,
) -> None:
    """Write the four words of candidates from `begin` on of a tick.

    dropped: lowest bits that are left out of the last
    """
    label, first = np.uint64(tick), np.uint64(begin)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    for i in range(gap.shape[0]):
        number = first + np.uint64(i)
        a, b, c, d = philox(number, CANDIDATE, low, high, k0, k1)
        gap[i], pick[i], chance[i], mark[i] = a, b, c, d >> dropped


@kernel
def _add_up(position: float, gaps: Floats) -> float:
    """Replace gaps, as many as a multiple of 4, by the places behind them.

    gaps: negative; position: before the first. Returns the last place.
    """
    # four at a time: one sum waits for another a quarter as often
    for i in range(_ZERO, np.uint64(gaps.shape[0]), _FOUR):
        two = gaps[i] + gaps[i + _ONE]
        three = two + gaps[i + _TWO]
        four = two + (gaps[i + _TWO] + gaps[i + _THREE])
        gaps[i], gaps[i + _ONE] = position - gaps[i], position - two
        gaps[i + _TWO], gaps[i + _THREE] = position - three, position - four
        position -= four
    return position


@kernel
def draw_marked(
    tick: int,
    offset: int,
    bound: float,
    keys: Keys,
    gaps: Floats,
    words: Words,
    dropped: np.uint64,
    pulse: Indices,
    pick: Floats,
    chance: Floats,
    mark: Words,
) -> int:
    """Draw a tick's candidates as `draw_candidates`, each with a word to mark it.

    mark: uniform, 32 bits without the lowest `dropped`
    """
    position = 0.0
    spacing = 1.0 / bound
    n = 0
    while position < PULSES_PER_TICK:
        left = (PULSES_PER_TICK - position) * bound
        count = int(left + math.sqrt(left)) // STEP * STEP + STEP
        count = min(count, gaps.shape[0] // STEP * STEP)
        end = n + count
        if end > pulse.shape[0]:
            return -1
        # short loops without branches, over indices from 0 that need no check for
        # negative ones: the compiler turns them into vector code
        their_gap, their_pick, their_chance = words[0], words[1], words[2]
        _draw_words(
            tick, n, keys, dropped,
            their_gap[:count], their_pick, their_chance, mark[n:end],
        )  # fmt: skip
        their_pulse, picks, chances = pulse[n:end], pick[n:end], chance[n:end]
        for i in range(count):
            picks[i] = unit(np.uint64(their_pick[i])) * bound
        for i in range(count):
            chances[i] = unit(np.uint64(their_chance[i]))
        for i in range(count):
            gaps[i] = log_unit(np.uint64(their_gap[i])) * spacing
        position = _add_up(position, gaps[:count])
        inside = 0
        for i in range(count):
            is_inside = gaps[i] < PULSES_PER_TICK
            within = np.int32(gaps[i] if is_inside else 0.0)
            their_pulse[i] = within + np.int32(offset)
            inside += int(is_inside)
        n += inside
    return n


@kernel
def draw_candidates(
    tick: int,
    offset: int,
    bound: float,
    keys: Keys,
    gaps: Floats,
    words: Words,
    pulse: Indices,
    pick: Floats,
    chance: Floats,
    level: Words,
) -> int:
    """Draw a tick's candidates, `bound` of them a pulse.

    gaps, words: room to work in, float64[n] and uint32[3, n] with n at least `STEP`
    pulse:  in which they fall, from `offset` on
    pick:   uniform below `bound`, chooses a detector or none
    chance: uniform below 1, as of `Arrivals`
    level:  uniform below 1024; the first candidate of a pulse gives its intensity noise

    Returns their number; -1: there is no room for all of them.
    """
    return draw_marked(
        tick, offset, bound, keys, gaps, words, _TO_LEVEL, pulse, pick, chance, level
    )
