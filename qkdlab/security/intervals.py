"""Real numbers enclosed between two decimals, with their slopes; rigorous minima.

Every operation rounds its lower end down and its upper end up (40 digits), so that the
true value of a formula lies between the ends whatever cancels inside it. A key length
is the floor of a lower end: rounding never yields a bit too many (SECURITY rule 15).
The slopes are enclosures of the partial derivatives (forward differentiation); they
decide where a formula takes its least value over a box of intensities.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import SupportsFloat, SupportsIndex

__all__ = [
    "Interval",
    "Minimum",
    "Number",
    "Quantity",
    "constant",
    "entropy",
    "exp",
    "log",
    "log2",
    "minimum",
    "positive_part",
    "sqrt",
]

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
        return Interval(-self.high, -self.low)

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

    def _chain(self, value: Interval, slope: Interval) -> Quantity:
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
        return self._chain(-self.value, -ONE)

    def __sub__(self, other: Quantity | int) -> Quantity:
        return self + -_lift(other)

    def __rsub__(self, other: int) -> Quantity:
        return _lift(other) - self

    def __mul__(self, other: Quantity | int) -> Quantity:
        other = _lift(other)
        value = self.value * other.value
        left = self._chain(value, other.value)
        right = other._chain(value, self.value)
        return Quantity(value, (left + right).slopes)

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: Quantity | int) -> Quantity:
        other = _lift(other)
        inverse = other.value.inverse()
        return self * other._chain(inverse, -(inverse * inverse))

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
    return x._chain(value, value)


def log(x: Quantity) -> Quantity:
    """Return the natural logarithm of a positive quantity."""
    return x._chain(x.value.log(), x.value.inverse())


def log2(x: Quantity) -> Quantity:
    """Return the binary logarithm of a positive quantity."""
    return log(x) / Quantity(LN2)


def sqrt(x: Quantity) -> Quantity:
    """Return the square root of a positive quantity."""
    value = x.value.sqrt()
    if not x.slopes:
        return Quantity(value, x.slopes)
    return x._chain(value, HALF * value.inverse())


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


def entropy(x: Quantity) -> Quantity:
    """Return the binary entropy h(x) in bits for 0 <= x < 1/2, and 1 from 1/2 on."""
    low, high = (min(end, HALF.low) for end in (x.value.low, x.value.high))
    if low <= 0:
        # the slope is infinite at 0
        value = Interval(ZERO, ZERO if high <= 0 else _entropy_at(high).high)
        return Quantity(value, None if x.slopes else x.slopes)
    below, above = _entropy_at(low), _entropy_at(high)
    value = Interval(below.low, min(above.high, Decimal(1)))
    return x._chain(value, _entropy_slope(high).hull(_entropy_slope(low)))


def _entropy_at(point: Decimal) -> Interval:
    x = Interval(point, point)
    y = ONE - x
    return -(x * x.log() + y * y.log()) * LN2.inverse()


def _entropy_slope(point: Decimal) -> Interval:
    x = Interval(point, point)
    return ((ONE - x).log() - x.log()) * LN2.inverse()


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least value of a formula over a box.

    low:   certainly not above the minimum
    point: where the least value was seen
    """

    low: Decimal
    point: tuple[Interval, ...]


Formula = Callable[[Sequence[Quantity]], Quantity]


def minimum(
    formula: Formula,
    box: Sequence[Interval],
    *,
    tolerance: Decimal = Decimal("0.5"),
    budget: int = 400,
) -> Minimum:
    """Bound the minimum of a formula over a box from below.

    A side along which the slope keeps one sign is replaced by its end; what is left is
    halved, the least bound first, until bound and best value seen differ by at most
    `tolerance` or `budget` evaluations are spent. The bound holds in either case.
    """
    best: Minimum | None = None
    serial = itertools.count()
    low, corner, split = _bound(formula, tuple(box))
    heap = [(low, next(serial), corner, split)]
    for _ in range(budget):
        low, _, corner, split = heapq.heappop(heap)
        point = tuple(Interval(side.middle, side.middle) for side in corner)
        seen = formula(_variables(point)).value.high
        if best is None or seen < best.low:
            best = Minimum(seen, point)
        if split < 0 or best.low - low <= tolerance:
            break
        side = corner[split]
        for half in (Interval(side.low, side.middle), Interval(side.middle, side.high)):
            part = (*corner[:split], half, *corner[split + 1 :])
            new = _bound(formula, part)
            heapq.heappush(heap, (max(low, new[0]), next(serial), *new[1:]))
    else:
        low = heap[0][0]
    if best is None:
        raise ValueError("the search for a minimum wants a budget of 1 or more")
    return Minimum(min(low, best.low), best.point)


def _variables(box: tuple[Interval, ...]) -> list[Quantity]:
    n = len(box)
    return [
        Quantity(side, tuple(ONE if i == j else NOTHING for j in range(n)))
        for i, side in enumerate(box)
    ]


def _bound(
    formula: Formula, box: tuple[Interval, ...]
) -> tuple[Decimal, tuple[Interval, ...], int]:
    """Return a lower bound, the box without its monotone sides, the side to halve."""
    while True:
        found = formula(_variables(box))
        if all(side.is_point for side in box):
            return found.value.low, box, -1
        if found.slopes is None:
            widths = [side.high - side.low for side in box]
            return found.value.low, box, widths.index(max(widths))
        slopes = found.slopes or tuple(NOTHING for _ in box)
        smaller = tuple(map(_end, box, slopes))
        if smaller != box:
            box = smaller
            continue
        # mean value theorem around the middle
        centre = tuple(Interval(side.middle, side.middle) for side in box)
        linear = formula(_variables(centre)).value
        reach = []
        for side, middle, slope in zip(box, centre, slopes, strict=True):
            term = slope * (side - middle)
            reach.append(term.high - term.low)
            linear += term
        return max(found.value.low, linear.low), box, reach.index(max(reach))


def _end(side: Interval, slope: Interval) -> Interval:
    if slope.low >= 0:
        return Interval(side.low, side.low)
    if slope.high <= 0:
        return Interval(side.high, side.high)
    return side
