"""Turning plates one by one to where a measured error is least.

For when no model fits: a plate of unknown retardance, plates in another order. Each
angle is tried a step to either side; a parabola through the three costs tells where to
go. Steps shrink when a round brings nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["SearchResult", "coordinate_search"]

Angles = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Where the search ended.

    cost:         measured there
    measurements: how many costs were measured
    """

    angles_deg: Angles
    cost: float
    measurements: int


def coordinate_search(
    cost: Callable[[Angles], float],
    start_deg: Sequence[float],
    *,
    wanted: float,
    first_step_deg: float = 15.0,
    last_step_deg: float = 1.0,
    reach: float = 2.0,
    most_measurements: int = 120,
) -> SearchResult:
    """Return the best angles that were measured.

    cost:   measures at some angles; noise well below `wanted` is no trouble
    wanted: the search ends when the cost is no greater
    reach:  of one move, in steps
    """
    best = tuple(float(a) for a in start_deg)
    least = cost(best)
    n_measured, step = 1, first_step_deg
    while step >= last_step_deg and least > wanted and n_measured < most_measurements:
        before = least
        for axis in range(len(best)):
            sides = [_moved(best, axis, sign * step) for sign in (-1, 1)]
            costs = [cost(angles) for angles in sides]
            n_measured += 2
            tried = [*zip(costs, sides, strict=True), (least, best)]
            at = _vertex(costs[0], least, costs[1], reach)
            if at is not None and abs(at) > 0.1:
                angles = _moved(best, axis, at * step)
                tried.append((cost(angles), angles))
                n_measured += 1
            least, best = min(tried)
        if least > 0.8 * before:
            step /= 2
    return SearchResult(best, least, n_measured)


def _moved(angles: Angles, axis: int, by_deg: float) -> Angles:
    moved = list(angles)
    moved[axis] = (moved[axis] + by_deg) % 180.0
    return tuple(moved)


def _vertex(left: float, middle: float, right: float, reach: float) -> float | None:
    """Return where the parabola through (-1, 0, 1) is least, at most `reach` away."""
    curvature = left - 2 * middle + right
    if curvature <= 0:
        return None
    return max(-reach, min(reach, 0.5 * (left - right) / curvature))
