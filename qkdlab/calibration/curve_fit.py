"""Weighted least squares of a curve, with what the points say of its uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["CurveFit", "fit_curve"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CurveFit:
    """Result of `fit_curve`.

    values:      float64[p], the best parameters
    covariance:  (p, p), already scaled (see `fit_curve`)
    chi_squared: per degree of freedom, before any scaling
    freedom:     degrees of freedom
    residual:    rms of measured minus fitted, in units of y
    """

    values: Array
    covariance: Array
    chi_squared: float
    freedom: int
    residual: float

    def measured(self, index: int) -> Measured:
        """Return one parameter with its standard uncertainty."""
        variance = max(float(self.covariance[index, index]), 0.0)
        return Measured(float(self.values[index]), variance**0.5)

    def combined(self, gradient: Sequence[float]) -> float:
        """Return the standard uncertainty of a function with this gradient."""
        g = np.asarray(gradient, dtype=np.float64)
        return float(np.sqrt(max(float(g @ self.covariance @ g), 0.0)))


def fit_curve(
    model: Callable[[Array], Array],
    y: Array,
    y_error: Array,
    start: Sequence[float] | Array,
    *,
    lower: Sequence[float] | None = None,
    upper: Sequence[float] | None = None,
    prior: Callable[[Array], Array] | None = None,
) -> CurveFit:
    """Fit parameters so that ``model(parameters)`` meets `y`.

    y_error:      standard uncertainties of the points, positive
    lower, upper: bounds of the parameters
    prior:        returns further residuals, in standard deviations

    What the model leaves over counts as noise: the covariance is scaled by the
    chi-square per degree of freedom when that is above 1, and never made smaller. A
    parameter that ends on a bound is taken as known. Raises ValueError when there are
    not more points than parameters.
    """
    from scipy.optimize import least_squares

    first = np.asarray(start, dtype=np.float64)
    low = np.full(first.size, -np.inf) if lower is None else np.asarray(lower, float)
    high = np.full(first.size, np.inf) if upper is None else np.asarray(upper, float)
    freedom = y.size - first.size
    if prior is not None:
        freedom += prior(first).size
    if freedom < 1:
        raise ValueError("a fit needs more points than parameters")

    def misfit(parameters: Array) -> Array:
        data = (model(parameters) - y) / y_error
        return data if prior is None else np.concatenate([data, prior(parameters)])

    best = least_squares(
        misfit,
        np.clip(first, low, high),
        bounds=(low, high),
        jac="3-point",
        x_scale="jac",
        ftol=1e-12,
        xtol=1e-12,
        max_nfev=400,
    )
    values = np.asarray(best.x, dtype=np.float64)
    free = np.asarray(best.active_mask) == 0
    jacobian = np.asarray(best.jac, dtype=np.float64)[:, free]
    chi_squared = 2.0 * float(best.cost) / freedom
    covariance = np.zeros((first.size, first.size))
    covariance[np.ix_(free, free)] = _inverse(jacobian) * max(1.0, chi_squared)
    residual = float(np.sqrt(np.mean((model(values) - y) ** 2)))
    return CurveFit(values, covariance, chi_squared, freedom, residual)


def _inverse(jacobian: Array) -> Array:
    """Return the inverse of J^T J, columns scaled first so that units do not matter."""
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0.0] = 1.0
    scaled = jacobian / scale
    inverse = np.linalg.pinv(scaled.T @ scaled, hermitian=True)
    return np.asarray(inverse / np.outer(scale, scale))
