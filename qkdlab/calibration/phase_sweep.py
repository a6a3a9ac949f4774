"""V_pi of a phase modulator from counts behind any fibre and any polarizers.

The modulator moves the light's Stokes vector round a circle; whatever the fibre does
to it, each detector sees ``a + b cos(phi) + c sin(phi)`` of the modulator's phase
``phi(v)``. All detectors share the phase, so they are fitted together: for a given
``phi(v)`` the three numbers of each detector follow linearly, and only the shape of
``phi`` is searched (variable projection, Golub and Pereyra 1973).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["PhaseSweepFit", "fit_phase_sweep"]

Array = NDArray[np.float64]

_REACH = (0.7, 1.3)
"""Of the guess: without limits, counts that do not change fit any great V_pi."""


@dataclass(frozen=True, slots=True)
class PhaseSweepFit:
    """Result of `fit_phase_sweep`.

    v_pi_v:      voltage at which the phase is pi
    compression: by how much, relatively, the phase at small voltages grows faster
    contrast:    per detector, amplitude over mean, and its standard uncertainty
    curves:      (n_detectors, 3): a, b, c of ``a + b cos(phi) + c sin(phi)``
    chi_squared: of the fit, per degree of freedom
    """

    v_pi_v: Measured
    compression: Measured
    contrast: tuple[Measured, ...]
    curves: Array
    chi_squared: float

    def phase_rad(self, volts: Array) -> Array:
        """Return the phase at some voltages."""
        return _phase(volts, self.v_pi_v.value, self.compression.value)

    def counts(self, volts: Array) -> Array:
        """Return the counts that the fit gives, (n_detectors, n)."""
        return np.asarray(self.curves @ _columns(self.phase_rad(volts)).T)


def fit_phase_sweep(
    volts: Array,
    counts: Array,
    v_pi_guess_v: float,
    *,
    compression_prior: float = 0.005,
) -> PhaseSweepFit:
    """Fit the voltage at which the phase is pi.

    volts:  float64[n], at the generator, over at least 3/2 of `v_pi_guess_v`
    counts: (n_detectors, n), of equal numbers of pulses at each voltage
    compression_prior: standard deviation of what an amplifier may compress

    ``phi(v) = pi u (1 + k (1 - u^2))`` with ``u = v / V_pi``: an amplifier's
    saturation to first order. The guess may be off by a fifth. Raises ValueError when
    there is nothing to fit.
    """
    from scipy.optimize import least_squares

    if volts.size < 8 or counts.shape[1:] != volts.shape or not counts.sum() > 0:
        raise ValueError("a sweep needs eight voltages or more, and counts at each")
    weights = 1.0 / np.sqrt(np.maximum(counts, 1.0))

    def misfit(parameters: Array) -> Array:
        v_pi_v, compression = parameters
        curves = _solve(_phase(volts, v_pi_v, compression), counts, weights)
        fitted = curves @ _columns(_phase(volts, v_pi_v, compression)).T
        residuals = np.ravel((fitted - counts) * weights)
        return np.append(residuals, compression / compression_prior)

    grid = v_pi_guess_v * np.linspace(0.8, 1.2, 41)
    costs = [float(np.sum(misfit(np.array([v, 0.0])) ** 2)) for v in grid]
    start = np.array([grid[int(np.argmin(costs))], 0.0])
    lowest, highest = _REACH[0] * v_pi_guess_v, _REACH[1] * v_pi_guess_v
    best = least_squares(
        misfit,
        start,
        x_scale=np.array([v_pi_guess_v, 1.0]),
        bounds=([lowest, -np.inf], [highest, np.inf]),
    )
    v_pi_v, compression = (float(value) for value in best.x)
    jacobian = np.asarray(best.jac, np.float64)
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    freedom = counts.size - 3 * counts.shape[0] - 1
    chi_squared = 2.0 * float(best.cost) / max(1, freedom)
    # what the model leaves over counts as noise, never as less noise than Poisson's
    scale = max(1.0, chi_squared) ** 0.5
    errors = np.sqrt(np.diag(covariance)) * scale
    curves = _solve(_phase(volts, v_pi_v, compression), counts, weights)
    return PhaseSweepFit(
        Measured(v_pi_v, float(errors[0])),
        Measured(compression, float(errors[1])),
        tuple(_contrast(c, n) for c, n in zip(curves, counts, strict=True)),
        curves,
        chi_squared,
    )


def _phase(volts: Array, v_pi_v: float, compression: float) -> Array:
    u = volts / v_pi_v
    return np.asarray(np.pi * u * (1.0 + compression * (1.0 - u * u)))


def _columns(phase: Array) -> Array:
    return np.column_stack([np.ones_like(phase), np.cos(phase), np.sin(phase)])


def _solve(phase: Array, counts: Array, weights: Array) -> Array:
    """Return (n_detectors, 3), the weighted linear fit of each detector."""
    columns = _columns(phase)
    rows = [
        np.linalg.lstsq(columns * w[:, None], n * w, rcond=None)[0]
        for n, w in zip(counts, weights, strict=True)
    ]
    return np.asarray(rows)


def _contrast(curve: Array, counts: Array) -> Measured:
    mean = max(float(curve[0]), 1e-12)
    # amplitude of a sinusoid in Poisson noise: variance 2 mean / n
    error = (2.0 / (mean * counts.size)) ** 0.5
    return Measured(float(np.hypot(curve[1], curve[2])) / mean, error)
