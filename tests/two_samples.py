"""Chi-square of two samples, by which clicks are compared with references."""

from __future__ import annotations

from scipy.stats import chi2

P_MIN = 1e-4


def p_value(one, two):
    """Return the p-value of two Poisson samples having one mean in each cell."""
    total = one + two
    keep = total > 20
    statistic = ((one - two)[keep] ** 2 / total[keep]).sum()
    return chi2.sf(statistic, keep.sum())
