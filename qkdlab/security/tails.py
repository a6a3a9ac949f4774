"""Tail bounds: how far counts stray from their expectation or their sample.

All logarithms are natural. The functions take and give `Quantity` (rigorous enclosures,
`qkdlab.security.quantities`); plain numbers are lifted. Vectors: theory section 10 [C].
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb

from qkdlab.security.balls import Interval, Number, lower_end, precise
from qkdlab.security.quantities import Quantity, constant, log, log2, sqrt

__all__ = [
    "chernoff_interval",
    "gamma_random_sampling",
    "hoeffding_width",
    "serfling_width",
]

Real = Quantity | Number


def _quantity(x: Real) -> Quantity:
    return x if isinstance(x, Quantity) else constant(x)


def hoeffding_width(n: int, epsilon: Real) -> Quantity:
    """Return sqrt(n / 2 ln(1 / epsilon)) for a sum of n independent events."""
    if n == 0:
        return constant(0)
    return sqrt(n * log(1 / _quantity(epsilon)) / 2)


def serfling_width(n: int, k: int, epsilon: Real) -> Quantity:
    """Return the deviation of the rate of n unseen items from that of k sampled ones.

    sqrt((n + k)(k + 1) ln(1 / epsilon) / (2 n k^2)), one side, sampling without
    replacement: the rate of the n exceeds that of the k by more with probability at
    most epsilon (Serfling 1974, in the form of theory section 10 [C]).
    """
    return sqrt((n + k) * (k + 1) * log(1 / _quantity(epsilon)) / (2 * n * k * k))


def gamma_random_sampling(
    a: Real, b: Real, c: Real, d: Real, parts: int = 21
) -> Quantity:
    """Return gamma(a, b, c, d) of Lim et al. 2014 below equation (5).

    sqrt((c + d)(1 - b) b / (c d ln 2) log2((c + d) 21^2 / (c d (1 - b) b a^2))): how
    far the error rate of d key events exceeds the rate b of c test events, but for a
    probability that epsilon_sec = a accounts for; 0 < b < 1.

    parts: into how many epsilon_sec is split: 21 with two decoys, 19 with one
    """
    epsilon, rate, test, key = (_quantity(x) for x in (a, b, c, d))
    shares = 1 / test + 1 / key
    # 1 / ((1 - b) b), as a sum that stays positive when b is an interval
    inverse = 1 / rate + 1 / (1 - rate)
    inside = shares * inverse * (parts * parts) / (epsilon * epsilon)
    return sqrt(shares * ((1 - rate) * rate) * log2(inside) / log(constant(2)))


@precise
def chernoff_interval(observed: int, epsilon: Real) -> Interval:
    """Return the expectations E that the count `observed` X does not refute.

    The inverse Chernoff bound: both solutions of E - X + X ln(X / E) = ln(1 / epsilon);
    each side fails with probability at most epsilon. For X = 0 the lower end is 0.
    The ends are rounded outwards.
    """
    bound = log(1 / _quantity(epsilon)).value
    if observed == 0:
        return Interval(arb(0), bound.upper())
    count = arb(observed)

    def refuted(expected: arb) -> bool:
        excess = expected - count + count * (count / expected).log() - bound
        return lower_end(excess) > 0

    low, _ = bisect(refuted, count * arb("1e-30"), count)
    _, high = bisect(lambda e: not refuted(e), count, 2 * count + 4 * bound.upper())
    return Interval(low, high)


def bisect(
    holds: Callable[[arb], bool], low: arb, high: arb, steps: int = 120
) -> tuple[arb, arb]:
    """Return two neighbours between which `holds` turns from true to false."""
    low, high = low.mid(), high.mid()
    for _ in range(steps):
        middle = ((low + high) / 2).mid()
        if holds(middle):
            low = middle
        else:
            high = middle
    return low, high
