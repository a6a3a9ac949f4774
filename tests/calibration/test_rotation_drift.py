"""Probes of a degree tell how the fibre has turned since the plates were aligned."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.polarization import (
    PolarizationFit,
    compensating_angles_deg,
    rotation_by_vector,
    stack_rotation,
)
from qkdlab.calibration.rotation_drift import (
    follow_rotation,
    probes_deg,
    rotation_when_aligned,
)

STATES = np.array([[0.0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
BIT_0 = STATES[[0, 2]]
AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
RETARDANCES = (0.25, 0.5, 0.25)
TRUE_RETARDANCES = (0.251, 0.499, 0.2505)
ZEROS_DEG = (1.5, -2.0, 0.7)
CLICKS = 40_000


def stack(angles):
    turned = np.add(angles, ZEROS_DEG)
    return stack_rotation(turned.tolist(), TRUE_RETARDANCES)


def error_rate(angles, rotation) -> float:
    images = BIT_0 @ rotation.T @ stack(angles).T
    return float(np.mean((1 - np.sum(images * AXES, axis=1)) / 2))


def measured(settings, rotation, rng):
    contrasts = 0.977 * np.array(
        [(STATES @ rotation.T @ stack(s).T) @ AXES.T for s in settings]
    )
    n = np.array([0.8, 0.2]) * CLICKS / 4
    errors = np.sqrt(np.maximum(1 - contrasts**2, 0.02) / n)
    return contrasts + errors * rng.standard_normal(contrasts.shape), errors


def follow(seed: int, turn_rad: float) -> tuple[float, float]:
    """Return error rates before and after, splitters' own errors left out."""
    rng = np.random.default_rng(seed)
    first = rotation_by_vector(rng.normal(size=3))
    true_fit = PolarizationFit(first, ZEROS_DEG, (1.0, 1.0), 0.0)
    start, _ = compensating_angles_deg(
        true_fit, BIT_0, AXES, TRUE_RETARDANCES, (0.0, 0.0, 0.0)
    )
    axis = rng.normal(size=3)
    turned = rotation_by_vector(turn_rad * axis / np.linalg.norm(axis)) @ first
    settings = probes_deg(start, 1.0)
    contrasts, errors = measured(settings, turned, rng)
    before = rotation_when_aligned(start, BIT_0, AXES, RETARDANCES)
    found = follow_rotation(
        settings, STATES, contrasts, errors, RETARDANCES, AXES, before
    )
    fit = PolarizationFit(found, (0.0, 0.0, 0.0), (1.0, 1.0), 0.0)
    angles, _ = compensating_angles_deg(fit, BIT_0, AXES, RETARDANCES, start)
    return error_rate(start, turned), error_rate(angles, turned)


@pytest.mark.parametrize("seed", range(5))
def test_a_turn_is_undone_whatever_its_axis(seed):
    before, after = follow(seed, 0.4)
    assert before > 0.015
    assert after < 0.005


def test_aligned_plates_say_what_they_undo():
    angles = (20.0, 70.0, 130.0)
    rotation = rotation_when_aligned(angles, BIT_0, AXES, RETARDANCES)
    images = BIT_0 @ rotation.T @ stack_rotation(angles, RETARDANCES).T
    assert images == pytest.approx(AXES, abs=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_no_probe_is_further_away_than_a_step():
    settings = np.array(probes_deg((10.0, 20.0, 30.0), 1.0))
    assert len(settings) == 7
    assert np.abs(settings - settings[0]).max() == 1.0
