"""Vacuum and single-photon events from three intensities.

Equations (2) to (4) of Lim et al., PRA 89, 022307 (2014) [R], which Tupkary et al.,
arXiv:2408.17349, use as well [code]; they differ in the width that counts may stray by.
mu1 > mu2 + mu3, mu2 > mu3 >= 0. Lower counts are not clamped at 0; s_0 and s_1 are, and
they are never taken to be more than all events.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qkdlab.errors import UsageError
from qkdlab.security.balls import Interval, Number
from qkdlab.security.quantities import (
    Quantity,
    at_least,
    at_most,
    constant,
    exp,
    positive_part,
)
from qkdlab.security.requirements import box_of, check_counts
from qkdlab.security.tails import hoeffding_width

__all__ = ["ThreeIntensities", "TwoDecoyCounts", "intensity_box", "three_intensities"]

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TwoDecoyCounts:
    """Observed counts by intensity and the probabilities that they rest on.

    n_key:          events of the key basis (X in Lim 2014)
    n_test, m_test: events and errors of the test basis (Z)
    p_key, p_test:  probability of each intensity given the basis: the realised class
                    fractions of the block
    """

    n_key: Triple
    n_test: Triple
    m_test: Triple
    p_key: Sequence[Number]
    p_test: Sequence[Number]

    def __post_init__(self) -> None:
        check_counts((*self.n_key, *self.n_test, *self.m_test), self.p_key, self.p_test)


class ThreeIntensities:
    """Bounds from the events (or the errors) of one basis.

    low, high: n^-_k and n^+_k, (e^k / p_k)(n_k -+ width)
    tau0, tau1: probability of a pulse without a photon, with one
    """

    def __init__(
        self,
        mu: Sequence[Quantity],
        probabilities: Sequence[Number],
        least: Sequence[Quantity],
        most: Sequence[Quantity],
        total: int,
    ) -> None:
        """Take what the counts were expected to be, at least and at most.

        probabilities: of each intensity given the basis
        total:         all events of the basis
        """
        self._mu = mu
        self._total = total
        p = [constant(x) for x in probabilities]
        weights = [p_k * exp(-k) for p_k, k in zip(p, mu, strict=True)]
        self.tau0 = weights[0] + weights[1] + weights[2]
        self.tau1 = weights[0] * mu[0] + weights[1] * mu[1] + weights[2] * mu[2]
        self.low = [n / w for n, w in zip(least, weights, strict=True)]
        self.high = [n / w for n, w in zip(most, weights, strict=True)]

    def least_vacuum(self) -> Quantity:
        """Return s_0 by (2), as it is."""
        _, mu2, mu3 = self._mu
        s0 = self.tau0 * (mu2 * self.low[2] - mu3 * self.high[1]) / (mu2 - mu3)
        return positive_part(s0)

    def least_single(self, vacuum: Quantity) -> Quantity:
        """Return s_1 by (3), as it is."""
        mu1, mu2, mu3 = self._mu
        gap = mu2 - mu3
        squares = (mu2 + mu3) * gap / (mu1 * mu1)
        weak = self.low[1] - self.high[2]
        bright = squares * (self.high[0] - vacuum / self.tau0)
        return self.tau1 * mu1 * (weak - bright) / (gap * (mu1 - mu2 - mu3))

    def most_single(self) -> Quantity:
        """Return v_1 by (4)."""
        return self.tau1 * (self.high[1] - self.low[2]) / (self._mu[1] - self._mu[2])

    def bounds(self, limited: bool | None = None) -> tuple[Quantity, Quantity]:
        """Return s_0 and s_1 (`qkdlab.security.over_intensities.BasisBounds`)."""
        s0 = at_most(self.least_vacuum(), self._total)
        limit = self._total - s0
        if limited:
            return s0, limit
        s1 = self.least_single(s0)
        return s0, at_most(s1, limit) if limited is None else s1

    @property
    def excess(self) -> Quantity:
        """By how much s_0 or s_1 surpasses all events; above 0 that is impossible."""
        s0 = self.least_vacuum()
        s1 = self.least_single(at_most(s0, self._total))
        return at_least(s0, s1) - self._total


def three_intensities(
    probabilities: Sequence[Number], counts: Triple, epsilon: Quantity
) -> Callable[[Sequence[Quantity]], ThreeIntensities]:
    """Return bounds as a function of the intensities, by Hoeffding's width.

    epsilon: with which each side of each count may fail
    """
    width = hoeffding_width(sum(counts), epsilon)
    return functools.partial(
        ThreeIntensities,
        probabilities=probabilities,
        least=[n - width for n in counts],
        most=[n + width for n in counts],
        total=sum(counts),
    )


def intensity_box(
    intensities: Sequence[Number | tuple[Number, Number]],
) -> list[Interval]:
    """Return the box of mu1, mu2, mu3, each a number or (low, high).

    Raises UsageError when they break the theorem's order anywhere.
    """
    mu1, mu2, mu3 = box = box_of(intensities, 3)
    ordered = mu3.low >= 0 and mu2.low > mu3.high and mu1.low > mu2.high + mu3.high
    if not ordered:
        raise UsageError(
            "intensities must keep mu1 > mu2 + mu3 and mu2 > mu3 >= 0 "
            "everywhere in their intervals"
        )
    return box
