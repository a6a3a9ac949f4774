"""The order in which the points of a sweep are taken."""

from __future__ import annotations

from math import gcd

__all__ = ["interleaved"]


def interleaved(n: int) -> list[int]:
    """Return 0 to n - 1, neighbours in value far apart in time.

    What drifts while a sweep is taken then looks like noise, which the fit states,
    instead of like a slope, which it takes for the truth.
    """
    stride = next((s for s in range(round(0.382 * n), n) if gcd(s, n) == 1), 1)
    return [stride * k % n for k in range(n)]
