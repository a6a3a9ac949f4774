"""Values of formulas over a box of variables: enclosures with their slopes.

A `Quantity` is an `Interval` that holds all values of a formula while its variables
range over a box, and enclosures of its partial derivatives (forward differentiation).
The slopes decide where a formula takes its least value (`qkdlab.security.minimum`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qkdlab.security.intervals import HALF, LN2, NOTHING, ONE, Interval, Number

__all__ = [
    "Quantity",
    "at_most",
    "constant",
    "entropy",
    "exp",
    "log",
    "log2",
    "positive_part",
    "sqrt",
]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """The value of a formula over a box of its variables.

    value:  encloses all values
    slopes: enclose the partial derivative by each variable; ``()`` for a constant,
            None when unknown
    """

    value: Interval
    slopes: tuple[Interval, ...] | None = ()

    @property
    def number(self) -> float:
        """The middle of the value."""
        return float(self.value.middle)

    def chain(self, value: Interval, slope: Interval) -> Quantity:
        """Return a function of this quantity, given its value and derivative."""
        if self.slopes is None:
            return Quantity(value, None)
        return Quantity(value, tuple(slope * s for s in self.slopes))

    def __add__(self, other: Quantity | int) -> Quantity:
        other = _lift(other)
        total = self.value + other.value
        if self.slopes is None or other.slopes is None:
            return Quantity(total, None)
        if not self.slopes or not other.slopes:
            return Quantity(total, self.slopes or other.slopes)
        pairs = zip(self.slopes, other.slopes, strict=True)
        return Quantity(total, tuple(a + b for a, b in pairs))

    def __neg__(self) -> Quantity:
        return self.chain(-self.value, -ONE)

    def __sub__(self, other: Quantity | int) -> Quantity:
        return self + -_lift(other)

    def __rsub__(self, other: int) -> Quantity:
        return _lift(other) - self

    def __mul__(self, other: Quantity | int) -> Quantity:
        other = _lift(other)
        value = self.value * other.value
        left = self.chain(value, other.value)
        right = other.chain(value, self.value)
        return Quantity(value, (left + right).slopes)

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: Quantity | int) -> Quantity:
        other = _lift(other)
        inverse = other.value.inverse()
        return self * other.chain(inverse, -(inverse * inverse))

    def __rtruediv__(self, other: int) -> Quantity:
        return _lift(other) / self


def constant(number: Number) -> Quantity:
    """Return a number that does not depend on the variables."""
    return Quantity(Interval.of(number))


def _lift(value: Quantity | int) -> Quantity:
    return value if isinstance(value, Quantity) else constant(value)


def exp(x: Quantity) -> Quantity:
    """Return e^x."""
    value = x.value.exp()
    return x.chain(value, value)


def log(x: Quantity) -> Quantity:
    """Return the natural logarithm of a positive quantity."""
    return x.chain(x.value.log(), x.value.inverse())


def log2(x: Quantity) -> Quantity:
    """Return the binary logarithm of a positive quantity."""
    return log(x) / Quantity(LN2)


def sqrt(x: Quantity) -> Quantity:
    """Return the square root; where the quantity is below 0, 0."""
    value = x.value.sqrt()
    if not x.slopes:
        return Quantity(value, x.slopes)
    if value.low <= 0:
        # the slope is infinite at 0
        return Quantity(value, None)
    return x.chain(value, HALF * value.inverse())


def positive_part(x: Quantity) -> Quantity:
    """Return max(x, 0)."""
    if x.value.low >= 0:
        return x
    value = Interval(ZERO, max(ZERO, x.value.high))
    if x.slopes is None:
        return Quantity(value, None)
    if x.value.high <= 0:
        return Quantity(value, tuple(NOTHING for _ in x.slopes))
    return Quantity(value, tuple(s.hull(NOTHING) for s in x.slopes))


def at_most(x: Quantity, limit: Quantity | int) -> Quantity:
    """Return the lesser of two."""
    return x - positive_part(x - limit)


def entropy(x: Quantity) -> Quantity:
    """Return the binary entropy h(x) in bits for 0 <= x < 1/2, and 1 from 1/2 on."""
    low, high = (min(end, HALF.low) for end in (x.value.low, x.value.high))
    if low <= 0:
        # the slope is infinite at 0
        value = Interval(ZERO, ZERO if high <= 0 else _entropy_at(high).high)
        return Quantity(value, None if x.slopes else x.slopes)
    below, above = _entropy_at(low), _entropy_at(high)
    value = Interval(below.low, min(above.high, Decimal(1)))
    return x.chain(value, _entropy_slope(high).hull(_entropy_slope(low)))


def _entropy_at(point: Decimal) -> Interval:
    x = Interval(point, point)
    y = ONE - x
    return -(x * x.log() + y * y.log()) * LN2.inverse()


def _entropy_slope(point: Decimal) -> Interval:
    x = Interval(point, point)
    return ((ONE - x).log() - x.log()) * LN2.inverse()
