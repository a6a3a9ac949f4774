"""Three plates and two splitters are a polarimeter and a compensator."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.polarization import (
    PolarizationFit,
    compensating_angles_deg,
    fit_rotation,
    plate_rotation,
    stack_rotation,
)

RETARDANCES = (0.25, 0.5, 0.25)
STATES = np.array([[0, 1.0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
PHASE_AXES = np.array([[0.0, 1, 0], [0, 0, 1]])
SETTINGS = [
    (0, 0, 0), (0, 22.5, 0), (45, 0, 0), (45, 22.5, 30), (0, 45, 45),
    (20, 60, 70), (70, 10, 20), (30, 80, 110),
]  # fmt: skip


def random_rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q @ np.diag(np.sign(np.diag(r)))
    return q * np.sign(np.linalg.det(q))


def measure(rotation, zeros, noise, seed, axes=AXES):
    rng = np.random.default_rng(seed)
    out = np.empty((len(SETTINGS), 4, 2))
    for j, angles in enumerate(SETTINGS):
        turned = [a + z for a, z in zip(angles, zeros, strict=True)]
        stack = stack_rotation(turned, RETARDANCES)
        out[j] = 0.98 * (STATES @ rotation.T @ stack.T) @ axes.T
    return out + rng.normal(0, noise, out.shape)


def test_a_quarter_wave_plate_at_45_degrees_makes_circular_from_horizontal() -> None:
    turned = plate_rotation(45.0, 0.25) @ np.array([1.0, 0, 0])
    assert abs(turned[2]) == pytest.approx(1.0)


def test_a_half_wave_plate_turns_linear_light_by_twice_its_angle() -> None:
    turned = plate_rotation(22.5, 0.5) @ np.array([1.0, 0, 0])
    assert turned == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_finds_the_fibre_and_the_plates_zeros(seed: int) -> None:
    rotation, zeros = random_rotation(seed), (1.5, -2.0, 0.7)
    fit = fit_rotation(
        SETTINGS, STATES, measure(rotation, zeros, 0.01, seed),
        np.full((len(SETTINGS), 4, 2), 0.01), RETARDANCES, AXES,
    )  # fmt: skip
    turn = fit.rotation @ rotation.T
    assert np.degrees(np.arccos(min(1.0, (np.trace(turn) - 1) / 2))) < 2.0
    assert fit.residual < 0.015


@pytest.mark.parametrize("seed", range(3))
def test_the_angles_bring_both_bases_onto_their_splitters(seed: int) -> None:
    rotation, zeros = random_rotation(seed), (1.5, -2.0, 0.7)
    fit = fit_rotation(
        SETTINGS, STATES, measure(rotation, zeros, 0.01, seed),
        np.full((len(SETTINGS), 4, 2), 0.01), RETARDANCES, AXES,
    )  # fmt: skip
    angles, left = compensating_angles_deg(
        fit, STATES[[0, 2]], AXES, RETARDANCES, (0.0, 0.0, 0.0)
    )
    assert left < 1e-6
    turned = [a + z for a, z in zip(angles, zeros, strict=True)]
    images = STATES[[0, 2]] @ rotation.T @ stack_rotation(turned, RETARDANCES).T
    qber = (1 - np.sum(images * AXES, axis=1)) / 2
    assert qber.max() < 2e-3


def left_over(seed: int, axes: np.ndarray) -> tuple[PolarizationFit, float]:
    """Return the fit with plates anywhere, and the worse true QBER that it leaves."""
    rotation = random_rotation(seed)
    zeros = np.random.default_rng(100 + seed).uniform(-90.0, 90.0, 3)
    fit = fit_rotation(
        SETTINGS, STATES, measure(rotation, zeros, 0.01, seed, axes),
        np.full((len(SETTINGS), 4, 2), 0.01), RETARDANCES, axes,
    )  # fmt: skip
    angles, _ = compensating_angles_deg(
        fit, STATES[[0, 2]], axes, RETARDANCES, (0.0, 0.0, 0.0)
    )
    turned = [a + z for a, z in zip(angles, zeros, strict=True)]
    images = STATES[[0, 2]] @ rotation.T @ stack_rotation(turned, RETARDANCES).T
    return fit, float(np.max((1 - np.sum(images * axes, axis=1)) / 2))


@pytest.mark.parametrize("seed", range(6))
def test_plates_may_stand_anywhere_in_their_mounts(seed: int) -> None:
    fit, qber = left_over(seed, AXES)
    assert fit.residual < 0.015
    assert qber < 1e-3


@pytest.mark.parametrize("seed", [10, 16])
def test_a_fit_that_exchanges_one_arms_outputs_compensates_as_well(seed: int) -> None:
    fit, qber = left_over(seed, PHASE_AXES)
    assert min(fit.contrast) < 0 < max(fit.contrast)
    assert qber < 1e-3


def test_two_settings_are_too_few() -> None:
    with pytest.raises(ValueError, match="three"):
        fit_rotation(
            SETTINGS[:2], STATES, np.zeros((2, 4, 2)), np.ones((2, 4, 2)),
            RETARDANCES, AXES,
        )  # fmt: skip
