"""Whatever the fibre does to polarization, Bob's plates undo it.

Step 8 as it is, on the simulated bench. The bench tells what is really left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bench_at_work import at_work, quick_config
from steps_at_work import contexts, step_of_bob

from qkdlab_experiments.polarization import STATES

pytestmark = [pytest.mark.xdist_group("runs")]

N_FIBRES = 32
QBER_MAX = 0.025
DIMMER = "wiring.parts.fibre.excess_loss_db=7.0"
"""Enough light; fewer clicks to simulate."""


@dataclass
class Aligned:
    """What Bob found, and the true error rates of (X, Z)."""

    found: dict[str, Any]
    truth: tuple[float, float]


def true_error_rates(truth: dict[str, Any]) -> tuple[float, float]:
    """Return what share of each basis' light goes to the wrong detector."""
    analysers = np.array([d["analyser"] for d in truth["detectors"]])
    states = np.column_stack([np.ones(4), STATES])
    power = 0.5 * states @ analysers.T  # by state D A R L, detector X0 X1 Z0 Z1
    rates = []
    for first in (0, 2):
        arm = power[first : first + 2, first : first + 2]
        rates.append(float((arm[0, 1] + arm[1, 0]) / arm.sum()))
    return rates[0], rates[1]


def aligned(seed: int, instruments: dict[str, Any] | None = None) -> Aligned:
    with at_work(quick_config([DIMMER], instruments), seed) as work:
        ctx = contexts(work)
        step_of_bob(work, ctx, "detectors")
        found = step_of_bob(work, ctx, "polarization")
        return Aligned(found, true_error_rates(work.bench.truth()))


@pytest.fixture(scope="module")
def fibres() -> list[Aligned]:
    return [aligned(seed) for seed in range(N_FIBRES)]


@pytest.mark.slow
def test_both_bases_are_aligned_behind_every_fibre(fibres):
    worst = max(max(one.truth) for one in fibres)
    assert worst < QBER_MAX


@pytest.mark.slow
def test_bob_knows_the_errors_that_are_left(fibres):
    for one in fibres:
        found = one.found["qber_x"], one.found["qber_z"]
        # some 50 000 clicks in X, 12 000 in Z
        assert found == pytest.approx(one.truth, abs=0.005)


def test_mounts_that_lost_their_zero_are_no_obstacle():
    lost = {"bob.plates": {"unhomed_deg": {0: 37.0, 1: 112.0, 2: 64.0}}}
    one = aligned(3, lost)
    assert max(one.truth) < QBER_MAX
    assert max(abs(z) for z in one.found["zero_errors_deg"]) < 15.0
