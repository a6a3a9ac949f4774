"""Plates are turned for clear rises only, and left alone when they are back."""

from __future__ import annotations

import numpy as np

from qkdlab.calibration.drift_trigger import DriftState, DriftTrigger
from qkdlab.calibration.measured import Measured

RULE = DriftTrigger(start_rise=0.01, stop_rise=0.003, sigmas=4.0)


def follow(*rates: float, noise: float = 0.0005) -> list[bool]:
    state, active = DriftState(), []
    for rate in rates:
        state = RULE.after(state, {"X": Measured(rate, noise)})
        active.append(state.active)
    return active


def test_a_rise_starts_and_hysteresis_keeps_it_until_all_is_well():
    rates = (0.012, 0.018, 0.023, 0.020, 0.0165, 0.0148, 0.018)
    assert follow(*rates) == [False, False, True, True, True, False, False]


def test_noise_does_not_start_it():
    rng = np.random.default_rng(1)
    rates = 0.02 + 0.004 * rng.standard_normal(200)
    # the lowest of many is the reference: even against it few stand out
    assert sum(follow(*rates, noise=0.004)) < 5


def test_the_reference_is_the_best_that_was_seen():
    state = DriftState()
    for rate in (0.015, 0.011, 0.016):
        state = RULE.after(state, {"X": Measured(rate, 0.0005)})
    assert state.reference["X"].value == 0.011


def test_either_basis_can_start_it():
    state = RULE.after(DriftState(), dict.fromkeys("XZ", Measured(0.01, 0.0005)))
    state = RULE.after(
        state, {"X": Measured(0.01, 0.0005), "Z": Measured(0.03, 0.0005)}
    )
    assert state.active


def test_a_block_without_figures_changes_nothing():
    for active in (False, True):
        state = DriftState({"X": Measured(0.05, 0.001)}, active)
        assert RULE.after(state, {}) == state
