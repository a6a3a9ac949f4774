"""The codes that come with the package; `design.build` makes the file anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from qkdlab.distill.ldpc.code import Base, Code

__all__ = ["FILE", "SIZE", "ShippedCode", "codes"]

FILE = "codes.npz"
SIZE = 69_120
"""Bits of the shortest frames."""
REACH = 1.05
"""A code for long frames is better than folds of up to so many times its checks."""


@dataclass(frozen=True, eq=False)
class ShippedCode:
    """A base matrix and how good it is.

    threshold:  largest error rate at which density evolution converges
    least_fold: bits of its shortest frame, in `SIZE`
    """

    base: Base
    threshold: float
    least_fold: int = 1

    @property
    def leak(self) -> float:
        """Checks per bit of the code."""
        return self.base.n_rows / self.base.degrees.size

    def at_fold(self, fold: int) -> Code:
        """Return the code of ``fold * SIZE`` bits; kept once made.

        fold: a multiple of `least_fold`
        """
        return _code(self, fold // self.least_fold)


@cache
def codes(fold: int) -> tuple[ShippedCode, ...]:
    """Return all codes for frames of ``fold * SIZE`` bits by rising threshold.

    The more checks per bit, the higher the threshold. Codes made for frames of this
    size stand for all folds of shorter ones up to their most checks per bit.
    """
    own = tuple(one for one in _all_codes() if one.least_fold == fold)
    reached = REACH * max((one.leak for one in own), default=0.0)
    folds = [one for one in _all_codes() if fold % one.least_fold == 0]
    return own + tuple(one for one in folds if one not in own and one.leak > reached)


@cache
def _all_codes() -> tuple[ShippedCode, ...]:
    """Return what is in the file.

    It has for each code, one after the other: `n_rows`, `n_columns`, `liftings`,
    `thresholds`, the degrees of the columns, and the row of each edge and its shift,
    modulo 256 and what is above that.
    """
    with (
        files("qkdlab.distill.ldpc").joinpath(FILE).open("rb") as stream,
        np.load(stream, allow_pickle=False) as data,
    ):
        n_rows, liftings = data["n_rows"].tolist(), data["liftings"].tolist()
        thresholds = data["thresholds"].tolist()
        sizes = (data["n_columns"].astype(np.int64) * data["liftings"]).tolist()
        degrees = np.split(data["degrees"], np.cumsum(data["n_columns"])[:-1])
        n_edges = [degree.sum(dtype=np.int64) for degree in degrees]
        ends = np.cumsum(n_edges)[:-1]
        shifts = data["shifts_low"] + data["shifts_high"].astype(np.uint16) * 256
        edges = np.split(data["rows"], ends), np.split(shifts, ends)
    return tuple(
        ShippedCode(Base(*matrix), threshold, size // SIZE)
        for *matrix, threshold, size in zip(
            n_rows, liftings, degrees, *edges, thresholds, sizes, strict=True
        )
    )


@cache
def _code(shipped: ShippedCode, fold: int) -> Code:
    return Code(shipped.base, fold)
