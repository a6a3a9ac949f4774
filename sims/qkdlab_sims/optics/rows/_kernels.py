"""Compiled kernels: tags go into the sorted row of a detector of any kind.

Other kernels have these compiled in: numba does not notice a change here, so remove
its caches after one.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel

__all__ = ["NEVER_PS", "insert", "push"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Detector: TypeAlias = Any  # a record with `n_tags`, the filled length of its row

NEVER_PS = 1 << 62
"""A time later than all others."""

_ONE = np.uint64(1)


@kernel
def push(detector: Detector, row: Integers, tag_ps: int) -> bool:
    """Insert a tag into the sorted row of a detector; False when it is full."""
    n = detector.n_tags
    if n >= row.shape[0]:
        return False
    j = n - 1
    while j >= 0 and row[j] > tag_ps:
        row[j + 1] = row[j]
        j -= 1
    row[j + 1] = tag_ps
    detector.n_tags = n + 1
    return True


@kernel
def insert(
    detector: Detector, click_ps: Integers, shift_ps: Floats, row: Integers
) -> None:
    """Add the tags of clicks to a detector's sorted row, which has room for them."""
    begin = np.uint64(detector.n_tags)
    n = click_ps.shape[0]
    last = row[begin - _ONE] if detector.n_tags > 0 else -NEVER_PS
    early = 0
    for i in range(n):
        tag = click_ps[i] + math.floor(shift_ps[i] + 0.5)
        row[begin + np.uint64(i)] = tag
        early += tag < last
        last = tag
    detector.n_tags += n
    if early == 0:
        return
    for at in range(np.int64(begin), detector.n_tags):
        tag, j = row[at], at
        while j > 0 and row[j - 1] > tag:
            row[j] = row[j - 1]
            j -= 1
        row[j] = tag
