"""Which code, and which of its bits carry key: all public, equal on both sides.

A frame of k key bits takes a code of N bits and M checks and makes it fit:

* p bits are *punctured*. No check meets two of them, so each has a check of its own,
  its first: there its value is defined as the parity of the check's other bits. What
  the checks say is then M - p parities of key bits and no more; nothing random is
  needed, and the bits on the wire are all that leaks.
* s bits are *shortened*: zero on both sides.
* k = N - p - s carry key.

The leak per frame, M - p, follows from the error rate. With thresholds q*(leak) of the
codes from density evolution, it is what makes q* (1 - BACKOFF) equal to the error rate
plus DEVIATIONS times its scatter in a frame, PRICE of each punctured bit on top, but no
less than EASE times the entropy: below that the decoder would need many more passes.
Frames of the largest fold have their own EASE.
All constants are from simulation [run].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.permutation import public_permutation
from qkdlab.distill.ldpc.code import Code
from qkdlab.distill.ldpc.shipped import ShippedCode, codes

__all__ = ["FramePlan", "leak_per_bit", "plan_frames"]

BACKOFF = 0.008
PRICE = 0.17
"""Leak grows by this times the share of the checks that is punctured."""
USUAL_SHARE = 0.08
DEVIATIONS = 2.6
EASE, EASE_OF_LONGEST = 1.15, 1.153
"""Least leak over the entropy; with less, more frames of the largest fold fail."""
FOLDS = (1, 4, 16)
WORTH_A_FOLD = 1.16
"""A code is folded when it would otherwise leak more than this times the entropy,"""
FRAMES_WORTH_A_FOLD = 4
"""and a string fills so many frames: long codes are slow where caches are shared."""
RESERVE = 0.03
"""Least share of the checks that is punctured, to be told when a frame fails."""
MOST_PUNCTURED = 0.27
MOST_EDGES = 3
"""Columns with more edges are not punctured."""
LEAST_QBER, MOST_QBER = 1e-4, 0.2

Positions = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class FramePlan:
    """How a string is cut into frames and each frame laid on a code.

    n_bits:   of the string; frame f has bits ``f k ... (f + 1) k - 1``, the last
              fewer: those that it lacks are zero on both sides
    n_frames: number of frames
    n_key:    k, key bits of a frame
    code:     the code of all frames
    n_punctured: p at most
    qber:     error rate that the decoder starts from
    seed:     public; the order of the code's bits is `public_permutation` of it with
              label "ldpc"
    """

    n_bits: int
    n_frames: int
    n_key: int
    code: Code
    n_punctured: int
    qber: float
    seed: bytes

    @cached_property
    def punctured(self) -> Positions:
        """Positions that are punctured, in the order in which they would be told.

        In the public order, each that has at most `MOST_EDGES` checks, none of them
        met by one before.
        """
        from qkdlab.distill.ldpc._kernels import spaced

        rows, first = self.code.rows_of_columns
        out = np.empty(self.n_punctured, np.int32)
        n = spaced(self._order, rows, first, self.code.n_checks, MOST_EDGES, out)
        return out[:n]

    @cached_property
    def key(self) -> Positions:
        """Positions of the key bits, in order: the first free ones, then sorted."""
        free = np.ones(self.code.n_bits, np.bool_)
        free[self.punctured] = False
        return np.sort(self._order[free[self._order]][: self.n_key])

    @cached_property
    def shortened(self) -> Positions:
        """Positions that are zero on both sides."""
        free = np.ones(self.code.n_bits, np.bool_)
        free[self.punctured] = False
        free[self.key] = False
        return np.flatnonzero(free).astype(np.int32)

    @cached_property
    def own_checks(self) -> Positions:
        """The check that defines each punctured bit."""
        rows, first = self.code.rows_of_columns
        return rows[first[self.punctured]]

    @cached_property
    def told_checks(self) -> Positions:
        """Checks whose parities Alice tells, in order."""
        told = np.ones(self.code.n_checks, np.bool_)
        told[self.own_checks] = False
        return np.flatnonzero(told).astype(np.int32)

    @cached_property
    def _order(self) -> Positions:
        return public_permutation(self.seed, "ldpc", self.code.n_bits)

    def key_bits_of(self, frame: int) -> int:
        """Return how many key bits a frame has."""
        return min(self.n_key, self.n_bits - frame * self.n_key)


def plan_frames(n_bits: int, qber: float, seed: bytes) -> FramePlan:
    """Return the frames of a string of `n_bits`, at least one.

    qber: public estimate of the error rate; cut to [1e-4, 0.2]
    """
    if n_bits < 1:
        raise ValueError("there is nothing to reconcile")
    qber = min(max(qber, LEAST_QBER), MOST_QBER)
    fold = _fold(n_bits // _size(), qber)
    n_frames = -(-n_bits // (fold * _size()))
    while True:
        n_key = -(-n_bits // n_frames)
        chosen = _choose(n_key, qber, fold)
        if chosen is not None:
            break
        n_frames += 1
    code, n_punctured = chosen
    return FramePlan(n_bits, -(-n_bits // n_key), n_key, code, n_punctured, qber, seed)


def _fold(n_codes: int, qber: float) -> int:
    """Return the least fold that leaks no more than `WORTH_A_FOLD`, or the largest."""
    fitting = [fold for fold in FOLDS[1:] if FRAMES_WORTH_A_FOLD * fold <= n_codes]
    most = WORTH_A_FOLD * float(_entropy(np.array(qber)))
    for fold in (FOLDS[0], *fitting):
        if leak_per_bit(qber, fold * _size()) <= most:
            return fold
    return fitting[-1] if fitting else FOLDS[0]


def _size() -> int:
    """Return the bits of the shortest frames."""
    return codes(FOLDS[0])[0].at_fold(FOLDS[0]).n_bits


def leak_per_bit(qber: float, n_key: int, punctured: float = USUAL_SHARE) -> float:
    """Return the parities per key bit that a frame of the shortest code needs.

    punctured: share of the code's checks
    """
    fold = next((fold for fold in FOLDS if n_key <= fold * _size()), FOLDS[-1])
    scatter = math.sqrt(qber * (1 - qber) / n_key)
    aim = (qber + DEVIATIONS * scatter) / (1 - BACKOFF)
    known = codes(fold)
    leaks = np.array([one.leak for one in known])
    thresholds = np.array([one.threshold for one in known])
    # f of the codes varies slowly: interpolate it, not the leak itself
    f = np.interp(aim, thresholds, leaks / _entropy(thresholds))
    least = float(f * _entropy(np.array(min(aim, 0.5))))
    least *= 1 + PRICE * punctured
    ease = EASE_OF_LONGEST if fold == FOLDS[-1] else EASE
    return max(least, ease * float(_entropy(np.array(qber))))


def _choose(n_key: int, qber: float, fold: int) -> tuple[Code, int] | None:
    """Return the code for a frame and its number of punctured bits, if there is one."""
    needed = leak_per_bit(qber, n_key) * n_key
    fitting: list[tuple[int, ShippedCode]] = []
    for one in codes(fold):
        code = one.at_fold(fold)
        surplus = _surplus(code, qber, n_key)
        within = RESERVE * code.n_checks <= surplus <= MOST_PUNCTURED * code.n_checks
        if within and surplus + n_key <= code.n_bits:
            fitting.append((surplus, one))
    if fitting:
        surplus, one = min(fitting, key=lambda entry: entry[0])
        return one.at_fold(fold), surplus
    # short strings, or error rates beyond all codes: the nearest end of what there is
    first, last = (codes(fold)[i].at_fold(fold) for i in (0, -1))
    most, reserve = int(MOST_PUNCTURED * first.n_checks), int(RESERVE * last.n_checks)
    if needed < first.n_checks - most and n_key + most <= first.n_bits:
        return first, most
    if needed > last.n_checks - reserve and 2 * n_key <= last.n_bits:
        return last, reserve
    return None


def _surplus(code: Code, qber: float, n_key: int) -> int:
    """Return how many checks a frame can do without, puncturing paid for."""
    share = 0.0
    for _ in range(4):  # each step comes six times nearer
        needed = leak_per_bit(qber, n_key, max(share, 0.0)) * n_key
        share = 1 - needed / code.n_checks
    return math.floor(share * code.n_checks)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    value: NDArray[np.float64] = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    return value
