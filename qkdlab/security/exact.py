"""Exact tails of the binomial and the hypergeometric distribution, and their inverse.

Every function errs to the safe side: probabilities are bounded from above, counts from
the side that grants less. Tails are summed term by term in balls, what is left after
a hundred terms by the geometric series above it: at the tails that security asks
for, the sum is at most a part in a hundred too large, and most often exact.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb

from qkdlab.security.balls import Number, ball, precise
from qkdlab.security.tails import bisect, hoeffding_width

__all__ = [
    "binomial_tail",
    "hypergeometric_tail",
    "mean_interval",
    "most_marked",
    "most_successes",
]

_TERMS = 100
"""Terms of a tail that are added one by one."""


@precise
def binomial_tail(n: int, p: Number | arb, k: int) -> arb:
    """Bound P[Bin(n, p) >= k] from above."""
    chance = ball(p)
    if k <= 0 or chance >= 1:
        return arb(1)
    if k > n or chance <= 0:
        return arb(0)
    odds = chance / (1 - chance)
    first = (_log_choose(n, k) + k * chance.log() + (n - k) * (1 - chance).log()).exp()
    return _tail(first, lambda i: odds * (n - k - i) / (k + i + 1))


@precise
def most_successes(n: int, p: Number | arb, epsilon: Number | arb) -> int:
    """Return the least k with P[Bin(n, p) >= k] <= epsilon; n + 1 when none is.

    Fewer than k successes happen but for epsilon. At p = 0 that is 1.
    """
    limit = ball(epsilon)

    def certain(k: int) -> bool:
        return bool(binomial_tail(n, p, k) <= limit)

    return _first(certain, 0, n + 1)


@precise
def mean_interval(n: int, observed: int, epsilon: Number | arb) -> tuple[arb, arb]:
    """Return the means that `observed` successes in n trials do not refute.

    The trials are independent; their probabilities may differ. Each end fails with
    probability at most epsilon. Clopper and Pearson's interval for equal trials, no
    narrower than one success to either side: beyond that the tails of equal trials
    are the greatest (Hoeffding, Ann. Math. Stat. 27, 713 (1956), theorem 4 [mem]).
    Classes of fixed sizes, drawn without replacement, are not independent trials.
    """
    if n == 0:
        return arb(0), arb(0)
    limit = ball(epsilon)
    share, width = arb(observed) / n, hoeffding_width(n, epsilon).high / n

    def too_many(p: arb) -> bool:
        return bool(binomial_tail(n, p, observed) <= limit)

    def too_few(p: arb) -> bool:
        return bool(binomial_tail(n, 1 - p, n - observed) <= limit)

    # Hoeffding's width refutes what lies beyond it
    low, _ = bisect(too_many, share - width, share, steps=32)
    _, high = bisect(lambda p: not too_few(p), share, share + width, steps=32)
    least = (n * low).lower().min(arb(observed - 1)).max(arb(0))
    most = (n * high).upper().max(arb(observed + 1)).min(arb(n))
    return least, most


@precise
def hypergeometric_tail(population: int, marked: int, sample: int, k: int) -> arb:
    """Bound P[X <= k] from above, X marked ones in a sample without replacement."""
    if k >= min(marked, sample):
        return arb(1)
    if k < max(0, sample - (population - marked)):
        return arb(0)
    others = population - marked - sample
    first = _probability(population, marked, sample, k)
    return _tail(
        first,
        lambda i: (
            arb(k - i)
            * (others + k - i)
            / (arb(marked - k + i + 1) * (sample - k + i + 1))
        ),
    )


@precise
def most_marked(observed: int, sample: int, rest: int, epsilon: Number | arb) -> int:
    """Return the most marked ones in the rest that a sample does not refute.

    A population of `sample` and `rest` is split at random. With `observed` marked
    ones in the sample there are more than the answer in the rest with probability at
    most epsilon, however many are marked in all: the greatest total whose tail
    P[X <= observed] is above epsilon, less those observed.
    """
    limit = ball(epsilon)

    def refuted(marked_rest: int) -> bool:
        marked = observed + marked_rest
        tail = hypergeometric_tail(sample + rest, marked, sample, observed)
        return bool(tail <= limit)

    return _first(refuted, 0, rest + 1) - 1


def _tail(first: arb, ratio: Callable[[int], arb]) -> arb:
    """Bound a tail from above by its first term and the ratios of its terms.

    ratio: of term i + 1 to term i; it falls with i, to 0 after the last term
    """
    if not ratio(0) < 1:
        # on the wrong side of the mode: nothing small to be said
        return arb(1)
    term = total = first
    for i in range(_TERMS):
        step = ratio(i)
        if not step > 0:
            return total
        term *= step
        total += term
    step = ratio(_TERMS)
    return total + term * step / (1 - step)


def _probability(population: int, marked: int, sample: int, k: int) -> arb:
    """Return P[X = k]."""
    return (
        _log_choose(marked, k)
        + _log_choose(population - marked, sample - k)
        - _log_choose(population, sample)
    ).exp()


def _log_choose(n: int, k: int) -> arb:
    return arb(n + 1).lgamma() - arb(k + 1).lgamma() - arb(n - k + 1).lgamma()


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least of low .. high from which `holds` is true; high if nowhere."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
