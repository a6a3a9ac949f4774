"""The least value of a formula over a box, bounded rigorously from below."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flint import arb

from qkdlab.security.balls import Interval, lower_end, precise, upper_end
from qkdlab.security.quantities import NOTHING, ONE, Quantity

__all__ = ["Formula", "Minimum", "minimum"]


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least value of a formula over a box.

    low:   certainly not above the minimum
    point: where the least value was seen
    """

    low: arb
    point: tuple[arb, ...]


Formula = Callable[[Sequence[Quantity]], Quantity]


@precise
def minimum(
    formula: Formula,
    box: Sequence[Interval],
    *,
    tolerance: float = 0.5,
    budget: int = 400,
    enough: arb | float | None = None,
) -> Minimum:
    """Bound the minimum of a formula over a box from below.

    A side along which the slope keeps one sign is replaced by its end; what is left is
    halved, the least bound first, until bound and best value seen differ by at most
    `tolerance` or `budget` evaluations are spent. The bound holds in either case.

    enough: stop as soon as it is known whether the minimum is above this number
    """
    if budget < 1:
        raise ValueError("the search for a minimum wants a budget of 1 or more")
    best: Minimum | None = None
    serial = itertools.count()
    low, corner, split = _bound(formula, tuple(box))
    heap = [(low, next(serial), corner, split)]
    for _ in range(budget):
        low, _, corner, split = heapq.heappop(heap)
        point = tuple(side.middle for side in corner)
        seen = upper_end(formula(_variables([Interval.of(x) for x in point])).value)
        if best is None or seen < best.low:
            best = Minimum(seen, point)
        if split < 0 or best.low - low <= tolerance:
            break
        if enough is not None and (best.low <= enough or low > enough):
            break
        side = corner[split]
        middle = side.middle
        for half in (Interval(side.low, middle), Interval(middle, side.high)):
            part = (*corner[:split], half, *corner[split + 1 :])
            new = _bound(formula, part)
            heapq.heappush(heap, (low.max(new[0]), next(serial), *new[1:]))
    else:
        low = heap[0][0]
    assert best is not None  # noqa: S101 - the budget allows for one
    return Minimum(low.min(best.low), best.point)


def _variables(box: Sequence[Interval]) -> list[Quantity]:
    n = len(box)
    return [
        Quantity(side.ball, tuple(ONE if i == j else NOTHING for j in range(n)))
        for i, side in enumerate(box)
    ]


def _bound(
    formula: Formula, box: tuple[Interval, ...]
) -> tuple[arb, tuple[Interval, ...], int]:
    """Return a lower bound, the box without its monotone sides, the side to halve."""
    while True:
        found = formula(_variables(box))
        if all(side.is_point for side in box):
            return found.low, box, -1
        if found.slopes is None:
            widths = [float(side.high - side.low) for side in box]
            return found.low, box, widths.index(max(widths))
        slopes = found.slopes or tuple(NOTHING for _ in box)
        smaller = tuple(map(_end, box, slopes))
        if smaller != box:
            box = smaller
            continue
        # mean value theorem around the middle
        centre = [side.middle for side in box]
        linear = formula(_variables([Interval.of(x) for x in centre])).value
        reach = []
        for side, middle, slope in zip(box, centre, slopes, strict=True):
            term = slope * (side.ball - middle)
            reach.append(float(term.rad()))
            linear += term
        return found.low.max(lower_end(linear)), box, reach.index(max(reach))


def _end(side: Interval, slope: arb) -> Interval:
    if side.is_point:
        return side
    if slope >= 0:
        return Interval.of(side.low)
    if slope <= 0:
        return Interval.of(side.high)
    return side
