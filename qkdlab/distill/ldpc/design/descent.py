"""Descent to the mix of column degrees that needs fewest iterations.

To first order, iterations are linear in the shares of the edges by degree: where an
iteration brings wrong messages from e to F = sum of share times F_degree, a change of
F costs dF / (F ln(e / F)) iterations. So a linear programme says in which direction to
go, within a small box about the mix; density evolution says whether it was right
(Smith, Ardakani, Yu, Kschischang, IEEE Trans. Commun. 58, 489 (2010) [mem]). Far
quicker than `search` where the mix has many degrees.

    python -m qkdlab.distill.ldpc.design.descent LEAK EDGES F

prints what it found for so many checks and edges per bit, to work at efficiency F.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.distill.ldpc.design.density import (
    Evolution,
    binary_entropy,
    qber_of_leak,
    threshold,
)

__all__ = ["Course", "course_of", "descend", "mix_of"]

DEGREES = (2, 3, 7, 8, 10, 16, 20, 24, 28)
MOST_TWOS = 0.95
"""Columns of degree 2 per row, at most: they form one chain through the rows."""
CONVERGED = 1e-5
ITERATIONS = 200
FIRST_STEP, LAST_STEP = 0.03, 5e-4
LEAST_GAIN = 1e-3

Shares = NDArray[np.float64]
"""Part of the edges by degree, as `DEGREES`."""
Mix = dict[int, float]


@dataclass(frozen=True, eq=False)
class Course:
    """How density evolution went.

    iterations: needed to converge, infinite where it does not
    slope:      iterations by share of the edges, as `DEGREES`
    """

    iterations: float
    slope: Shares


def course_of(shares: Shares, leak: float, qber: float) -> Course:
    """Run density evolution of a mix."""
    evolution = Evolution(mix_of(shares), leak, qber)
    before, slope = evolution.wrong, np.zeros(len(DEGREES))
    for iteration in range(ITERATIONS):
        by_degree = np.array(evolution.next_by_degree())
        after = evolution.step()
        progress = math.log(before / after)
        if after < CONVERGED:
            rest = math.log(before / CONVERGED) / progress
            return Course(iteration + rest, slope)
        if iteration > 20 and progress < CONVERGED:
            break
        slope += by_degree / (after * max(progress, 1e-3))
        before = after
    return Course(math.inf, slope)


def descend(mix: Mix, leak: float, qber: float, edges: float, steps: int) -> Mix:
    """Return a mix of so many edges per column that needs fewer iterations.

    mix: of `DEGREES`, and converging at this error rate, else ValueError
    """
    shares = np.array([degree * mix.get(degree, 0.0) for degree in DEGREES])
    shares /= shares.sum()
    course, step = course_of(shares, leak, qber), FIRST_STEP
    if math.isinf(course.iterations):
        raise ValueError("the mix does not converge at this error rate")
    for _ in range(steps):
        tried = _downhill(shares, course.slope, leak, edges, step)
        step *= 1.5
        if tried is not None:
            found = course_of(tried, leak, qber)
            has_edges = math.isclose(_edges(shares), edges, rel_tol=1e-6)
            least = course.iterations - LEAST_GAIN if has_edges else math.inf
            if found.iterations < least:
                shares, course = tried, found
                continue
            step /= 3
            if step < LAST_STEP:
                break
    return {degree: part for degree, part in mix_of(shares).items() if part > 1e-6}


def mix_of(shares: Shares) -> Mix:
    """Return the share of the columns by degree."""
    columns = shares / np.array(DEGREES)
    parts = (columns / columns.sum()).tolist()
    return dict(zip(DEGREES, parts, strict=True))


def _edges(shares: Shares) -> float:
    return float(1 / np.sum(shares / np.array(DEGREES)))


def _downhill(
    shares: Shares, slope: Shares, leak: float, edges: float, step: float
) -> Shares | None:
    """Return the best shares within `step`, None where none has so many edges."""
    from scipy.optimize import linprog

    most = shares + step
    most[0] = min(most[0], 2 * MOST_TWOS * leak / edges)
    least = np.minimum(np.maximum(shares - step, 0.0), most)
    found = linprog(
        slope / np.abs(slope).max(),
        A_eq=np.stack([np.ones(len(DEGREES)), 1 / np.array(DEGREES)]),
        b_eq=np.array([1.0, 1 / edges]),
        bounds=list(zip(least.tolist(), most.tolist(), strict=True)),
    )
    return np.asarray(found.x) if found.status == 0 else None


def main() -> None:
    """Descend as the command line says, from f 1.25 on."""
    leak, edges, f = map(float, sys.argv[1:])
    twos = MOST_TWOS * leak
    mix: Mix = {2: twos, 3: 0.55 - twos, 7: 0.18, 8: 0.11, 16: 0.05, 24: 0.11}
    for efficiency in np.linspace(1.25, f, 3).tolist():
        mix = descend(mix, leak, qber_of_leak(leak / efficiency), edges, 25)
    found = threshold(mix, leak)
    rounded = {degree: round(part, 4) for degree, part in mix.items()}
    print(f"{rounded},  # {found:.5f}, f {leak / binary_entropy(found):.4f}")


if __name__ == "__main__":
    main()
