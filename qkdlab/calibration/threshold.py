"""A laser's threshold from its light against current."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["ThresholdFit", "fit_threshold"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ThresholdFit:
    """Result of `fit_threshold`.

    threshold_ma: where the line of stimulated emission starts
    slope:        of that line, light per mA
    below_slope:  light per mA below threshold: spontaneous emission
    parameters:   for `light`
    chi_squared:  of the fit, per degree of freedom
    residual:     rms of measured minus fitted light
    """

    threshold_ma: Measured
    slope: Measured
    below_slope: Measured
    parameters: Array
    chi_squared: float
    residual: float

    def light(self, current_ma: Array) -> Array:
        """Return the light that the fit gives."""
        return _light(current_ma, self.parameters)


def fit_threshold(current_ma: Array, light: Array, light_error: Array) -> ThresholdFit:
    """Fit two lines that meet at the threshold, the corner rounded if need be.

    current_ma:  float64[n], rising; at least three points on each side
    light:       float64[n], in any unit
    light_error: float64[n], standard uncertainties

    ``L = a + s I + b/2 (x + sqrt(x^2 + w))`` with ``x = I - I_th``: the exact corner
    for ``w = 0``. Raises ValueError when the light does not grow as that of a laser
    that passes its threshold within the sweep.
    """
    if current_ma.size < 8:
        raise ValueError("a sweep needs eight currents or more")
    start = _corner(current_ma, light)
    span_ma = float(current_ma[-1] - current_ma[0])
    fit = fit_curve(
        lambda p: _light(current_ma, p),
        light,
        light_error,
        start,
        lower=[-np.inf, -np.inf, 0.0, float(current_ma[0]), 0.0],
        upper=[np.inf, np.inf, np.inf, float(current_ma[-1]), (0.1 * span_ma) ** 2],
    )
    slope, below = fit.measured(2), fit.measured(1)
    threshold = fit.measured(3)
    n_above = int(np.count_nonzero(current_ma > threshold.value))
    if min(n_above, current_ma.size - n_above) < 3 or not (
        slope.value > 5 * abs(below.value) and slope.value > 5 * slope.uncertainty
    ):
        raise ValueError("the light shows no threshold within the sweep")
    return ThresholdFit(
        threshold, slope, below, fit.values, fit.chi_squared, fit.residual
    )


def _light(current_ma: Array, parameters: Array) -> Array:
    floor, below, slope, threshold_ma, roundness = parameters
    above = current_ma - threshold_ma
    corner = 0.5 * (above + np.sqrt(above**2 + roundness))
    return np.asarray(floor + below * current_ma + slope * corner)


def _corner(current_ma: Array, light: Array) -> list[float]:
    """Return a first guess: the corner that leaves the least, none weighted."""
    best: tuple[float, list[float]] | None = None
    for corner_ma in np.linspace(current_ma[2], current_ma[-3], 4 * current_ma.size):
        above = np.maximum(current_ma - corner_ma, 0.0)
        columns = np.column_stack([np.ones_like(above), current_ma, above])
        numbers = np.linalg.lstsq(columns, light, rcond=None)[0]
        left = float(np.sum((columns @ numbers - light) ** 2))
        if best is None or left < best[0]:
            best = left, [*(float(n) for n in numbers), float(corner_ma), 0.0]
    assert best is not None  # noqa: S101 - linspace is never empty
    step_ma = float(np.median(np.diff(current_ma)))
    guess = best[1]
    return [guess[0], guess[1], max(guess[2], 0.0), guess[3], (0.05 * step_ma) ** 2]
