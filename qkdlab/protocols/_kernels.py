"""Compiled loops over the slots of a block. Plain references stand in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["choose", "look_up"]


@kernel
def choose(values: NDArray[Any], mask: NDArray[np.bool_], out: NDArray[Any]) -> None:
    """Write the values whose mask is set; `out` has room for one more than these."""
    n = 0
    for i in range(values.size):
        # a branch that nobody can foresee would take ten times as long
        out[n] = values[i]
        n += mask[i]


@kernel
def look_up(
    pattern: NDArray[np.uint8], index: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """Write the symbols of a pattern that repeats, at indices in any order.

    Their remainders follow from their distances: a division for each would take three
    times as long.
    """
    before, at = np.int64(0), np.int64(0)
    for i in range(index.size):
        at += index[i] - before
        before = index[i]
        if not 0 <= at < pattern.size:
            at %= pattern.size
        out[i] = pattern[at]
