"""Compiled loops over the slots of a block. Plain references stand in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["choose", "draw", "look_up"]


@kernel
def choose(values: NDArray[Any], mask: NDArray[np.bool_], out: NDArray[Any]) -> None:
    """Write the values whose mask is set; `out` has room for one more than these."""
    n = 0
    for i in range(values.size):
        # a branch that nobody can foresee would take ten times as long
        out[n] = values[i]
        n += mask[i]


@kernel
def draw(
    stream: NDArray[np.uint8],
    pulse: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the settings of pulses, for each of which `stream` has a cipher block.

    ends: partial sums of the shares of the classes; see `symbols.CounterPattern`
    """
    for i in range(pulse.size):
        at = 16 * i + 2 * (pulse[i] & 7)
        share = (np.int64(stream[at + 1]) << 8 | stream[at]) >> 1
        chosen = 0
        for end in ends:
            chosen += share >= end
        out[i] = chosen << 1 | stream[at] & 1


@kernel
def look_up(
    pattern: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """Write the symbols of a pattern that repeats, at indices in any order.

    They are told apart by the period they lie in: a division for each would take ten
    times as long.
    """
    period = np.uint64(pattern.size)
    begin = np.int64(0)
    for i in range(index.size):
        at = np.uint64(index[i] - begin)
        if at >= period:
            at = np.uint64(index[i] % pattern.size)
            begin = index[i] - np.int64(at)
        out[i] = pattern[at]
