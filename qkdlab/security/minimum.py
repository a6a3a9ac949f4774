"""The least value of a formula over a box, bounded rigorously from below."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from qkdlab.security.intervals import NOTHING, ONE, Interval
from qkdlab.security.quantities import Quantity

__all__ = ["Formula", "Minimum", "minimum"]


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
