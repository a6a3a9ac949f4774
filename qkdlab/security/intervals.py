"""Real numbers enclosed between two decimals.

Every operation rounds its lower end down and its upper end up (40 digits), so that the
true value of a formula lies between the ends whatever cancels inside it. A key length
is the floor of a lower end: rounding never yields a bit too many (SECURITY rule 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import SupportsFloat, SupportsIndex

__all__ = ["HALF", "LN2", "NOTHING", "ONE", "Interval", "Number"]

Number = int | float | Decimal | Fraction | SupportsFloat | SupportsIndex

DOWN = Context(prec=40, rounding=ROUND_FLOOR)
UP = Context(prec=40, rounding=ROUND_CEILING)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Interval:
    """All reals between two decimals, ends included."""

    low: Decimal
    high: Decimal

    @classmethod
    def of(cls, number: Number) -> Interval:
        """Enclose a number; a float stands for its shortest decimal form."""
        if isinstance(number, Fraction):
            top, bottom = Decimal(number.numerator), Decimal(number.denominator)
            return cls(DOWN.divide(top, bottom), UP.divide(top, bottom))
        if isinstance(number, Decimal):
            return cls(number, number)
        if isinstance(number, SupportsIndex):
            exact = Decimal(number.__index__())
        else:
            exact = Decimal(repr(float(number)))
        return cls(exact, exact)

    @property
    def middle(self) -> Decimal:
        """A number in the middle."""
        return min(self.high, DOWN.divide(DOWN.add(self.low, self.high), Decimal(2)))

    @property
    def is_point(self) -> bool:
        """True when both ends are one number."""
        return self.low == self.high

    def __add__(self, other: Interval) -> Interval:
        return Interval(DOWN.add(self.low, other.low), UP.add(self.high, other.high))

    def __neg__(self) -> Interval:
        # the operator would round to the thread's decimal context
        return Interval(self.high.copy_negate(), self.low.copy_negate())

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        pairs = [(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(
            min(DOWN.multiply(a, b) for a, b in pairs),
            max(UP.multiply(a, b) for a, b in pairs),
        )

    def inverse(self) -> Interval:
        """Return 1 / x; raises ZeroDivisionError when 0 lies inside."""
        if self.low <= 0 <= self.high:
            raise ZeroDivisionError("an interval that holds 0 has no inverse")
        one = Decimal(1)
        return Interval(DOWN.divide(one, self.high), UP.divide(one, self.low))

    def exp(self) -> Interval:
        """Return e^x."""
        return Interval(
            max(ZERO, DOWN.next_minus(DOWN.exp(self.low))),
            UP.next_plus(UP.exp(self.high)),
        )

    def log(self) -> Interval:
        """Return the natural logarithm of a positive interval."""
        return Interval(
            DOWN.next_minus(DOWN.ln(self.low)), UP.next_plus(UP.ln(self.high))
        )

    def sqrt(self) -> Interval:
        """Return the square root; ends below 0 count as 0."""
        return Interval(
            max(ZERO, DOWN.next_minus(DOWN.sqrt(max(ZERO, self.low)))),
            UP.next_plus(UP.sqrt(max(ZERO, self.high))),
        )

    def hull(self, other: Interval) -> Interval:
        """Return the smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


NOTHING = Interval(ZERO, ZERO)
ONE = Interval(Decimal(1), Decimal(1))
HALF = Interval(Decimal("0.5"), Decimal("0.5"))
LN2 = Interval.of(2).log()
