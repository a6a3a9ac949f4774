"""The bounds never cross the truth, whatever Eve does with each number of photons.

SECURITY rule 14. Each run draws a channel: how likely pulses of 0, 1, 2 ... photons are
to click and to be wrong, without any model behind it, then counts with the photon
numbers known. Epsilon is 1e-9, so not one crossing is expected.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from random_channels import FACTORIALS, PHOTONS, channel

from qkdlab.security.lim2014 import Lim2014Length, key_length
from qkdlab.security.two_decoys import TwoDecoyCounts

pytestmark = pytest.mark.slow

RUNS = 2000


def run(seed: int, dimmer: float = 1.0) -> tuple[Lim2014Length, dict[str, float]]:
    """Return what is bounded and what is true; `dimmer`: decoys are that, times."""
    rng = np.random.default_rng(seed)
    believed = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.05, 0.2), 0.002])
    true = believed * [1.0, dimmer, 1.0]
    p = rng.dirichlet([4, 4, 3]) * 0.97 + 0.01
    p /= p.sum()
    pulses, clicks, wrong = 10 ** rng.uniform(5, 9), *channel(rng)
    events, errors = np.zeros((2, 3, PHOTONS.size)), np.zeros((2, 3, PHOTONS.size))
    sent = np.array([[round(pulses * s * q) for q in p] for s in (0.8, 0.2)])
    for basis in (0, 1):
        for k, mu in enumerate(true):
            weights = mu**PHOTONS / FACTORIALS
            numbers = rng.multinomial(sent[basis, k], weights / weights.sum())
            events[basis, k] = rng.binomial(numbers, clicks)
            errors[basis, k] = rng.binomial(events[basis, k].astype(int), wrong)
    n, m = events.sum(2).astype(int).tolist(), errors.sum(2).astype(int).tolist()
    shares = [[Fraction(n, sum(pulses)) for n in pulses] for pulses in sent.tolist()]
    counts = TwoDecoyCounts(tuple(n[0]), tuple(n[1]), tuple(m[1]), shares[0], shares[1])
    found = key_length(
        counts, believed.tolist(), leak_bits=0, epsilon_secrecy=1e-9,
        epsilon_correctness=1e-15,
    )  # fmt: skip
    singles = events[0, :, 1].sum()
    truth = {
        "s_X0": events[0, :, 0].sum(),
        "s_X1": singles,
        "s_Z1": events[1, :, 1].sum(),
        "v_Z1": errors[1, :, 1].sum(),
        "phi_X": errors[0, :, 1].sum() / max(1, singles),
    }
    return found, truth


def crossed(found: Lim2014Length, truth: dict[str, float]) -> list[str]:
    over = [
        name for name in ("s_X0", "s_X1", "s_Z1") if found.bounds[name] > truth[name]
    ]
    # a half stands for "nothing granted"
    upper = ["v_Z1"] + (["phi_X"] if found.bounds["phi_X"] < 0.5 else [])
    return over + [name for name in upper if found.bounds[name] < truth[name]]


def test_bounds_never_cross_the_truth_of_any_channel() -> None:
    results = [run(seed) for seed in range(RUNS)]
    lengths = [found.secret_bits for found, _ in results]
    assert [(i, c) for i, r in enumerate(results) if (c := crossed(*r))] == []
    # the runs lie on both sides of the first bit, and near it
    assert sum(n == 0 for n in lengths) > RUNS / 10
    assert sum(n > 0 for n in lengths) > RUNS / 10


def test_the_test_sees_a_decoy_a_tenth_too_bright() -> None:
    assert any(crossed(*run(seed, dimmer=1.1)) for seed in range(100))
