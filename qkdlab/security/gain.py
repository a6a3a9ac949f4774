"""What exact tails gain over bounds in closed form, by the size of a block.

A block of the reference bench (intensities 0.5, 0.2 and 0.002 at 0.4, 0.4 and 0.2;
1.2 % of errors; 4.5 % of test events) with expected counts, one way at f = 1.16, equal
detectors, every epsilon 1e-12, by arXiv:2408.17349 (`tupkary2024`, an estimate).
Secret bits per key event [run] stand in docs/distillation.md; `qkdlab benchmark
security` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab.security.lim2014 import reconciliation_leak
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons, key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

__all__ = ["BlockLengths", "least_block", "lengths_of_block"]

_INTENSITIES = (0.5, 0.2, 0.002)
_SHARES = (0.4, 0.4, 0.2)
_GAINS = (7.034e-3, 2.820e-3, 2.86e-5)
_QBER = 0.012
_TEST_PER_KEY = 0.0445
_EFFICIENCY = 1.16
_DETECTORS = Detectors(0, 0, 1e-6, swap=False)
_EPSILONS = Epsilons(*[1e-12] * 6)


@dataclass(frozen=True, slots=True)
class BlockLengths:
    """Secret bits of a block of `n_key` sifted bits, with either kind of tails."""

    n_key: int
    closed_form: int
    exact: int


def lengths_of_block(n_key: int) -> BlockLengths:
    """Return both lengths of a block of so many key events."""
    return BlockLengths(
        n_key, _length(n_key, Slack.CHERNOFF), _length(n_key, Slack.EXACT)
    )


def least_block(slack: Slack) -> int:
    """Return the least block that gives a key, in key events, within 1 %."""
    low, high = 10**3, 10**9
    while high > 1.01 * low:
        middle = round((low * high) ** 0.5)
        if _length(middle, slack) > 0:
            high = middle
        else:
            low = middle
    return high


def _length(n_key: int, slack: Slack) -> int:
    weights = [p * gain for p, gain in zip(_SHARES, _GAINS, strict=True)]
    total = sum(weights)
    key = [round(n_key * w / total) for w in weights]
    test = [round(_TEST_PER_KEY * n_key * w / total) for w in weights]
    errors = [round(_QBER * n) for n in test]
    # dark counts: half of what an empty pulse shows is wrong
    errors[2] = round(test[2] / 2)
    leak = reconciliation_leak(n_key, round(_QBER * n_key), _EFFICIENCY)
    return key_length(
        TwoDecoyCounts(
            (key[0], key[1], key[2]),
            (test[0], test[1], test[2]),
            (errors[0], errors[1], errors[2]),
            _SHARES,
            _SHARES,
        ),
        list(_INTENSITIES),
        leak_bits=leak.number,
        epsilons=_EPSILONS,
        detectors=_DETECTORS,
        slack=slack,
    ).secret_bits
