"""Compiled loop of a tagger over the edges of all its channels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel

__all__ = ["BUFFER", "collect"]

Buffer: TypeAlias = Any  # a record of BUFFER; numba gives it attributes

BUFFER = np.dtype(
    [
        ("capacity", np.float64),
        ("per_ps", np.float64),  # tags read out; infinite for an ideal readout
        ("level", np.float64),  # tags waiting at `level_ps`
        ("level_ps", np.int64),
        ("begin_ps", np.int64),  # of the present loss, or -1
        ("end_ps", np.int64),  # of the last edge lost so far
    ]
)
"""What waits to be read out of a tagger, and the loss that has not ended yet."""


@kernel
def collect(
    t_ps: NDArray[np.int64],
    ch: NDArray[np.uint8],
    bin_ps: int,
    dead_ps: NDArray[np.int64],
    last_ps: NDArray[np.int64],
    missed: NDArray[np.int64],
    buffer: Buffer,
    lost: NDArray[np.int64],
    t_out: NDArray[np.int64],
    ch_out: NDArray[np.uint8],
) -> tuple[int, int]:
    """Turn sorted edges into tags; return how many, and how many losses ended.

    last_ps, missed: int64[channels], of the last tag, and edges lost so far to the
    buffer; lost: int64[n, 2] with room for every edge, begin and end of losses
    """
    n = n_lost = 0
    for i in range(t_ps.shape[0]):
        t, c = t_ps[i], ch[i]
        if t < last_ps[c] + dead_ps[c]:
            continue
        last_ps[c] = t
        read = (t - buffer.level_ps) * buffer.per_ps if t > buffer.level_ps else 0.0
        buffer.level = max(0.0, buffer.level - read)
        buffer.level_ps = t
        if buffer.level + 1.0 > buffer.capacity:
            missed[c] += 1
            if buffer.begin_ps < 0:
                buffer.begin_ps = t
            buffer.end_ps = t + 1
            continue
        buffer.level += 1.0
        if buffer.begin_ps >= 0:
            lost[n_lost, 0] = buffer.begin_ps
            lost[n_lost, 1] = buffer.end_ps
            n_lost += 1
            buffer.begin_ps = -1
        t_out[n] = t // bin_ps * bin_ps
        ch_out[n] = c
        n += 1
    return n, n_lost
