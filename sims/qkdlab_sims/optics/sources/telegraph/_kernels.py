"""Compiled kernels of a random telegraph: on and off, exponential times in each.

The state at the edge of a tick follows from those of two edges about it, further and
further apart, down from a distance at which nothing is left of a correlation. So every
edge has one state, whoever asks in which order, and the law is exact: the process is
Markov, and P(middle | ends) = P(ends[0] -> middle) P(middle -> ends[1]) / sum.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel
from qkdlab_sims.optics.philox._kernels import Word, numbers, unit

__all__ = ["between", "state_at_edge"]

Keys: TypeAlias = NDArray[np.uint64]

_NOTHING_LEFT = 45.0  # correlation times: exp(-45) is below the resolution of a draw


@kernel
def _stays(state: bool, on_share: float, decay: float) -> float:
    """Return the probability of being on, `decay` = exp(-time / correlation time)."""
    return on_share + ((1.0 if state else 0.0) - on_share) * decay


@kernel
def between(
    before: bool, after: bool, on_share: float, x: float, y: float, word: Word
) -> bool:
    """Return the state between two known ones.

    x, y: time since the one and until the other, in correlation times
    """
    there = _stays(before, on_share, math.exp(-x))
    decay = math.exp(-y)
    from_on = _stays(True, on_share, decay)
    from_off = _stays(False, on_share, decay)
    if not after:
        from_on, from_off = 1.0 - from_on, 1.0 - from_off
    on, off = there * from_on, (1.0 - there) * from_off
    return unit(word) * (on + off) < on


@kernel
def state_at_edge(
    tick: int, on_share: float, tick_in_times: float, use: Word, keys: Keys
) -> bool:
    """Return whether the process is on when a tick begins.

    tick_in_times: length of a tick in correlation times; use: counter word of the
    numbers, one of which each edge owns
    """
    span = 1
    while span * tick_in_times < _NOTHING_LEFT:
        span *= 2
    first = tick // span * span
    a, _, _, _ = numbers(0, use, first, keys, 0)
    before = unit(a) < on_share
    a, _, _, _ = numbers(0, use, first + span, keys, 0)
    after = unit(a) < on_share
    while first < tick:
        span //= 2
        middle = first + span
        a, _, _, _ = numbers(0, use, middle, keys, 0)
        x = span * tick_in_times
        state = between(before, after, on_share, x, x, a)
        if middle <= tick:
            first, before = middle, state
        else:
            after = state
    return before
