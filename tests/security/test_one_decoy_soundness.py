"""Rusca 2018: bounds never cross the truth, whatever Eve does (SECURITY rule 14)."""

from __future__ import annotations

import numpy as np
import pytest
from random_channels import draw

from qkdlab.security.over_intensities import Least
from qkdlab.security.rusca2018 import Rusca2018Counts, key_length

pytestmark = pytest.mark.slow

RUNS = 1000


def run(seed: int, dimmer: float = 1.0) -> tuple[Least, dict[str, float]]:
    """Return what is bounded and what is true; `dimmer`: decoys are that, times."""
    rng = np.random.default_rng(seed)
    believed = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.05, 0.2)])
    p = rng.dirichlet([4, 3]) * 0.98 + 0.01
    block = draw(rng, believed * [1.0, dimmer], p)
    (n_key, n_test), (m_key, m_test) = (
        [tuple(x) for x in counts.sum(2).tolist()]
        for counts in (block.events, block.errors)
    )
    found = key_length(
        Rusca2018Counts(n_key, m_key, n_test, m_test, block.shares, block.shares),
        believed.tolist(),
        leak_bits=0,
        epsilon_secrecy=1e-9,
        epsilon_correctness=1e-15,
    )
    singles = block.events[0, :, 1].sum()
    truth = {
        "s_Z0_l": block.events[0, :, 0].sum(),
        "s_Z0_u": block.events[0, :, 0].sum(),
        "s_X0_u": block.events[1, :, 0].sum(),
        "s_Z1_l": singles,
        "s_X1_l": block.events[1, :, 1].sum(),
        "v_X1_u": block.errors[1, :, 1].sum(),
        "phi_Z_u": block.errors[0, :, 1].sum() / max(1, singles),
    }
    return found, truth


def crossed(found: Least, truth: dict[str, float]) -> list[str]:
    lower = ("s_Z0_l", "s_Z1_l", "s_X1_l")
    # a half stands for "nothing granted"
    upper = ["s_Z0_u", "s_X0_u", "v_X1_u"]
    upper += ["phi_Z_u"] if found.bounds["phi_Z_u"] < 0.5 else []
    return [name for name in lower if found.bounds[name] > truth[name]] + [
        name for name in upper if found.bounds[name] < truth[name]
    ]


def test_one_decoy_bounds_never_cross_the_truth() -> None:
    results = [run(seed) for seed in range(RUNS)]
    lengths = [found.secret_bits for found, _ in results]
    assert [(i, c) for i, r in enumerate(results) if (c := crossed(*r))] == []
    assert sum(n == 0 for n in lengths) > RUNS / 10
    assert sum(n > 0 for n in lengths) > RUNS / 10


def test_the_test_sees_a_decoy_a_tenth_too_bright() -> None:
    assert any(crossed(*run(seed, dimmer=1.1)) for seed in range(100))
