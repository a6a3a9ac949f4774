"""Building a quasi-cyclic code edge by edge, far from all short cycles.

Progressive edge growth (Hu, Eleftheriou, Arnold, IEEE Trans. IT 51, 386 (2005) [mem])
on blocks of circulants: each new edge goes to the check that is farthest from its bit
in the graph so far, among the rows with fewest edges and never closing a cycle of four;
chance decides between equals. Columns of degree 2 come first, as one zig-zag through
the rows without a closed cycle; then the others by rising degree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.ldpc.code import Base

__all__ = ["FAR", "Draws", "build_base", "column_degrees"]

FAR = 1 << 20
"""More bits than any path passes."""


class Draws:
    """Numbers from a label, the same on every machine and in every version.

    SHAKE-256 of the label, in little-endian u32; `below` takes the next number modulo
    its bound.
    """

    def __init__(self, label: str, capacity: int = 1 << 16) -> None:
        data = hashlib.shake_256(label.encode()).digest(4 * capacity)
        self._numbers = iter(np.frombuffer(data, "<u4").tolist())

    def below(self, bound: int) -> int:
        """Return a number of ``0 ... bound - 1``."""
        return int(next(self._numbers)) % bound


def column_degrees(n_columns: int, mix: Mapping[int, float]) -> list[int]:
    """Return the degree of each column, rising, nearest to the fractions of `mix`."""
    total = sum(mix.values())
    wanted = {degree: n_columns * part / total for degree, part in sorted(mix.items())}
    counts = {degree: int(number) for degree, number in wanted.items()}
    by_rest = sorted(wanted, key=lambda degree: counts[degree] - wanted[degree])
    for degree in by_rest[: n_columns - sum(counts.values())]:
        counts[degree] += 1
    return [degree for degree, count in counts.items() for _ in range(count)]


def build_base(
    n_rows: int, degrees: list[int], lifting: int, label: str, farthest: int = FAR
) -> Base:
    """Return a base matrix with columns of these rising degrees.

    label:    names the draws; the same label gives the same matrix
    farthest: checks behind paths of more bits count as equally far; 1 still avoids
              cycles of six, and is much quicker where the lifting is large

    Raises ValueError when more columns of degree 2 are wanted than a zig-zag has, a
    degree is below 2 or above the rows, or cycles of four cannot be avoided.
    """
    if min(degrees) < 2 or max(degrees) > n_rows or degrees.count(2) >= n_rows:
        raise ValueError("no such base matrix")
    draws = Draws(f"qkdlab/ldpc/code/1|{label}")
    growth = _Growth(n_rows, degrees, lifting, farthest, draws)
    for column, degree in enumerate(degrees):
        growth.add_column(column, degree)
    graph = growth.graph
    used = [
        (graph.column_row[c, i], graph.column_shift[c, i])
        for c, degree in enumerate(degrees)
        for i in range(degree)
    ]
    rows, shifts = np.array(used, np.uint16).T
    found = np.array(degrees, np.uint8), rows.astype(np.uint8), shifts.copy()
    return Base(n_rows, lifting, *found)


class _Growth:
    """A base matrix under construction."""

    def __init__(
        self,
        n_rows: int,
        degrees: list[int],
        lifting: int,
        farthest: int,
        draws: Draws,
    ) -> None:
        from qkdlab.distill.ldpc.design._kernels import HalfBuilt

        columns, most = len(degrees), max(degrees)
        in_row = -(-sum(degrees) // n_rows) + 3
        self.graph = HalfBuilt(
            lifting,
            np.zeros((columns, most), np.int64),
            np.zeros((columns, most), np.int64),
            np.zeros(columns, np.int64),
            np.zeros((n_rows, in_row), np.int64),
            np.zeros((n_rows, in_row), np.int64),
            np.zeros(n_rows, np.int64),
        )
        self._farthest_bits = farthest
        self._draws = draws
        # [r, q, d]: some column meets rows r and q with shifts that differ by d
        self._taken = np.zeros((n_rows, n_rows, lifting), np.bool_)

    def add_column(self, column: int, degree: int) -> None:
        """Add a column with all its edges."""
        graph = self.graph
        if degree == 2:
            self._add(column, column, 0)
            self._add(column, column + 1, 0)
        else:
            row = self._one_of(np.flatnonzero(graph.row_n == graph.row_n.min()))
            self._add(column, row, self._draws.below(graph.lifting))
            for _ in range(degree - 1):
                self._add(column, *self._farthest(column))
        edges = range(graph.column_n[column])
        for i in edges:
            for j in edges:
                if i != j:
                    r, q = graph.column_row[column, i], graph.column_row[column, j]
                    apart = (
                        graph.column_shift[column, i] - graph.column_shift[column, j]
                    )
                    self._taken[r, q, apart % graph.lifting] = True

    def _farthest(self, column: int) -> tuple[int, int]:
        from qkdlab.distill.ldpc.design._kernels import distances

        graph = self.graph
        away = np.empty((graph.row_n.size, graph.lifting), np.int32)
        distances(graph, column, self._farthest_bits, away)
        away[away < 0] = FAR
        free = graph.row_n < graph.row_column.shape[1]
        for i in range(graph.column_n[column]):
            met, shift = graph.column_row[column, i], graph.column_shift[column, i]
            away[np.roll(self._taken[:, met], shift, axis=1)] = -1
            free[met] = False
        open_rows = np.flatnonzero(free & (away.max(axis=1) >= 0))
        if not open_rows.size:
            raise ValueError("cycles of four cannot be avoided")
        lightest = open_rows[graph.row_n[open_rows] == graph.row_n[open_rows].min()]
        best = away[lightest] == away[lightest].max()
        place = self._one_of(np.flatnonzero(best))
        return int(lightest[place // graph.lifting]), place % graph.lifting

    def _one_of(self, choices: NDArray[np.intp]) -> int:
        return int(choices[self._draws.below(choices.size)])

    def _add(self, column: int, row: int, shift: int) -> None:
        graph = self.graph
        i, j = graph.column_n[column], graph.row_n[row]
        graph.column_row[column, i], graph.column_shift[column, i] = row, shift
        graph.row_column[row, j], graph.row_shift[row, j] = column, shift
        graph.column_n[column] += 1
        graph.row_n[row] += 1
