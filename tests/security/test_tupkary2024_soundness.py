"""arXiv:2408.17349: bounds never cross the truth, with every slack (SECURITY rule 14).

Detectors are ideal here: what mismatch does to the phase error has no classical truth
to be counted. The exact tails hold for pulses that draw their intensity anew.
"""

from __future__ import annotations

import numpy as np
import pytest
from random_channels import draw

from qkdlab.security.mismatch import Detectors
from qkdlab.security.over_intensities import Least
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons, key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

pytestmark = pytest.mark.slow

RUNS = {Slack.CHERNOFF: 1000, Slack.EXACT: 150}
IDEAL = Detectors(0, 0, 1e-6, swap=False)


def run(
    seed: int, slack: Slack, *, dimmer: float = 1.0, epsilon: float = 1e-6
) -> tuple[Least, dict[str, float]]:
    """Return what is bounded and what is true; `dimmer`: decoys are that, times."""
    rng = np.random.default_rng(seed)
    believed = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.05, 0.2), 0.002])
    p = rng.dirichlet([4, 4, 3]) * 0.97 + 0.01
    block = draw(rng, believed * [1.0, dimmer, 1.0], p)
    n_key, n_test = ([*x] for x in block.events.sum(2).tolist())
    found = key_length(
        TwoDecoyCounts(
            tuple(n_key),
            tuple(n_test),
            tuple(block.errors[1].sum(1).tolist()),
            block.shares,
            block.shares,
        ),
        believed.tolist(),
        leak_bits=0,
        epsilons=Epsilons(*[epsilon] * 6),
        detectors=IDEAL,
        slack=slack,
    )
    singles = block.events[0, :, 1].sum()
    truth = {
        "s_K0": block.events[0, :, 0].sum(),
        "s_K1": singles,
        "s_X1": block.events[1, :, 1].sum(),
        "v_1": block.errors[1, :, 1].sum(),
        "B": block.errors[0, :, 1].sum() / max(1, singles),
    }
    return found, truth


def crossed(found: Least, truth: dict[str, float]) -> list[str]:
    lower = [n for n in ("s_K0", "s_K1", "s_X1") if found.bounds[n] > truth[n]]
    # from a half on nothing is granted
    upper = ["v_1"] + (["B"] if found.bounds["B"] < 0.5 else [])
    return lower + [n for n in upper if found.bounds[n] < truth[n]]


@pytest.mark.parametrize("slack", RUNS)
def test_two_decoy_bounds_never_cross_the_truth(slack: Slack) -> None:
    results = [run(seed, slack) for seed in range(RUNS[slack])]
    lengths = [found.secret_bits for found, _ in results]
    assert [(i, c) for i, r in enumerate(results) if (c := crossed(*r))] == []
    assert sum(n == 0 for n in lengths) > RUNS[slack] / 10
    assert sum(n > 0 for n in lengths) > RUNS[slack] / 10


@pytest.mark.parametrize("slack", RUNS)
def test_it_sees_a_decoy_a_tenth_too_bright(slack: Slack) -> None:
    assert any(crossed(*run(seed, slack, dimmer=1.1)) for seed in range(60))


def test_exact_bounds_are_not_far_from_the_truth() -> None:
    # with an epsilon of 1/2 some bound is crossed soon
    found = [crossed(*run(s, Slack.EXACT, epsilon=0.5)) for s in range(60)]
    assert any(found)
