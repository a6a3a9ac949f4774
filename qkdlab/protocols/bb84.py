"""BB84 with decoys: judging clicks, the sifting rule, observed counts, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort

__all__ = [
    "Bb84Counts",
    "Bb84Limits",
    "Click",
    "Outcomes",
    "Sifted",
    "check_limits",
    "chosen",
    "judge",
    "judge_fired",
    "sift",
]

S = TypeVar("S", np.int64, np.uint8, np.bool_)


class Click(IntEnum):
    """What the detectors said in one live slot."""

    SINGLE = 0
    DOUBLE = 1
    """Both detectors of one basis: a random bit."""
    CROSS = 2
    """Detectors of both bases: not sifted, counted by intensity."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Bob's slots with at least one click.

    slot:  int64[n], strictly increasing
    basis: uint8[n], 0 X, 1 Z; 0 and without meaning for cross clicks
    value: uint8[n], secret; random for doubles, 0 for cross clicks
    click: uint8[n], a `Click`
    """

    slot: NDArray[np.int64]
    basis: NDArray[np.uint8]
    value: NDArray[np.uint8]
    click: NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.slot.size)

    def __repr__(self) -> str:
        return f"Outcomes({self.slot.size} slots)"


def judge(
    slot: NDArray[np.int64], detector: NDArray[np.uint8], random_bits: BitArray
) -> Outcomes:
    """Judge all clicks of each slot together (SECURITY rule 4).

    slot:        int64[n], non-decreasing slot index of each click in gate and live
    detector:    uint8[n], 2 basis + value of the detector (X0, X1, Z0, Z1)
    random_bits: Bob's private bits, one for each double click in order; at least as
                 many as there are double clicks (`len(slot) // 2` always suffices)

    Two clicks of one detector in one slot count as one.
    """
    if slot.shape != detector.shape or (slot.size and int(detector.max()) > 3):
        raise ValueError("judge wants one detector code 0 to 3 for each slot")
    if np.any(slot[1:] < slot[:-1]):
        raise ValueError("judge wants its clicks in order of slot")
    slots, first = np.unique(slot, return_index=True)
    fired = np.zeros(slots.size, dtype=np.uint8)
    if slots.size:
        fired = np.bitwise_or.reduceat(np.uint8(1) << detector, first)
    judged = judge_fired(slots, fired, random_bits)
    fired.fill(0)
    return judged


def judge_fired(
    slots: NDArray[np.int64], fired: NDArray[np.uint8], random_bits: BitArray
) -> Outcomes:
    """Judge slots whose detectors are gathered already; see `judge`.

    slots: int64[n], strictly increasing
    fired: uint8[n], bit ``2 basis + value`` set for each detector that clicked; at
           least one
    """
    if slots.shape != fired.shape or (
        fired.size and not 0 < int(fired.min()) <= int(fired.max()) < _JUDGED.shape[1]
    ):
        raise ValueError("judge wants one to four detectors fired in each slot")
    basis, value, click = (table[fired] for table in _JUDGED)
    double = np.flatnonzero(click == Click.DOUBLE)
    if len(random_bits) < double.size:
        raise ValueError("judge wants one random bit for each double click")
    drawn = random_bits[: double.size]
    bits = drawn.to_bools()
    value[double] = bits
    drawn.wipe()
    bits.fill(0)
    return Outcomes(slots, basis, value, click)


def _judge_mask(fired: int) -> tuple[int, int, int]:
    """Return basis, value and click of a slot; the value of a double is open, 0."""
    in_x, in_z = fired & 3, fired >> 2
    if in_x and in_z:
        return 0, 0, Click.CROSS
    there = in_x | in_z
    click = Click.DOUBLE if there == 3 else Click.SINGLE
    return int(in_z != 0), int(there == 2), click


_JUDGED = np.array([_judge_mask(fired) for fired in range(16)], np.uint8).T.copy()
"""uint8[basis, value and click, fired]."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Which of the accepted slots are what: a bit for each."""

    key: BitArray
    """Both in X."""
    test: BitArray
    """Both in Z."""
    cross: BitArray
    """Bob clicked in both bases."""


def sift(alice: BitArray, bob: BitArray, cross: BitArray) -> Sifted:
    """Apply the sifting rule to the accepted slots; all bits one for each.

    alice, bob: bases, 0 X, 1 Z; his without meaning for cross clicks
    cross:      where Bob clicked in both bases
    """
    in_z = alice & bob
    return Sifted(key=~(alice | bob | cross), test=in_z & ~cross, cross=cross)


