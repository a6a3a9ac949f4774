"""The budget of failure probabilities of a key block, term by term."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EpsilonBudget"]


@dataclass(frozen=True, slots=True)
class EpsilonBudget:
    """Named failure probabilities; they add up (composable security).

    correctness:    the keys differ: the verification's collision bound
    secrecy:        epsilon_sec of the length formula
    authentication: one forgery bound per tag that the block rests on, by name
    """

    correctness: float
    secrecy: float
    authentication: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = [self.correctness, self.secrecy, *self.authentication.values()]
        if not all(0 <= term <= 1 for term in terms):
            raise ValueError("a failure probability lies between 0 and 1")

    @property
    def authentication_total(self) -> float:
        """The sum over all tags, rounded up."""
        return _sum_up(list(self.authentication.values()))

    @property
    def total(self) -> float:
        """The sum of everything, rounded up."""
        return _sum_up([self.correctness, self.secrecy, *self.authentication.values()])

    def as_dict(self) -> dict[str, float]:
        """Return what a result prints."""
        return {
            "correctness": self.correctness,
            "secrecy": self.secrecy,
            "authentication": self.authentication_total,
            "total": self.total,
        }


def _sum_up(terms: list[float]) -> float:
    total = math.fsum(terms)
    return math.nextafter(total, math.inf) if total else 0.0
