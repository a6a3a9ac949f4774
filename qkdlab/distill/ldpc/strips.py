"""A code as the decoder sees it: in strips of 32 bits or checks side by side.

Strip ``B j + c`` of a code of B blocks of columns (or of rows), circulants of size Z =
32 V, holds bits (or checks) ``l V + j`` of block c, lane l = 0 ... 31. A shift takes
each strip as a whole to another one, its lanes turned: check x meets bit x - s, so with
``s = a V + d`` lane l of check strip j meets lane l - a of bit strip j - d, or, where
that is below 0, lane l - a - 1 of strip j - d + V. So a frame is read in whole lines of
the cache, and 32 checks are updated at once that have no bit in common.
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
    by_row = np.argsort(base.rows, kind="stable")
    lanes, down = np.divmod(shifts[by_row], height)
    strip = np.arange(height)[:, None] - down
    turn = (lanes + (strip < 0)) % LANES
    columns = strip % height * base.degrees.size + base.columns[by_row]
    edges = (columns * BYTES_OF_SUMS + turn).astype(np.int32).ravel()
    in_row = np.tile(np.bincount(base.rows, minlength=base.n_rows), height)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(in_row)])
    return Strips(np.concatenate([edges, np.zeros(AHEAD, np.int32)]), first)


def striped(values: NDArray[np.int16], lifting: int) -> NDArray[np.int16]:
    """Return what belongs to each bit of a code as [strips, 32]."""
    height = lifting // LANES
    blocks = values.reshape(-1, LANES, height).transpose(2, 0, 1)
    return np.ascontiguousarray(blocks.reshape(-1, LANES))
