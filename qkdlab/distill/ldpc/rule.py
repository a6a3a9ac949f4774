"""The decoder's arithmetic: log-likelihood ratios as small integers, the check rule.

A log-likelihood ratio L is the integer ``round(SCALE L)``. Sums over a column are
16-bit and never cut; what a check row sees is cut to `LARGEST`, for a cut value put
back into its sum would pull a decoder that has converged apart again [run].

The check rule is A-min* (Jones et al., MILCOM 2003 [mem]): with

    box(x, y) = min(x, y) + c(x + y) - c(|x - y|),  c(z) = SCALE ln(1 + exp(-z / SCALE))

on magnitudes, the edge of least magnitude gets box of all others, and all other edges
get box of all, themselves included; edges that tie for the least all get the former.
`CORRECTION` holds c rounded, and it is 0 from 16 on: one byte shuffle of a vector unit.
Scale 6 costs less than 0.5 % in the threshold against real numbers [run].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORRECTION", "CORRECTION_STEPS", "LARGEST", "SCALE", "box_table", "llr_of"]

SCALE = 6
LARGEST = 127
"""Largest magnitude in a check row: a ratio of 21."""

CORRECTION: tuple[int, ...] = tuple(
    round(SCALE * math.log1p(math.exp(-z / SCALE))) for z in range(16)
)
"""c(z) for z = 0 ... 15."""

CORRECTION_STEPS: tuple[int, ...] = tuple(
    sum(1 for c in CORRECTION if c > level) for level in range(CORRECTION[0])
)
"""c(z) is the number of these that are above z: the same without a table."""


def box_table() -> NDArray[np.int16]:
    """Return box(x, y) for magnitudes 0 ... LARGEST, int16[128, 128]."""
    magnitudes = np.arange(LARGEST + 1)
    x, y = np.meshgrid(magnitudes, magnitudes, indexing="ij")
    correction = np.zeros(2 * LARGEST + 1, dtype=np.int64)
    correction[:16] = CORRECTION
    value = np.minimum(x, y) + correction[x + y] - correction[np.abs(x - y)]
    table: NDArray[np.int16] = np.maximum(value, 0).astype(np.int16)
    return table


def llr_of(qber: float) -> int:
    """Return the scaled log-likelihood ratio of a bit that is wrong with `qber`."""
    return round(SCALE * math.log((1 - qber) / qber))
