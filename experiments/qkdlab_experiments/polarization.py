"""Bob's plates: polarimetry on a public pattern, then compensation.

BENCHES, calibration step 8. Alice sends the four states in public; Bob turns the
plates through known settings, fits the fibre's rotation and his plates' zero errors,
and turns them to where D goes to X0 and R to Z0. Nothing of it enters the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.polarization import compensating_angles_deg, fit_rotation
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.progress import Report
from qkdlab.roles import PolarizationCompensator
from qkdlab.timetags.slots import SlotClicks

__all__ = ["ARM_AXES", "STATES", "PolarizationResult", "align_polarization"]

STATES = np.array([[0.0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
"""Stokes vectors of Alice's states by ``2 basis + bit``: D, A, R, L."""

ARM_AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
"""What the arms measure: X the splitter's own H/V, Z behind a plate at 22.5 degrees."""

_SETTINGS_DEG: tuple[tuple[float, ...], ...] = (
    (0.0, 0.0, 0.0),
    (0.0, 22.5, 0.0),
    (30.0, 22.5, 0.0),
    (45.0, 40.0, 15.0),
    (60.0, 40.0, 45.0),
    (75.0, 60.0, 60.0),
    (90.0, 75.0, 80.0),
)
"""Neighbouring settings are near each other: plates travel little."""

Acquire = Callable[[float], SlotClicks]


@dataclass(frozen=True, slots=True)
class PolarizationResult:
    """Where the plates were left and the errors that they leave."""

    angles_deg: tuple[float, ...]
    zero_errors_deg: tuple[float, ...]
    qber_x: float
    qber_z: float
    fit_residual: float


def align_polarization(
    compensator: PolarizationCompensator,
    acquire: Acquire,
    states_of_frame: NDArray[np.uint8],
    channels: tuple[tuple[int, int], ...],
    *,
    seconds_per_setting: float,
    qber_max: float,
    progress: Report,
) -> PolarizationResult:
    """Find the plates' zeros, align and verify.

    acquire:         takes seconds, returns clicks with slots of Alice's frame
    states_of_frame: uint8[n], ``2 basis + bit`` of every symbol of the public frame
    channels:        (basis, bit) of every tagger channel

    Raises SecurityAbort(CALIBRATION_FAILED) with numbers when the verified error
    stays above `qber_max` in either basis.
    """
    compensator.home()
    contrasts = np.empty((len(_SETTINGS_DEG), 4, 2))
    errors = np.empty_like(contrasts)
    for j, angles in enumerate(_SETTINGS_DEG):
        progress("polarimetry", j, len(_SETTINGS_DEG) + 2)
        compensator.set_angles_deg(angles)
        counts = _count(acquire(seconds_per_setting), states_of_frame, channels)
        contrasts[j], errors[j] = _contrasts(counts)
    retardances = compensator.retardances_waves
    fit = fit_rotation(_SETTINGS_DEG, STATES, contrasts, errors, retardances, ARM_AXES)
    angles, _ = compensating_angles_deg(
        fit, STATES[[0, 2]], ARM_AXES, retardances, _SETTINGS_DEG[-1]
    )
    compensator.set_angles_deg(angles)
    progress("polarimetry", len(_SETTINGS_DEG) + 1, len(_SETTINGS_DEG) + 2)
    counts = _count(acquire(3 * seconds_per_setting), states_of_frame, channels)
    qber_x = _wrong_share(counts[0:2, 0])
    qber_z = _wrong_share(counts[2:4, 1])
    if max(qber_x, qber_z) > qber_max:
        raise SecurityAbort(
            AbortCode.CALIBRATION_FAILED,
            "polarization could not be aligned",
            {"qber_x": qber_x, "qber_z": qber_z, "limit": qber_max},
        )
    return PolarizationResult(angles, fit.zero_errors_deg, qber_x, qber_z, fit.residual)


def _count(
    clicks: SlotClicks,
    states_of_frame: NDArray[np.uint8],
    channels: tuple[tuple[int, int], ...],
) -> NDArray[np.float64]:
    """Return counts[state, arm, bit] of slots with exactly one click."""
    counts = np.zeros((4, 2, 2))
    state = states_of_frame[clicks.slot % states_of_frame.size]
    for channel, (basis, bit) in enumerate(channels):
        alone = clicks.mask == (1 << channel)
        counts[:, basis, bit] += np.bincount(state[alone], minlength=4)[:4]
    return counts


def _contrasts(
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total = counts.sum(axis=2) + 1.0
    contrast = (counts[:, :, 0] - counts[:, :, 1]) / total
    # floors keep a few lucky counts from outweighing everything else
    error = np.sqrt(np.maximum(1 - contrast**2, 0.02) / total) + 0.003
    return contrast, error


def _wrong_share(counts: NDArray[np.float64]) -> float:
    """Return the error rate of bits 0 and 1 sent into their own arm."""
    return float((counts[0, 1] + counts[1, 0]) / max(1.0, counts.sum()))
