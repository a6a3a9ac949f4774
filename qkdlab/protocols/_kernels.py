"""Compiled loops over the slots of a block. Plain references stand in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel
from qkdlab.protocols.symbols import HEADER

__all__ = ["choose", "count_intensities", "sift_slots"]


@kernel
def sift_slots(
    settings: NDArray[np.uint8],
    basis: NDArray[np.uint8],
    click: NDArray[np.uint8],
    crossed: int,
    key: NDArray[np.bool_],
    test: NDArray[np.bool_],
    cross: NDArray[np.bool_],
) -> None:
    """Write which slots are key, test and cross; `crossed` is the code of the last."""
    for i in range(settings.size):
        body = settings[i] < HEADER
        here = click[i] == crossed
        same = body and not here and (settings[i] >> 1 & 1) == basis[i]
        key[i] = same and basis[i] == 0
        test[i] = same and basis[i] == 1
        cross[i] = body and here


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
    settings: NDArray[np.uint8], mask: NDArray[np.bool_], counts: NDArray[np.int64]
) -> None:
    """Add the settings whose mask is set to int64[4], by intensity."""
    for i in range(settings.size):
        counts[settings[i] >> 2 & 3] += mask[i]
