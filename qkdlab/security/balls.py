"""Real numbers enclosed in balls, and boxes of them.

Arithmetic is that of Arb (python-flint): every operation gives a ball that holds the
true value, whatever cancels inside it. A key length is the floor of a lower end:
rounding never yields a bit too many (SECURITY rule 15). A ball that Arb cannot bound
(not a number, infinite) counts as unbounded, and grants nothing.

Arb's working precision is one number for the whole process. What computes a bound runs
under `precise`, which sets it and lets one thread in at a time; without it bounds hold
as well, but are wider.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ParamSpec, SupportsFloat, SupportsIndex, TypeVar

from flint import arb, ctx

__all__ = [
    "PRECISION_BITS",
    "Interval",
    "Number",
    "ball",
    "between",
    "exactly",
    "floor_below",
    "lower_end",
    "precise",
    "upper_end",
]

Number = int | float | Decimal | Fraction | SupportsFloat | SupportsIndex

PRECISION_BITS = 140
"""Some 42 decimal digits."""

P = ParamSpec("P")
R = TypeVar("R")

_LOCK = threading.RLock()


def precise(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function compute with `PRECISION_BITS`, alone among the threads."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with _LOCK, ctx.workprec(PRECISION_BITS):
            return function(*args, **kwargs)

    return wrapper


def ball(number: Number | arb) -> arb:
    """Enclose a number; a float stands for its shortest decimal form."""
    if isinstance(number, arb):
        return number
    if isinstance(number, int):
        return arb(number)
    if isinstance(number, Fraction):
        return arb(number.numerator) / arb(number.denominator)
    if isinstance(number, Decimal):
        return arb(str(number))
    if isinstance(number, SupportsIndex):
        return arb(number.__index__())
    return arb(repr(float(number)))


def exactly(number: Number) -> Fraction:
    """Return a finite number as a fraction; a float stands for its shortest decimal.

    Raises ValueError or OverflowError for one that is not finite.
    """
    if isinstance(number, int | Fraction | Decimal):
        return Fraction(number)
    if isinstance(number, SupportsIndex):
        return Fraction(number.__index__())
    return Fraction(repr(float(number)))


def lower_end(x: arb) -> arb:
    """Return an exact number that is not above any of a ball."""
    return x.lower() if x.is_finite() else arb.neg_inf()


def upper_end(x: arb) -> arb:
    """Return an exact number that is not below any of a ball."""
    return x.upper() if x.is_finite() else arb.pos_inf()


def between(low: arb, high: arb) -> arb:
    """Return a ball that holds both balls and all between."""
    return low.union(high)


def floor_below(x: arb) -> int | None:
    """Return the greatest whole number that is certainly not above x.

    None when x has no lower end.
    """
    low = lower_end(x)
    if not low.is_finite():
        return None
    return int(low.floor().unique_fmpz() or 0)


@dataclass(frozen=True, slots=True)
class Interval:
    """All reals between two ends, which are balls as thin as precision allows."""

    low: arb
    high: arb

    @classmethod
    def of(cls, low: Number | arb, high: Number | arb | None = None) -> Interval:
        """Return the interval from `low` to `high`, or the point `low`."""
        start = ball(low)
        return cls(start, start if high is None else ball(high))

    @property
    def is_point(self) -> bool:
        """True when both ends are one ball."""
        return self.low is self.high

    @property
    def middle(self) -> arb:
        """A number in the middle."""
        return self.low if self.is_point else ((self.low + self.high) / 2).mid()

    @property
    def ball(self) -> arb:
        """A ball that holds the interval."""
        return self.low if self.is_point else between(self.low, self.high)
