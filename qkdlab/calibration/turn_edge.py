"""Where pulses meet a phase modulator's transitions, from mean counts behind any fibre.

As `symbol_edge`, with the Stokes vector in place of the power: over the pattern each
detector's mean follows ``a + b Re z + c Im z`` of the mean ``z`` of ``exp(i phi)``,
whatever the fibre does between. While pulses pass the transitions, ``z`` leaves its
value on the levels and comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["TurnEdgeFit", "fit_turn_edge", "turn_mean"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TurnEdgeFit:
    """Result of `fit_turn_edge`.

    middle_ps:   when the pulses pass the middle of a transition, from 0 to the period
    rise_ps:     standard deviation of the smooth step
    seen:        by how much chi-square falls when the transition is admitted, per
                 number that describes it
    curves:      returns the fit at some times, (n_detectors, n)
    chi_squared: per degree of freedom
    """

    middle_ps: Measured
    rise_ps: Measured
    seen: float
    curves: Callable[[Array], Array]
    chi_squared: float


def turn_mean(
    counts: Array, phases_rad: Array
) -> Callable[[Array], NDArray[np.complex128]]:
    """Return the mean of ``exp(i phi)`` over a pattern as function of the share.

    counts: of `qkdlab.calibration.symbol_edge.transition_counts`
    """
    begin, end = np.nonzero(counts)
    weights = counts[begin, end] / counts.sum()
    low, step = phases_rad[begin], phases_rad[end] - phases_rad[begin]

    def mean(share: Array) -> NDArray[np.complex128]:
        return np.asarray(np.exp(1j * (low + share[:, None] * step)) @ weights)

    return mean


def fit_turn_edge(
    times_ps: Array,
    means: Array,
    mean_errors: Array,
    shape: Callable[[Array], NDArray[np.complex128]],
    *,
    period_ps: float,
    rise_guess_ps: float,
) -> TurnEdgeFit:
    """Fit the middle of the transition to the means of all detectors together.

    times_ps:           float64[n], by how much the pulses were moved to later
    means, mean_errors: (n_detectors, n), for equal light at each time
    shape:              of `turn_mean`
    """
    from scipy.special import ndtr

    n_detectors = means.shape[0]

    def columns(times: Array, middle_ps: float, rise_ps: float) -> Array:
        away = (times - middle_ps + 0.5 * period_ps) % period_ps - 0.5 * period_ps
        z = shape(np.asarray(ndtr(away / rise_ps), dtype=np.float64)) - rest
        # both parts often go together: their sum and what is left of the difference
        return np.column_stack([np.ones_like(times), z.real, z.imag])

    def solve(base: Array) -> Array:
        rows = [
            np.linalg.lstsq(base / e[:, None], m / e, rcond=1e-6)[0]
            for m, e in zip(means, mean_errors, strict=True)
        ]
        return np.asarray(rows)

    def predicted(times: Array, middle_ps: float, rise_ps: float) -> Array:
        numbers = solve(columns(times_ps, middle_ps, rise_ps))
        return np.asarray(numbers @ columns(times, middle_ps, rise_ps).T)

    rest = complex(shape(np.array([0.0]))[0])

    def cost(middle_ps: float) -> float:
        left = (predicted(times_ps, middle_ps, rise_guess_ps) - means) / mean_errors
        return float(np.sum(left**2))

    tries = np.arange(0.0, period_ps, period_ps / 64)
    first_ps = float(min(tries, key=lambda t: cost(float(t))))
    flat = np.average(means, axis=1, weights=mean_errors**-2)
    without = float(np.sum(((means - flat[:, None]) / mean_errors) ** 2))
    rank = int(np.linalg.matrix_rank(columns(times_ps, first_ps, rise_guess_ps), 1e-3))
    fit = fit_curve(
        lambda p: np.ravel(predicted(times_ps, float(p[0]), float(p[1]))),
        np.ravel(means),
        np.ravel(mean_errors),
        [first_ps, rise_guess_ps],
        lower=[-np.inf, 0.05 * rise_guess_ps],
        upper=[np.inf, 0.25 * period_ps],
    )
    # The numbers of each detector were fitted, too.
    freedom = max(1, means.size - rank * n_detectors - 2)
    chi_squared = fit.chi_squared * fit.freedom / freedom
    widen = (max(1.0, chi_squared) / max(1.0, fit.chi_squared)) ** 0.5
    middle, rise = fit.measured(0), fit.measured(1)
    described = max(1, (rank - 1) * n_detectors)
    return TurnEdgeFit(
        Measured(middle.value % period_ps, middle.uncertainty * widen),
        Measured(rise.value, rise.uncertainty * widen),
        (without - chi_squared * freedom) / described / max(1.0, chi_squared),
        lambda times: predicted(times, float(fit.values[0]), float(fit.values[1])),
        chi_squared,
    )
