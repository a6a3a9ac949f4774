"""Compiled loops over the slots of a block. Plain references stand in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits._intrinsics import count_ones, pack_64
from qkdlab.jit import kernel
from qkdlab.protocols.symbols import HEADER

__all__ = ["choose", "count_intensities", "sift_slots"]


@kernel
def sift_slots(
    settings: NDArray[np.uint8],
    basis: NDArray[np.uint8],
    click: NDArray[np.uint8],
    crossed: np.uint8,
    key: NDArray[np.uint8],
    test: NDArray[np.uint8],
    cross: NDArray[np.uint8],
) -> None:
    """Write 1 for the slots that are key, test and cross; `crossed` is the last's code.

    Without a branch, so that vectors of slots are worked out at once.
    """
    one = np.uint8(1)
    for i in range(settings.size):
        body = np.uint8(settings[i] < HEADER)
        here = np.uint8(click[i] == crossed)
        his = basis[i] & one
        same = (settings[i] >> one ^ his ^ one) & body & (here ^ one)
        key[i] = same & (his ^ one)
        test[i] = same & his
        cross[i] = body & here


@kernel
def choose(values: NDArray[Any], mask: NDArray[np.bool_], out: NDArray[Any]) -> None:
    """Write the values whose mask is set; `out` has room for one more than these."""
    n = 0
    for i in range(values.size):
        # a branch that nobody can foresee would take ten times as long
        out[n] = values[i]
        n += mask[i]


@kernel
def count_intensities(
    settings: NDArray[np.uint8], mask: NDArray[np.uint8], counts: NDArray[np.int64]
) -> None:
    """Add the settings whose mask is 1 to int64[4], by intensity, 64 at a time."""
    whole = settings.size >> 6
    for at in range(0, 64 * whole, 64):
        wanted = pack_64(mask, at, np.uint8(0))
        low = pack_64(settings, at, np.uint8(2))
        high = pack_64(settings, at, np.uint8(3))
        counts[0] += np.int64(count_ones(wanted & ~low & ~high))
        counts[1] += np.int64(count_ones(wanted & low & ~high))
        counts[2] += np.int64(count_ones(wanted & ~low & high))
        counts[3] += np.int64(count_ones(wanted & low & high))
    for i in range(64 * whole, settings.size):
        counts[settings[i] >> 2 & 3] += mask[i]
