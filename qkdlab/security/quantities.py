"""Values of formulas over a box of variables: enclosures with their slopes.

A `Quantity` is a ball that holds all values of a formula while its variables range over
a box, and enclosures of its partial derivatives (forward differentiation). The slopes
decide where a formula takes its least value (`qkdlab.security.minimum`).
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb

from qkdlab.security.balls import Number, ball, between, lower_end, upper_end

__all__ = [
    "Quantity",
    "at_least",
    "at_most",
    "constant",
    "entropy",
    "exp",
    "log",
    "log2",
    "positive_part",
    "sqrt",
]

NOTHING, ONE, HALF = arb(0), arb(1), arb(0.5)


@dataclass(frozen=True, slots=True)
class Quantity:
    """The value of a formula over a box of its variables.

    value:  encloses all values
    slopes: enclose the partial derivative by each variable; ``()`` for a constant,
            None when unknown
    """

    value: arb
    slopes: tuple[arb, ...] | None = ()

    @property
    def number(self) -> float:
        """The middle of the value."""
        return float(self.value)

    @property
    def low(self) -> arb:
        """A number not above any value; minus infinity when there is none."""
        return lower_end(self.value)

    @property
    def high(self) -> arb:
        """A number not below any value; infinity when there is none."""
        return upper_end(self.value)

    def chain(self, value: arb, slope: arb) -> Quantity:
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
        if other.value.contains(NOTHING):
            raise ZeroDivisionError("a divisor that may be 0")
        inverse = 1 / other.value
        return self * other.chain(inverse, -(inverse * inverse))

    def __rtruediv__(self, other: int) -> Quantity:
        return _lift(other) / self


def constant(number: Number | arb) -> Quantity:
    """Return a number that does not depend on the variables."""
    return Quantity(ball(number))


def _lift(value: Quantity | int) -> Quantity:
    return value if isinstance(value, Quantity) else Quantity(arb(value))


def exp(x: Quantity) -> Quantity:
    """Return e^x."""
    value = x.value.exp()
    return x.chain(value, value)


def log(x: Quantity) -> Quantity:
    """Return the natural logarithm of a positive quantity."""
    return x.chain(x.value.log(), 1 / x.value)


def log2(x: Quantity) -> Quantity:
    """Return the binary logarithm of a positive quantity."""
    return log(x) / Quantity(arb.const_log2())


def sqrt(x: Quantity) -> Quantity:
    """Return the square root; where the quantity is below 0, 0."""
    if x.low > 0:
        value = x.value.sqrt()
        return x.chain(value, HALF / value)
    # the slope is infinite at 0
    slopes = None if x.slopes else x.slopes
    return Quantity(between(NOTHING, x.high.max(NOTHING).sqrt()), slopes)


def positive_part(x: Quantity) -> Quantity:
    """Return max(x, 0)."""
    if x.low >= 0:
        return x
    if x.high <= 0:
        return Quantity(NOTHING, _zeros(x.slopes))
    return Quantity(between(NOTHING, x.high), _hull(x.slopes, ()))


def at_most(x: Quantity, limit: Quantity | int) -> Quantity:
    """Return the lesser of two."""
    limit = _lift(limit)
    if x.high <= limit.low:
        return x
    if limit.high <= x.low:
        return limit if limit.slopes != () else Quantity(limit.value, _zeros(x.slopes))
    slopes = _hull(x.slopes, limit.slopes)
    return Quantity(between(x.low.min(limit.low), x.high.min(limit.high)), slopes)


def at_least(x: Quantity, limit: Quantity | int) -> Quantity:
    """Return the greater of two."""
    return -at_most(-x, -_lift(limit))


def _zeros(slopes: tuple[arb, ...] | None) -> tuple[arb, ...]:
    return tuple(NOTHING for _ in slopes or ())


def _hull(
    left: tuple[arb, ...] | None, right: tuple[arb, ...] | None
) -> tuple[arb, ...] | None:
    """Return slopes that hold both; those of a constant are 0."""
    if left is None or right is None:
        return None
    left, right = left or _zeros(right), right or _zeros(left)
    return tuple(between(a, b) for a, b in zip(left, right, strict=True))


def entropy(x: Quantity) -> Quantity:
    """Return the binary entropy h(x) in bits for 0 <= x < 1/2, and 1 from 1/2 on."""
    low, high = x.low.min(HALF), x.high.min(HALF)
    if not low > 0:
        # the slope is infinite at 0
        top = _entropy_at(high) if high > 0 else NOTHING
        return Quantity(between(NOTHING, top), None if x.slopes else x.slopes)
    value = between(_entropy_at(low), _entropy_at(high))
    return x.chain(value, between(_entropy_slope(high), _entropy_slope(low)))


def _entropy_at(x: arb) -> arb:
    y = 1 - x
    return -(x * x.log() + y * y.log()) / arb.const_log2()


def _entropy_slope(x: arb) -> arb:
    return ((1 - x).log() - x.log()) / arb.const_log2()
