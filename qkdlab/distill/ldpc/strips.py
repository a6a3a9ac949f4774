"""A code as the decoder sees it: in strips of 32 bits or checks side by side.

Strip ``V c + j`` of a code whose circulant blocks have size Z = 32 V holds bits (or
checks) ``l V + j`` of block c, lane l = 0 ... 31. A shift takes each strip as a whole
to another one, its lanes turned: check x meets bit x - s, so with ``s = a V + d`` lane
l of check strip j meets lane l - a of bit strip j - d, or, where that is below 0, lane
l - a - 1 of strip j - d + V. So a frame is read in whole lines of the cache, and 32
checks are updated at once that have no bit in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qkdlab.distill.ldpc._kernels import Strips
    from qkdlab.distill.ldpc.code import Code

__all__ = ["LANES", "striped", "strips_of"]

LANES = 32


def strips_of(code: Code) -> Strips:
    """Return the edges between strips, ValueError unless the lifting is 32 V."""
    from qkdlab.distill.ldpc._intrinsics import AHEAD, BYTES_OF_SUMS
    from qkdlab.distill.ldpc._kernels import Strips

    height, rest = divmod(code.lifting, LANES)
    if rest:
        raise ValueError(f"the lifting is no multiple of {LANES}")
    base, shifts = code.base, code.shifts
    edges: list[NDArray[np.int32]] = []
    in_row = np.zeros(base.n_rows * height, np.int64)
    for row in range(base.n_rows):
        mine = np.flatnonzero(base.rows == row)
        lanes, down = np.divmod(shifts[mine], height)
        strip = np.arange(height)[:, None] - down
        turn = (lanes + (strip < 0)) % LANES
        columns = base.columns[mine] * height + strip % height
        edges.append((columns * BYTES_OF_SUMS + turn).astype(np.int32).ravel())
        in_row[row * height : (row + 1) * height] = mine.size
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(in_row)])
    edges.append(np.zeros(AHEAD, np.int32))
    return Strips(np.concatenate(edges), first)


def striped(values: NDArray[np.int16], lifting: int) -> NDArray[np.int16]:
    """Return what belongs to each bit of a code as [strips, 32]."""
    height = lifting // LANES
    blocks = values.reshape(-1, LANES, height).transpose(0, 2, 1)
    return np.ascontiguousarray(blocks.reshape(-1, LANES))
