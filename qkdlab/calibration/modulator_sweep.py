"""A Mach-Zehnder modulator's null, V_pi and extinction from sweeps of its power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["BiasFit", "DriveFit", "extinction_db", "fit_bias", "fit_drive"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BiasFit:
    """Result of `fit_bias`.

    null_v:      direct voltage of least light, the one nearest to zero
    v_pi_v:      from a null to the next maximum
    parameters:  for `power_w`: least, greatest power (W), null, V_pi (V)
    chi_squared: per degree of freedom
    residual:    rms of measured minus fitted power, relative to the swing
    """

    null_v: Measured
    v_pi_v: Measured
    parameters: Array
    chi_squared: float
    residual: float

    def power_w(self, volts: Array) -> Array:
        """Return the power that the fit gives."""
        return _fringe(volts, self.parameters)


@dataclass(frozen=True, slots=True)
class DriveFit:
    """Result of `fit_drive`.

    v_pi_v:      at the generator, from least to greatest light
    phase_rad:   of the modulator without drive: how far the bias is off the null
    compression: by how much, relatively, the phase at small drive grows faster
    parameters:  for `power_w`
    chi_squared: per degree of freedom
    residual:    rms of measured minus fitted power, relative to the swing
    """

    v_pi_v: Measured
    phase_rad: Measured
    compression: Measured
    parameters: Array
    chi_squared: float
    residual: float

    def power_w(self, volts: Array) -> Array:
        """Return the power that the fit gives."""
        return _driven(volts, self.parameters)


def fit_bias(volts: Array, power_w: Array, power_error_w: Array) -> BiasFit:
    """Fit a raised cosine to the power against the bias voltage.

    volts:         float64[n], evenly spaced, over at least three quarters of a period
    power_error_w: float64[n], standard uncertainties

    ``P = P0 + (P1 - P0)/2 (1 - cos(pi (V - V0)/V_pi))``. Raises ValueError when the
    power does not go up and down like that.
    """
    if volts.size < 8:
        raise ValueError("a sweep needs eight voltages or more")
    fit = fit_curve(
        lambda p: _fringe(volts, p),
        power_w,
        power_error_w,
        _fringe_guess(volts, power_w),
    )
    low, high, null_v, v_pi_v = (float(value) for value in fit.values)
    swing = high - low
    seen = 0 < v_pi_v < 0.75 * float(volts.max() - volts.min())
    if not (seen and swing > 0 and fit.residual < 0.05 * swing):
        raise ValueError("the power does not go up and down with the voltage")
    # One null of many is as good as the other; the least voltage drifts least.
    turns = round(null_v / (2.0 * v_pi_v))
    values = np.array([low, high, null_v - 2.0 * turns * v_pi_v, v_pi_v])
    null_error = fit.combined([0.0, 0.0, 1.0, -2.0 * turns])
    return BiasFit(
        Measured(float(values[2]), null_error),
        fit.measured(3),
        values,
        fit.chi_squared,
        fit.residual / swing,
    )


def fit_drive(
    volts: Array,
    power_w: Array,
    power_error_w: Array,
    v_pi_guess_v: float,
    *,
    compression_prior: float = 0.01,
) -> DriveFit:
    """Fit the drive's V_pi with the bias near its null.

    volts:             float64[n], at the generator, from 0 to beyond V_pi
    compression_prior: standard deviation of what the amplifier may compress

    ``P = P0 + (P1 - P0)/2 (1 - cos(phi0 + pi u (1 + k (1 - u^2))))``, ``u = V / V_pi``:
    an amplifier's saturation to first order. Raises ValueError when the sweep does not
    pass a maximum.
    """
    if volts.size < 8:
        raise ValueError("a sweep needs eight voltages or more")
    low, high = float(power_w.min()), float(power_w.max())
    guesses = v_pi_guess_v * np.linspace(0.6, 1.5, 46)
    costs = [
        float(np.sum((_driven(volts, _start(low, high, v)) - power_w) ** 2))
        for v in guesses
    ]
    start = _start(low, high, float(guesses[int(np.argmin(costs))]))
    fit = fit_curve(
        lambda p: _driven(volts, p),
        power_w,
        power_error_w,
        start,
        prior=lambda p: p[4:5] / compression_prior,
    )
    swing = float(fit.values[1] - fit.values[0])
    v_pi = fit.measured(2)
    if not (
        swing > 0
        and fit.residual < 0.1 * swing
        and 0 < v_pi.value < 0.98 * float(volts.max())
    ):
        raise ValueError("the power does not pass a maximum within the sweep")
    return DriveFit(
        v_pi,
        fit.measured(3),
        fit.measured(4),
        fit.values,
        fit.chi_squared,
        fit.residual / swing,
    )


def extinction_db(null_w: Measured, peak_w: Measured) -> Measured:
    """Return ``10 log10(peak / null)``; the uncertainty grows as the null gets dark.

    Raises ValueError unless both powers are above their uncertainties.
    """
    if not (null_w.value > null_w.uncertainty and peak_w.value > peak_w.uncertainty):
        raise ValueError("the powers at null and peak do not stand out of the noise")
    relative = np.hypot(
        null_w.uncertainty / null_w.value, peak_w.uncertainty / peak_w.value
    )
    return Measured(
        float(10 * np.log10(peak_w.value / null_w.value)),
        float(10 / np.log(10) * relative),
    )


def _fringe(volts: Array, parameters: Array) -> Array:
    low, high, null_v, v_pi_v = parameters
    phase = np.pi * (volts - null_v) / v_pi_v
    return np.asarray(low + 0.5 * (high - low) * (1.0 - np.cos(phase)))


def _fringe_guess(volts: Array, power_w: Array) -> list[float]:
    """Return low, high, null and V_pi of the best of many periods, tried linearly."""
    span_v = float(volts.max() - volts.min())
    step_v = span_v / (volts.size - 1)
    best: tuple[float, list[float]] | None = None
    for half in 1.0 / np.linspace(0.7 / span_v, 0.5 / step_v, 8 * volts.size):
        phase = np.pi * volts / half
        columns = np.column_stack([np.ones_like(phase), np.cos(phase), np.sin(phase)])
        numbers = np.linalg.lstsq(columns, power_w, rcond=None)[0]
        left = float(np.sum((columns @ numbers - power_w) ** 2))
        if best is None or left < best[0]:
            mean, cosine, sine = (float(n) for n in numbers)
            depth = float(np.hypot(cosine, sine))
            null_v = float(np.arctan2(-sine, -cosine)) / np.pi * float(half)
            best = left, [mean - depth, mean + depth, null_v, float(half)]
    assert best is not None  # noqa: S101 - linspace is never empty
    return best[1]


def _driven(volts: Array, parameters: Array) -> Array:
    low, high, v_pi_v, phase_rad, compression = parameters
    u = volts / v_pi_v
    phase = phase_rad + np.pi * u * (1.0 + compression * (1.0 - u * u))
    return np.asarray(low + 0.5 * (high - low) * (1.0 - np.cos(phase)))


def _start(low: float, high: float, v_pi_v: float) -> Array:
    return np.array([low, high, v_pi_v, 0.0, 0.0])
