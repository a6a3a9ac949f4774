"""The least key length while intensities range over a box."""

from __future__ import annotations

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from flint import arb

from qkdlab.security.balls import Interval, between, floor_below
from qkdlab.security.minimum import Formula, Minimum, minimum
from qkdlab.security.quantities import Quantity, at_least, constant, entropy
from qkdlab.security.tails import gamma_random_sampling

__all__ = ["BasisBounds", "Events", "Least", "OverIntensities", "key_of_singles"]


class BasisBounds(Protocol):
    """What decoys say about the events of one basis."""

    def bounds(self, limited: bool | None = None) -> tuple[Quantity, Quantity]:
        """Return vacuum and single-photon events, together at most all events.

        limited: True returns the limit of the single-photon events, False them without
                 it, None the lesser. What grows with them is least at the least of the
                 first two, and without the edge between them is searched faster.
        """
        ...

    @property
    def excess(self) -> Quantity:
        """By how much either surpasses all events; above 0 that is impossible."""
        ...


Events = Callable[[Sequence[Quantity]], BasisBounds]
"""The bounds at given intensities."""


@dataclass(frozen=True, slots=True)
class Least:
    """The least length over a box, at least 0, and where it was found.

    contradicted: no point of the box explains the counts: no bit, and the bounds are
                  those at the middle
    """

    secret_bits: int
    bounds: dict[str, float]
    intensities: tuple[float, ...]
    contradicted: bool


class OverIntensities(ABC):
    """A length that grows with the single-photon events of both bases."""

    def __init__(self, key: Events, test: Events) -> None:
        self.key, self.test = key, test

    @abstractmethod
    def evaluate(
        self,
        mu: Sequence[Quantity],
        limited_key: bool | None = None,
        limited_test: bool | None = None,
    ) -> dict[str, Quantity]:
        """Return all bounds by name, the length as ``ell``."""

    def least(self, box: Sequence[Interval]) -> Least:
        """Return the least length over a box, rounded down."""
        contradicted = bool(minimum(self._excess, box, enough=0).low > 0)
        if contradicted:
            length, point = 0, tuple(side.middle for side in box)
        else:
            found = self._minimum(box)
            length, point = floor_below(found.low) or 0, found.point
        places = [Quantity(mu) for mu in point]
        bounds = {name: q.number for name, q in self.evaluate(places).items()}
        intensities = tuple(mu.number for mu in places)
        return Least(max(0, length), bounds, intensities, contradicted)

    def _minimum(self, box: Sequence[Interval]) -> Minimum:
        first, *others = self._pieces(box)
        found = minimum(first, box)
        for piece in others:
            # whether it is lower is all that is asked at first
            rough = minimum(piece, box, enough=found.low)
            if not rough.low > found.low:
                other = minimum(piece, box)
                found = min(found, other, key=lambda least: least.low)
        return found

    def _pieces(self, box: Sequence[Interval]) -> Iterator[Formula]:
        """Yield formulas whose least value is that of the length.

        The single-photon events of either basis are the lesser of two, so the length
        is the least of four; those that are nowhere the least are left out.
        """
        mu = [Quantity(side.ball) for side in box]
        choices = []
        for events in (self.key(mu), self.test(mu)):
            within = events.bounds(False)[1].high <= events.bounds(True)[1].low
            choices.append([False] if within else [False, True])
        for key, test in itertools.product(*choices):
            yield functools.partial(self._length, limited_key=key, limited_test=test)

    def _length(self, mu: Sequence[Quantity], **limited: bool) -> Quantity:
        return self.evaluate(mu, **limited)["ell"]

    def _excess(self, mu: Sequence[Quantity]) -> Quantity:
        return at_least(self.key(mu).excess, self.test(mu).excess)


def key_of_singles(
    s_key: Quantity, s_test: Quantity, errors: Quantity, epsilon: Quantity, parts: int
) -> tuple[Quantity, Quantity, Quantity]:
    """Return the phase error errors / s_test + gamma, gamma, and s_key (1 - h).

    epsilon, parts: epsilon_sec and into how many it is split

    Where a bound on single photons is not positive, nothing is granted; where the
    error bound is not positive the counts contradict the model, and nothing is
    granted either; nor where the root in gamma is not real, which no epsilon that
    anybody would choose leads to.
    """
    half, zero = constant(0.5), constant(0)
    if s_key.high <= 0 or s_test.high <= 0:
        return half, zero, zero
    unknown = Quantity(between(arb(0), s_key.high), None)
    if not min(s_key.low, s_test.low, errors.low) > 0:
        return half, zero, unknown
    ratio = errors / s_test
    if ratio.low >= half.low:
        return half, zero, zero
    if not (ratio.low > 0 and ratio.high < 1):
        return half, zero, unknown
    gamma = gamma_random_sampling(epsilon, ratio, s_test, s_key, parts)
    if not gamma.low > 0:
        return half, zero, unknown
    phi = ratio + gamma
    return phi, gamma, s_key * (1 - entropy(phi))
