"""Compiled loops over edges. A plain reference stands in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["discriminate"]

_SCALE = 3.0**0.5 / 65535.0


@kernel
def discriminate(
    t_ps: NDArray[np.int64],
    random: NDArray[np.uint64],
    jitter_rms_ps: float,
    shift_ps: int,
    last_ps: int,
    dead_ps: int,
    out: NDArray[np.int64],
) -> int:
    """Write the edges ``t + shift + jitter`` that the dead time lets pass.

    Jitter is the sum of the four 16-bit parts of a random word: nearly normal, and
    never beyond ``sqrt(12)`` standard deviations. Edges stay in order. The dead time
    after an accepted edge is not extended. Returns how many were written.
    """
    n = 0
    for i in range(t_ps.size):
        word = random[i]
        total = np.int64(0)
        for _ in range(4):
            total += np.int64(word & np.uint64(0xFFFF))
            word >>= np.uint64(16)
        noise = (total - 131070) * _SCALE
        edge = t_ps[i] + shift_ps + np.int64(np.rint(noise * jitter_rms_ps))
        edge = max(edge, last_ps)
        if edge - last_ps >= dead_ps:
            out[n] = edge
            n += 1
            last_ps = edge
    return n