def chosen(values: NDArray[S], mask: NDArray[np.bool_]) -> NDArray[S]:
    """Return ``values[mask]``, in a sixth of the time that NumPy takes."""
    from qkdlab.protocols._kernels import choose

    n = int(np.count_nonzero(mask))
    out = np.empty(n + 1, values.dtype)
    choose(values, mask, out)
    return out[:n]


Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Bb84Counts:
    """What a block showed, by intensity (signal, decoy, vacuum). Public figures.

    sent_key, sent_test: pulses that Alice sent in X and in Z
    n_key, n_test:       sifted events in X and in Z, doubles included
    m_test:              errors among the test events
    m_key:               errors among the key events, known once the key is corrected
    cross:               slots with clicks in both bases, whatever Alice's basis
    double_key, double_test: double clicks among the sifted events
    slots:               accepted slots in all
    """

    sent_key: Triple
    sent_test: Triple
    n_key: Triple
    n_test: Triple
    m_test: Triple
    cross: Triple
    double_key: Triple = (0, 0, 0)
    double_test: Triple = (0, 0, 0)
    m_key: Triple | None = None
    slots: int = 0

    def exact(self) -> dict[str, Fraction]:
        """Return the figures that limits are set on, by name, without rounding."""
        crossed, doubles = sum(self.cross), sum(self.double_key) + sum(self.double_test)
        n_key, n_test = sum(self.n_key), sum(self.n_test)
        return {
            "qber_x": Fraction(sum(self.m_key or (0, 0, 0)), max(1, n_key)),
            "qber_z": Fraction(sum(self.m_test), max(1, n_test)),
            "cross_click_fraction": Fraction(crossed, max(1, crossed + n_key + n_test)),
            "double_click_fraction": Fraction(doubles, max(1, n_key + n_test)),
        }

    @property
    def qber_test(self) -> float:
        """Error rate of the test events; 0 when there are none."""
        return float(self.exact()["qber_z"])

    @property
    def expected_qber(self) -> float:
        """Error rate of the test events as one expects it of others: (m + 1) / (n + 2).

        Laplace's rule of succession: few events without an error do not make it 0.
        Steers reconciliation; no length depends on it.
        """
        return (sum(self.m_test) + 1) / (sum(self.n_test) + 2)

    @property
    def qber_key(self) -> float:
        """Error rate of the key events; 0 when unknown."""
        return float(self.exact()["qber_x"])

    @property
    def cross_fraction(self) -> float:
        """Cross clicks as a fraction of all sifted events and cross clicks."""
        return float(self.exact()["cross_click_fraction"])

    @property
    def double_fraction(self) -> float:
        """Double clicks as a fraction of the sifted events."""
        return float(self.exact()["double_click_fraction"])


@dataclass(frozen=True, slots=True)
class Bb84Limits:
    """Thresholds fixed before the run; outside them the block aborts."""

    qber_x_max: float
    qber_z_max: float
    cross_click_fraction_max: float
    double_click_fraction_max: float
    sifted_min: int = 1
    test_min: int = 1


def check_limits(counts: Bb84Counts, limits: Bb84Limits) -> SecurityAbort | None:
    """Return why the block must abort, or None.

    May be asked twice: before reconciliation (`m_key` unknown) and after it. Figures
    are compared without rounding; a limit stands for its shortest decimal form, as in
    the claim gate.
    """
    exact = counts.exact()
    found: list[tuple[bool, AbortCode, str, Mapping[str, float | int]]] = [
        (
            sum(counts.n_key) < limits.sifted_min
            or sum(counts.n_test) < limits.test_min,
            AbortCode.COUNTS_OUTSIDE_LIMITS,
            "too few sifted events",
            {"sifted_key": sum(counts.n_key), "sifted_test": sum(counts.n_test)},
        ),
        (
            _above(exact["cross_click_fraction"], limits.cross_click_fraction_max),
            AbortCode.CROSS_CLICKS_ABOVE_LIMIT,
            "too many slots clicked in both bases",
            {"fraction": counts.cross_fraction},
        ),
        (
            _above(exact["double_click_fraction"], limits.double_click_fraction_max),
            AbortCode.DOUBLE_CLICKS_ABOVE_LIMIT,
            "too many slots clicked in both detectors of a basis",
            {"fraction": counts.double_fraction},
        ),
        (
            _above(exact["qber_z"], limits.qber_z_max),
            AbortCode.QBER_ABOVE_LIMIT,
            "the error rate of the test basis is above its limit",
            {"qber_z": counts.qber_test, "limit": limits.qber_z_max},
        ),
        (
            counts.m_key is not None and _above(exact["qber_x"], limits.qber_x_max),
            AbortCode.QBER_ABOVE_LIMIT,
            "the error rate of the key basis is above its limit",
            {"qber_x": counts.qber_key, "limit": limits.qber_x_max},
        ),
    ]
    for broken, code, reason, numbers in found:
        if broken:
            return SecurityAbort(code, reason, dict(numbers))
    return None


def _above(figure: Fraction, limit: float) -> bool:
    return figure > Fraction(repr(float(limit)))
