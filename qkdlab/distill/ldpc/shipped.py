"""The codes that come with the package; `design.build` makes the file anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from qkdlab.distill.ldpc.code import Base, Code

__all__ = ["COLUMNS", "FILE", "LIFTING", "ShippedCode", "codes"]

FILE = "codes.npz"
COLUMNS = 360
LIFTING = 192


@dataclass(frozen=True, eq=False)
class ShippedCode:
    """A base matrix and how good it is.

    threshold: largest error rate at which density evolution converges
    """

    base: Base
    threshold: float

    @property
    def leak(self) -> float:
        """Checks per bit of the code."""
        return self.base.n_rows / self.base.degrees.size

    def at_fold(self, fold: int) -> Code:
        """Return the code of ``fold * COLUMNS * LIFTING`` bits; kept once made."""
        return _code(self, fold)


@cache
def codes() -> tuple[ShippedCode, ...]:
    """Return all codes by rising number of checks, so by rising threshold.

    The file has for each code, one after the other: `n_rows`, `threshold`, the degrees
    of the columns, and the row and shift of each edge.
    """
    with (
        files("qkdlab.distill.ldpc").joinpath(FILE).open("rb") as stream,
        np.load(stream, allow_pickle=False) as data,
    ):
        n_rows, thresholds = data["n_rows"], data["thresholds"]
        degrees = data["degrees"].reshape(n_rows.size, COLUMNS)
        ends = np.cumsum(degrees.sum(axis=1, dtype=np.int64))[:-1]
        rows, shifts = np.split(data["rows"], ends), np.split(data["shifts"], ends)
    return tuple(
        ShippedCode(Base(int(n), LIFTING, degree, row, shift), float(threshold))
        for n, threshold, degree, row, shift in zip(
            n_rows, thresholds, degrees, rows, shifts, strict=True
        )
    )


@cache
def _code(shipped: ShippedCode, fold: int) -> Code:
    return Code(shipped.base, fold)
