"""How far a share of successes exceeds its probability: gamma of a binomial.

The least gamma with P[Bin(n, delta) >= n (delta + gamma)] <= epsilon^2, or a bound on
it, as Tupkary et al. (arXiv:2408.17349) take it for delta_1 and delta_2 [code].
"""

from __future__ import annotations

from enum import StrEnum

from flint import arb

from qkdlab.security.balls import Number, ball, precise
from qkdlab.security.exact import most_successes
from qkdlab.security.tails import bisect

__all__ = ["Slack", "binomial_slack"]


class Slack(StrEnum):
    """Which tail bound is used."""

    HOEFFDING = "hoeffding"
    """sqrt(ln(1 / epsilon) / n), as the published code below epsilon^2 = 1e-16."""
    CHERNOFF = "chernoff"
    """KL(delta + gamma || delta) = 2 ln(1 / epsilon) / n; 0 at delta = 0 [D]. It falls
    with n, so a lower bound on n will do."""
    EXACT = "exact"
    """The distribution itself. It does not fall with n: valid for a random choice of
    exactly n among more [D]."""


@precise
def binomial_slack(n: int, delta: Number | arb, epsilon: Number, slack: Slack) -> arb:
    """Return gamma, an exact number not below its true value.

    n:       trials, at least 1
    delta:   probability of a success, 0 to 1
    epsilon: the square of it is the probability of failure
    """
    probability, log_terms = ball(delta), -2 * ball(epsilon).log()
    if slack is Slack.HOEFFDING:
        return (log_terms / (2 * n)).sqrt().upper()
    if not probability > 0:
        return arb(0)
    if not probability < 1:
        return arb(1)
    if slack is Slack.EXACT:
        k = most_successes(n, probability.upper(), ball(epsilon) ** 2)
        return (arb(k) / n - probability).max(arb(0)).upper()
    limit = (log_terms / n).upper()

    def too_close(share: arb) -> bool:
        return not bool(_relative_entropy(share, probability).lower() >= limit)

    low, high = probability.upper(), arb(1)
    return (bisect(too_close, low, high)[1] - probability).upper()


def _relative_entropy(x: arb, y: arb) -> arb:
    """Return KL(x || y) in nats for 0 < y < x < 1."""
    return x * (x / y).log() + (1 - x) * ((1 - x) / (1 - y)).log()
