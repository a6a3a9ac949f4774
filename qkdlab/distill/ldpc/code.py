"""A quasi-cyclic LDPC code: its base matrix, and the graph that it stands for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.ldpc.strips import strips_of

if TYPE_CHECKING:
    from qkdlab.distill.ldpc._kernels import Circulants, Graph, Strips

__all__ = ["Base", "Code"]


@dataclass(frozen=True, eq=False)
class Base:
    """The edges of a base matrix, column by column, each with its cyclic shift.

    n_rows:  rows of the base matrix
    lifting: size Z of the circulant blocks
    degrees: uint8[columns] edges of each column
    rows:    uint8[edges] row of each edge, all different within a column
    shifts:  uint16[edges] a bit x of the column meets the row's check
             (x + shift) mod Z
    """

    n_rows: int
    lifting: int
    degrees: NDArray[np.uint8]
    rows: NDArray[np.uint8]
    shifts: NDArray[np.uint16]

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Column of each edge."""
        return np.repeat(np.arange(self.degrees.size), self.degrees)


@dataclass(frozen=True, eq=False)
class Code:
    """A base matrix lifted `fold` times once more.

    fold: 1 for the code as it was built. An edge of shift s gets s + Z t with t of
          ``0 ... fold - 1`` from SHAKE-128("qkdlab/ldpc/fold/1|" || rows || "|" ||
          fold), one byte per edge modulo `fold`, a power of two: cycles grow, never
          shrink.
    """

    base: Base
    fold: int = 1

    @property
    def n_bits(self) -> int:
        """Columns N of the parity-check matrix."""
        return self.base.degrees.size * self.lifting

    @property
    def n_checks(self) -> int:
        """Rows M of the parity-check matrix."""
        return self.base.n_rows * self.lifting

    @property
    def lifting(self) -> int:
        """Size of the circulant blocks."""
        return self.base.lifting * self.fold

    @cached_property
    def column_degrees(self) -> NDArray[np.uint8]:
        """Ones in each column of the parity-check matrix, uint8[N]."""
        return np.repeat(self.base.degrees, self.lifting)

    @cached_property
    def shifts(self) -> NDArray[np.int64]:
        """Shift of each edge of the base."""
        return self.base.shifts.astype(np.int64) + self.base.lifting * self._folds()

    @cached_property
    def circulants(self) -> Circulants:
        """The blocks of the parity-check matrix."""
        from qkdlab.distill.ldpc._kernels import Circulants

        return Circulants(self.base.rows, self.base.columns, self.shifts)

    @cached_property
    def graph(self) -> Graph:
        """The ones of the parity-check matrix."""
        from qkdlab.distill.ldpc._kernels import Graph

        size, base = self.lifting, self.base
        checks = np.arange(size)[:, None]
        columns: list[NDArray[np.int32]] = []
        in_row = np.zeros(self.n_checks, np.int64)
        for row in range(base.n_rows):
            edges = np.flatnonzero(base.rows == row)
            bits = (checks - self.shifts[edges]) % size + size * base.columns[edges]
            columns.append(bits.astype(np.int32).ravel())
            in_row[row * size : (row + 1) * size] = edges.size
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(in_row)])
        return Graph(np.concatenate(columns), first)

    @cached_property
    def rows_of_columns(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The rows of each column in order, int32[E], and where each column begins."""
        size, base = self.lifting, self.base
        bits = np.arange(size)[:, None]
        ends = np.cumsum(base.degrees, dtype=np.int64)
        rows: list[NDArray[np.int32]] = []
        for begin, end in zip(ends - base.degrees, ends, strict=True):
            edges = begin + np.argsort(base.rows[begin:end])
            met = (bits + self.shifts[edges]) % size
            met += size * base.rows[edges].astype(np.int64)
            rows.append(met.astype(np.int32).ravel())
        begins = np.zeros(self.n_bits + 1, np.int64)
        np.cumsum(self.column_degrees, out=begins[1:])
        return np.concatenate(rows), begins

    @cached_property
    def strips(self) -> Strips:
        """The edges as the decoder takes them."""
        return strips_of(self)

    def _folds(self) -> NDArray[np.int64]:
        label = f"qkdlab/ldpc/fold/1|{self.base.n_rows}|{self.fold}"
        stream = hashlib.shake_128(label.encode()).digest(self.base.rows.size)
        return np.frombuffer(stream, np.uint8).astype(np.int64) % self.fold

    def __repr__(self) -> str:
        return f"Code({self.n_bits} bits, {self.n_checks} checks)"
