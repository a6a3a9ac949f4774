"""Compiled kernels that draw candidate photons of two lights and thin them cheaply.

Philox gives four words for each candidate: its gap to the last one, what picks its
way, and two that hold the phase, the jitter and the noises of its pulse if it is the
first of the pulse that is kept. So a pulse needs no numbers of its own, and nothing of
it is looked up before the settings alone have had their say.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import log_unit, philox, unit
from qkdlab_sims.optics.photons._kernels import CANDIDATE, PULSES_PER_TICK

__all__ = ["draw_tick", "find_leaders", "first_gaps", "keep_likely"]

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Keys: TypeAlias = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.uint64(0)
_STEP = 8  # candidates of one vector instruction, at most


@kernel
def first_gaps(tick: int, bound: float, keys: Keys, first: Floats) -> None:
    """Write where the first candidates of ticks from `tick` on are, if within them."""
    per_photon = 1.0 / bound
    for i in range(first.shape[0]):
        label = np.uint64(tick) + np.uint64(i)
        a, _, _, _ = philox(
            _ZERO, CANDIDATE, label & _LOW, label >> _HALF, keys[0, 0], keys[0, 1]
        )
        first[i] = -log_unit(a) * per_photon


@kernel
def draw_tick(
    tick: int,
    offset: int,
    begin: int,
    bound: float,
    keys: Keys,
    gaps: Floats,
    picks: Floats,
    pulse: Indices,
    marks: NDArray[np.uint64],
) -> int:
    """Draw a tick's candidates: pulse + offset, pick below `bound`, mark.

    They are written from `begin` on. Returns their number; -1: there is no room.
    """
    label = np.uint64(tick)
    low, high = label & _LOW, label >> _HALF
    k0, k1 = keys[0, 0], keys[0, 1]
    words = gaps.view(np.uint64)
    per_photon = 1.0 / bound
    position = 0.0
    n = 0
    while position < PULSES_PER_TICK:
        left = (PULSES_PER_TICK - position) * bound
        count = int(left + math.sqrt(left)) // _STEP * _STEP + _STEP
        count = min(count, gaps.shape[0])
        at = begin + n
        if at + count > picks.shape[0]:
            return -1
        # indices from 0, which need no check for negative ones; loops without
        # branches, which the compiler turns into vector code
        their_picks, their_marks = picks[at : at + count], marks[at : at + count]
        their_pulse = pulse[at : at + count]
        for i in range(count):
            number = np.uint64(n) + np.uint64(i)
            a, b, c, d = philox(number, CANDIDATE, low, high, k0, k1)
            words[i] = a
            their_picks[i] = unit(b) * bound
            their_marks[i] = c << _HALF | d
        for i in range(count):
            gaps[i] = log_unit(words[i]) * per_photon
        for i in range(count):
            position -= gaps[i]
            gaps[i] = position
        inside = 0
        for i in range(count):
            is_inside = gaps[i] < PULSES_PER_TICK
            within = np.int32(gaps[i] if is_inside else 0.0)
            their_pulse[i] = within + np.int32(offset)
            inside += int(is_inside)
        n += inside
    return n


@kernel
def keep_likely(
    context_a: Indices,
    context_b: Indices,
    most_a: Floats,
    most_b: Floats,
    picks: Floats,
    pair: Indices,
    likely: Indices,
    kept: Indices,
) -> int:
    """List the candidates that some phase and noise let pass; return their number.

    most_a, most_b: bounds by context, together above the mean at all detectors;
    pair: number of each candidate's pair of contexts, written; likely: room for as
    many as there are picks; kept: for one more
    """
    n_b = np.int32(most_b.shape[0])
    for i in range(picks.shape[0]):
        pair[i] = context_a[i] * n_b + context_b[i]
    for i in range(picks.shape[0]):
        most = most_a[np.uint64(context_a[i])] + most_b[np.uint64(context_b[i])]
        likely[i] = np.int32(picks[i] < most)
    n = _ZERO
    for i in range(picks.shape[0]):
        # all indices are listed, and one that is not wanted is overwritten
        kept[n] = i
        n += np.uint64(likely[i])
    return int(n)


@kernel
def find_leaders(pulse: Indices, kept: Indices, leaders: Indices) -> None:
    """Write for each kept candidate the first one that its pulse has kept."""
    last = np.int32(-1)
    leader = np.int32(0)
    for j in range(kept.shape[0]):
        here = pulse[np.uint64(kept[j])]
        leader = leader if here == last else kept[j]
        leaders[j] = leader
        last = here
