"""Bob's plates: polarimetry on a public pattern, then compensation.

BENCHES, calibration step 8. Alice sends the four states in public; Bob turns the
plates through known settings, fits the fibre's rotation and his plates' zero errors,
and turns them to where D goes to X0 and R to Z0. Where the fit does not describe what
was seen, or leaves too much error, plates are turned one by one to the least error
measured. Nothing of it enters the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.coordinate_search import SearchResult, coordinate_search
from qkdlab.calibration.polarization import (
    MOST_RESIDUAL,
    PolarizationFit,
    compensating_angles_deg,
    fit_rotation,
)
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.progress import Report
from qkdlab.roles import PolarizationCompensator
from qkdlab.timetags.slots import SlotClicks

__all__ = [
    "ARM_AXES",
    "PHASE_AXES",
    "STATES",
    "PolarizationResult",
    "align_polarization",
    "contrasts_of",
    "count_states",
    "wrong_share",
]

STATES = np.array([[0.0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
"""Stokes vectors of Alice's states by ``2 basis + bit``: D, A, R, L."""

ARM_AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
"""What the arms measure: X the splitter's own H/V, Z behind a plate at 22.5 degrees."""

PHASE_AXES = np.array([[0.0, 1, 0], [0, 0, 1]])
"""What a receiver measures whose phase modulator has the axes of the sender's, before a
splitter at 45 degrees: D and A in X, R and L in Z."""

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

_SEARCHES = 3

Acquire = Callable[[float], SlotClicks]


@dataclass(frozen=True, slots=True)
class PolarizationResult:
    """Where the plates were left and the errors that they leave.

    counts:       float64[state, arm, bit] at the end
    fit_residual: rms of contrast measured minus contrast fitted
    searched:     costs that a search measured, 0 when the fit was enough
    """

    angles_deg: tuple[float, ...]
    zero_errors_deg: tuple[float, ...]
    counts: NDArray[np.float64]
    fit_residual: float
    searched: int = 0

    @property
    def qber_x(self) -> float:
        """Error rate of D and A in the X arm."""
        return wrong_share(self.counts[0:2, 0])

    @property
    def qber_z(self) -> float:
        """Error rate of R and L in the Z arm."""
        return wrong_share(self.counts[2:4, 1])


def align_polarization(
    compensator: PolarizationCompensator,
    acquire: Acquire,
    states_of_frame: NDArray[np.uint8],
    channels: tuple[tuple[int, int], ...],
    *,
    arm_axes: NDArray[np.float64] = ARM_AXES,
    seconds_per_setting: float,
    qber_max: float,
    progress: Report,
) -> PolarizationResult:
    """Find the plates' zeros, align and verify.

    acquire:         takes seconds, returns clicks with slots of Alice's frame
    states_of_frame: uint8[n], ``2 basis + bit`` of every symbol of the public frame
    channels:        (basis, bit) of every bit of the clicks' masks
    arm_axes:        what the arms of X and Z measure behind the plates

    Raises SecurityAbort(CALIBRATION_FAILED) with numbers when the verified error
    stays above `qber_max` in either basis.
    """
    compensator.home()

    def counts_at(angles: tuple[float, ...], seconds: float) -> NDArray[np.float64]:
        compensator.set_angles_deg(angles)
        return count_states(acquire(seconds), states_of_frame, channels)

    n = len(_SETTINGS_DEG)
    seen: list[NDArray[np.float64]] = []
    for j, setting in enumerate(_SETTINGS_DEG):
        progress("polarimetry", j, n + 2)
        seen.append(counts_at(setting, seconds_per_setting))
    retardances = compensator.retardances_waves
    fit, expected_rms = _fit(seen, retardances, arm_axes)
    angles, _ = compensating_angles_deg(
        fit, STATES[[0, 2]], arm_axes, retardances, _SETTINGS_DEG[-1]
    )
    progress("polarimetry", n + 1, n + 2)
    counts = counts_at(angles, 3 * seconds_per_setting)
    result = PolarizationResult(angles, fit.zero_errors_deg, counts, fit.residual)
    is_bad = fit.residual > MOST_RESIDUAL + 3 * expected_rms
    if is_bad or max(result.qber_x, result.qber_z) > qber_max:
        costs = [(_cost(counts), angles)]
        costs += [(_cost(c), a) for c, a in zip(seen, _SETTINGS_DEG, strict=True)]
        found = _search(
            lambda at: _cost(counts_at(at, seconds_per_setting)),
            [start for _, start in sorted(costs)],
            qber_max / 2,
        )
        counts = counts_at(found.angles_deg, 3 * seconds_per_setting)
        result = PolarizationResult(
            found.angles_deg,
            fit.zero_errors_deg,
            counts,
            fit.residual,
            found.measurements,
        )
    if max(result.qber_x, result.qber_z) > qber_max:
        raise SecurityAbort(
            AbortCode.CALIBRATION_FAILED,
            "polarization could not be aligned",
            {"qber_x": result.qber_x, "qber_z": result.qber_z, "limit": qber_max},
        )
    return result


def _fit(
    seen: list[NDArray[np.float64]],
    retardances: tuple[float, ...],
    arm_axes: NDArray[np.float64],
) -> tuple[PolarizationFit, float]:
    """Return the fit to the counts at all settings, and the residual to be expected."""
    pairs = [contrasts_of(counts) for counts in seen]
    contrasts = np.array([contrast for contrast, _ in pairs])
    errors = np.array([error for _, error in pairs])
    fit = fit_rotation(_SETTINGS_DEG, STATES, contrasts, errors, retardances, arm_axes)
    return fit, float(np.sqrt(np.mean(errors**2)))


def _search(
    cost: Callable[[tuple[float, ...]], float],
    starts: list[tuple[float, ...]],
    wanted: float,
) -> SearchResult:
    """Search from the best starts until one ends well."""
    best: SearchResult | None = None
    n_measured = 0
    for start in starts[:_SEARCHES]:
        found = coordinate_search(cost, start, wanted=wanted)
        n_measured += found.measurements
        if best is None or found.cost < best.cost:
            best = found
        if best.cost <= 2 * wanted:
            break
    if best is None:
        raise ValueError("a search wants a start")
    return SearchResult(best.angles_deg, best.cost, n_measured)


def _cost(counts: NDArray[np.float64]) -> float:
    """Return the mean error of both bases."""
    return (wrong_share(counts[0:2, 0]) + wrong_share(counts[2:4, 1])) / 2


def count_states(
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


def contrasts_of(
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return contrasts (n0 - n1)/(n0 + n1) and their errors, [state, arm]."""
    total = counts.sum(axis=2) + 1.0
    contrast = (counts[:, :, 0] - counts[:, :, 1]) / total
    # floors keep a few lucky counts from outweighing everything else
    error = np.sqrt(np.maximum(1 - contrast**2, 0.02) / total) + 0.003
    return contrast, error


def wrong_share(counts: NDArray[np.float64]) -> float:
    """Return the error rate of bits 0 and 1 sent into their own arm."""
    return float((counts[0, 1] + counts[1, 0]) / max(1.0, counts.sum()))
