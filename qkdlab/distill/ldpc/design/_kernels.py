"""Compiled kernels of code design: distances in a graph, densities at a check row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qkdlab.jit import kernel

__all__ = ["HalfBuilt", "combine", "distances"]


class HalfBuilt(NamedTuple):
    """A quasi-cyclic graph under construction, seen from both sides.

    An edge of column c and row r with shift s joins bit x of c to check (x + s) mod Z
    of r. `n` gives how many entries of a line are in use.
    """

    lifting: int
    column_row: NDArray[np.int64]
    """[column, i] row of the column's edge i."""
    column_shift: NDArray[np.int64]
    column_n: NDArray[np.int64]
    row_column: NDArray[np.int64]
    """[row, i] column of the row's edge i."""
    row_shift: NDArray[np.int64]
    row_n: NDArray[np.int64]


@kernel
def distances(
    graph: HalfBuilt, column: int, farthest: int, out: NDArray[np.int32]
) -> None:
    """Write how many bits a path from bit 0 of a column passes to reach each check.

    out: int32[rows, Z], -1 where no path passes `farthest` bits or fewer
    """
    z = graph.lifting
    seen = np.zeros(graph.column_n.size * z, np.bool_)
    queue = np.empty(seen.size, np.int64)
    depth = np.zeros(seen.size, np.int32)
    out[:] = -1
    left = out.size
    begin, end = 0, 1
    queue[0] = column * z
    seen[queue[0]] = True
    while begin < end and left:
        bit = queue[begin]
        begin += 1
        c, x = bit // z, bit % z
        for i in range(graph.column_n[c]):
            r = graph.column_row[c, i]
            y = (x + graph.column_shift[c, i]) % z
            if out[r, y] >= 0:
                continue
            out[r, y] = depth[bit]
            left -= 1
            if depth[bit] == farthest:
                continue
            for j in range(graph.row_n[r]):
                other = graph.row_column[r, j] * z + (y - graph.row_shift[r, j]) % z
                if not seen[other]:
                    seen[other] = True
                    depth[other] = depth[bit] + 1
                    queue[end] = other
                    end += 1


@kernel
def combine(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    box: NDArray[np.int16],
    out: NDArray[np.float64],
) -> None:
    """Write the density of box(X, Y) of independent messages.

    Densities are float64[2, magnitudes]: how often a magnitude occurs, and that with
    the sign of the message as a factor.
    """
    out[:] = 0.0
    for i in range(x.shape[1]):
        amount, signed = x[0, i], x[1, i]
        if amount > 0.0:
            for j in range(y.shape[1]):
                value = box[i, j]
                out[0, value] += amount * y[0, j]
                out[1, value] += signed * y[1, j]
