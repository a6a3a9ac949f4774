"""Typed access to a request of `keylength`: every field is checked and named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from qkdlab.errors import UsageError
from qkdlab.plugins import did_you_mean, suggest
from qkdlab.security.balls import exactly

__all__ = ["Fields", "Request"]

Request = Mapping[str, Any]
_COUNT_MAX = 10**15


class Fields:
    """A request, and which of its fields were asked for."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._known = {"protocol"}

    def has(self, name: str) -> bool:
        """Say whether an optional field is given."""
        self._known.add(name)
        return name in self._request

    def take(self, name: str) -> Any:
        """Return a field that must be given."""
        if not self.has(name):
            near = suggest(name, [k for k in self._request if k not in self._known])
            hint = f" (rename {near!r}?)" if near is not None else ""
            raise UsageError(f"{name} is missing{hint}")
        return self._request[name]

    def refuse_unknown(self) -> None:
        """Refuse every field that nobody asked for."""
        for name in self._request:
            if name not in self._known:
                raise UsageError(
                    f"{name!r} is not a field of this protocol"
                    f"{did_you_mean(str(name), self._known)}"
                )

    def real(self, name: str, low: float, high: float, *, open_low: bool) -> float:
        """Return a number from `low` (excluded with `open_low`) to `high`."""
        return _real(name, self.take(name), low, high, open_low=open_low)

    def count(self, name: str, low: int = 0) -> int:
        """Return a whole number from `low` up."""
        return _count(name, self.take(name), low)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise UsageError(f"{name} must be true or false, not {value!r}")
        return value

    def one_of(self, name: str, choices: Sequence[str]) -> str:
        """Return one of some words."""
        value = self.take(name)
        if value not in choices:
            raise UsageError(
                f"{name} must be one of {', '.join(choices)}, not {value!r}"
                f"{did_you_mean(str(value), choices)}"
            )
        return str(value)

    def sequence(self, name: str, length: int) -> list[Any]:
        """Return a list of so many, one per intensity."""
        value = self.take(name)
        if not isinstance(value, list | tuple) or len(value) != length:
            number = {2: "two", 3: "three"}[length]
            raise UsageError(f"{name} must be a list of {number}, one per intensity")
        return list(value)

    def counts(self, name: str, length: int) -> tuple[int, ...]:
        """Return so many counts, one per intensity."""
        return tuple(
            _count(f"{name}[{i}]", x, 0)
            for i, x in enumerate(self.sequence(name, length))
        )

    def intensities(self, length: int) -> list[tuple[float, float]]:
        """Return the intensities, each as (low, high)."""
        return [
            _intensity(f"intensities[{i}]", mu)
            for i, mu in enumerate(self.sequence("intensities", length))
        ]

    def probabilities(self, length: int) -> list[Fraction]:
        """Return the probabilities of the intensities, in the ratio that is given.

        As given they add up to 1 within 1e-9; as returned, without rounding.
        """
        found = [
            _real(f"probabilities[{i}]", p, 0.0, 1.0, open_low=True)
            for i, p in enumerate(self.sequence("probabilities", length))
        ]
        exact = [exactly(p) for p in found]
        total = sum(exact, Fraction(0))
        if abs(total - 1) > Fraction(1, 10**9):
            raise UsageError("probabilities must add up to 1")
        return [p / total for p in exact]

    def errors(self, name: str, whole: str, events: tuple[int, ...]) -> tuple[int, ...]:
        """Return counts of errors among `events`, the field `whole`."""
        found = self.counts(name, len(events))
        if any(m > n for m, n in zip(found, events, strict=True)):
            raise UsageError(f"{name} holds more errors than {whole} holds events")
        return found

    def epsilon(self, name: str) -> float:
        """Return a failure probability above 0, at most 1/2."""
        return self.real(name, 0.0, 0.5, open_low=True)


def _real(name: str, value: Any, low: float, high: float, *, open_low: bool) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    # comparing first keeps integers beyond every float away from the conversion
    inside = good and low <= value <= high and math.isfinite(value)
    if not inside or (open_low and value == low):
        relation = "above" if open_low else "at least"
        raise UsageError(
            f"{name} must be a number {relation} {low:g} and at most {high:g}, "
            f"not {value!r}"
        )
    return float(value)


def _count(name: str, value: Any, low: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, float) and value.is_integer():
        whole = True
    if not whole or not low <= value <= _COUNT_MAX:
        raise UsageError(f"{name} must be a whole number from {low} up, not {value!r}")
    return int(value)


def _intensity(name: str, value: Any) -> tuple[float, float]:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise UsageError(f"{name} must be a number or [low, high]")
        low, high = (_real(name, end, 0.0, 10.0, open_low=False) for end in value)
        if low > high:
            raise UsageError(f"{name} must run from low to high, not {value!r}")
        return low, high
    mu = _real(name, value, 0.0, 10.0, open_low=False)
    return mu, mu
