"""Random local search for the mix of column degrees that decodes best.

A step moves shares of the columns between degrees; it stays when the threshold of
`density` rises, edges weighed in: one more per column, and each iteration takes a
quarter longer, must raise it by 0.4 %.

    python -m qkdlab.distill.ldpc.design.search ROWS SECONDS

prints what it found for a base matrix of so many rows (360 columns).
"""

from __future__ import annotations

import sys
import time

import numpy as np

from qkdlab.distill.ldpc.design.build import COLUMNS
from qkdlab.distill.ldpc.design.density import (
    binary_entropy,
    converges,
    threshold,
)

__all__ = ["improve", "search"]

DEGREES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24)
PRICE_OF_EDGE = 0.004
LEAST_SHARE = 0.003

Mix = dict[int, float]


def search(n_rows: int, seconds: float, seed: int) -> Mix:
    """Return the best mix that was found in so much time."""
    degrees = [degree for degree in DEGREES if degree <= 0.6 * n_rows]
    twos = n_rows / (2 * COLUMNS)
    mix: Mix = {2: twos, 3: 0.85 - twos, degrees[-2]: 0.15}
    rng = np.random.default_rng(seed)
    best = threshold(mix, n_rows / COLUMNS) * _worth(mix)
    end = time.monotonic() + seconds
    stalled = 0
    while time.monotonic() < end:
        better = improve(mix, n_rows, degrees, best, stalled, rng)
        stalled = stalled + 1 if better is None else 0
        if better is not None:
            mix, best = better
    return mix


def improve(
    mix: Mix,
    n_rows: int,
    degrees: list[int],
    best: float,
    stalled: int,
    rng: np.random.Generator,
) -> tuple[Mix, float] | None:
    """Return a random neighbour of a mix and its worth if that is above `best`.

    stalled: tries in vain so far; steps become smaller with them
    """
    leak = n_rows / COLUMNS
    tried = _moved(mix, degrees, 0.06 * np.exp(-stalled / 300) + 0.004, rng)
    if tried.get(2, 0.0) > 0.97 * (n_rows - 1) / COLUMNS:
        return None
    needed = 1.0005 * best / _worth(tried)
    if not converges(tried, leak, needed):
        return None
    low, high = needed, 1.03 * needed
    for _ in range(5):
        middle = (low + high) / 2
        low, high = (middle, high) if converges(tried, leak, middle) else (low, middle)
    return tried, low * _worth(tried)


def _moved(mix: Mix, degrees: list[int], step: float, rng: np.random.Generator) -> Mix:
    moved = dict(mix)
    for _ in range(rng.integers(1, 4)):
        giver, taker = int(rng.choice(list(moved))), int(rng.choice(degrees))
        share = min(float(rng.exponential(step)), moved[giver])
        moved[giver] -= share
        moved[taker] = moved.get(taker, 0.0) + share
    kept = {degree: part for degree, part in moved.items() if part > LEAST_SHARE}
    total = sum(kept.values())
    return {degree: part / total for degree, part in sorted(kept.items())}


def _worth(mix: Mix) -> float:
    edges = sum(degree * part for degree, part in mix.items())
    return 1 - PRICE_OF_EDGE * (edges - 3.5)


def main() -> None:
    """Search as the command line says."""
    n_rows, seconds = int(sys.argv[1]), float(sys.argv[2])
    mix = search(n_rows, seconds, n_rows)
    leak = n_rows / COLUMNS
    found = threshold(mix, leak)
    rounded = {degree: round(part, 4) for degree, part in mix.items()}
    efficiency = leak / binary_entropy(found)
    print(f"{n_rows}: {rounded},  # {found:.5f}, f {efficiency:.4f}")


if __name__ == "__main__":
    main()
