"""Dead time, recovery and afterpulses from one histogram of the gaps between clicks.

Method of Krause and Walenta (arXiv 2507.10361 [abs]), by the hazard instead of the
histogram: then the rate of the light needs no knowledge and no dead-time correction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import CurveFit, fit_curve
from qkdlab.calibration.measured import Measured
from qkdlab_experiments.characterisation.hazard import Hazard

__all__ = [
    "Afterpulses",
    "Recovery",
    "afterpulse_sum",
    "fit_afterpulses",
    "fit_recovery",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a detector comes back after a click.

    rate_hz:     of clicks that a recovered detector would give
    dead_ps:     hold-off
    recovery_ps: time constant of 1 - exp(-t/tau) after it
    blur_ps:     standard deviation of the edge: jitter of two clicks
    """

    rate_hz: Measured
    dead_ps: Measured
    recovery_ps: Measured
    blur_ps: Measured
    fit: CurveFit


@dataclass(frozen=True, slots=True)
class Afterpulses:
    """What a click adds to the rate after it.

    probability: mean clicks set free by a click after the hold-off, without those
                 that these set free
    shares:      of `probability`, by time constant
    tau_ps:      time constants, rising
    background_hz: rate long after a click
    """

    probability: Measured
    shares: tuple[Measured, ...]
    tau_ps: tuple[Measured, ...]
    background_hz: Measured
    fit: CurveFit


def fit_recovery(hazard: Hazard, start_dead_ps: float) -> Recovery:
    """Fit hold-off and recovery to the hazard near them.

    hazard: bins from before the hold-off's end to well after the recovery, short
            enough that afterpulses hardly change in it
    """
    from scipy.special import ndtr

    centres = hazard.centres_ps
    plateau = float(np.median(hazard.rate_hz[len(centres) * 3 // 4 :]))

    def model(parameters: Array) -> Array:
        rate, dead, tau, blur = parameters
        z = (centres - dead) / blur
        # an edge that rises as 1 - exp(-t/tau), blurred by a Gaussian
        exponent = np.minimum(0.5 * (blur / tau) ** 2 - z * blur / tau, 500.0)
        back: Array = rate * (ndtr(z) - np.exp(exponent) * ndtr(z - blur / tau))
        return back

    width = float(np.diff(hazard.edges_ps).mean())
    span = float(hazard.edges_ps[-1] - start_dead_ps)
    fit = _refined(
        model,
        hazard,
        [plateau, start_dead_ps, 0.1 * span, 2.0 * width],
        [0.0, 0.0, 1e-3 * width, 0.1 * width],
        [np.inf, float(hazard.edges_ps[-1]), 10.0 * span, span],
    )
    rate, dead, tau, blur = (fit.measured(i) for i in range(4))
    return Recovery(rate, dead, tau, blur, fit)


def fit_afterpulses(
    hazard: Hazard, dead_ps: float, start_tau_ps: Sequence[float]
) -> Afterpulses:
    """Fit a sum of exponentials and a background to the hazard after the recovery.

    dead_ps:      end of the hold-off, from which `probability` counts
    start_tau_ps: first guess of each time constant, as many as are wanted
    """
    n = len(start_tau_ps)
    edges = hazard.edges_ps - dead_ps

    def columns(taus_ps: Sequence[float] | Array) -> Array:
        """Return the mean of each unit exponential over each bin, after a constant."""
        fallen = [-1e12 * np.exp(-edges / tau) for tau in taus_ps]
        means = [np.diff(f) / np.diff(edges) for f in fallen]
        return np.stack([np.ones(len(edges) - 1), *means], axis=1)

    def model(parameters: Array) -> Array:
        rate: Array = columns(parameters[1 + n :]) @ parameters[: 1 + n]
        return rate

    weights = 1.0 / hazard.error_hz
    start = np.linalg.lstsq(
        columns(start_tau_ps) * weights[:, None], hazard.rate_hz * weights, rcond=None
    )[0]
    shortest, longest = 0.05 * float(edges[1]), float(edges[-1])
    fit = _refined(
        model,
        hazard,
        [*np.maximum(start, 1e-6), *start_tau_ps],
        [0.0, *[0.0] * n, *[shortest] * n],
        [np.inf, *[10.0] * n, *[longest] * n],
    )
    order = np.argsort(fit.values[1 + n :])
    gradient = [0.0, *[1.0] * n, *[0.0] * n]
    total = Measured(float(fit.values[1 : 1 + n].sum()), fit.combined(gradient))
    return Afterpulses(
        total,
        tuple(fit.measured(1 + int(k)) for k in order),
        tuple(fit.measured(1 + n + int(k)) for k in order),
        fit.measured(0),
        fit,
    )


def afterpulse_sum(hazard: Hazard, settled_ps: float) -> Measured:
    """Return the mean clicks that a click adds in the bins before `settled_ps`.

    No law is assumed but that what comes after `settled_ps` is background; good when
    the time constants are unknown or there are no afterpulses to fit.
    Raises ValueError when no bin lies on one of the sides.
    """
    early = hazard.between(float(hazard.edges_ps[0]), settled_ps)
    late = hazard.between(settled_ps, float(hazard.edges_ps[-1]))
    waited_s = float(late.waited_s.sum())
    floor_hz = float(late.gaps.sum()) / waited_s
    floor_error_hz = max(float(late.gaps.sum()), 1.0) ** 0.5 / waited_s
    width_s = np.diff(early.edges_ps) * 1e-12
    added = float(((early.rate_hz - floor_hz) * width_s).sum())
    counted = float((early.error_hz * width_s) @ (early.error_hz * width_s))
    span = floor_error_hz * float(width_s.sum())
    return Measured(added, float(np.hypot(counted**0.5, span)))


def _refined(
    model: Callable[[Array], Array],
    hazard: Hazard,
    start: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
) -> CurveFit:
    """Fit twice: the second time with the errors that the first fit expects.

    Errors of the counts themselves would draw the curve below sparse points.
    """
    rates, errors = hazard.rate_hz, hazard.error_hz
    first = fit_curve(model, rates, errors, start, lower=lower, upper=upper)
    errors = hazard.error_of(model(first.values))
    return fit_curve(model, rates, errors, first.values, lower=lower, upper=upper)
