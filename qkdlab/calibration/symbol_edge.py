"""Where the pulses meet a modulator's transitions, from mean power against phase.

The pattern's levels follow each other with the generator's rise. A pulse that passes
a share ``r`` of the way from one level to the next sees ``v_a + r (v_b - v_a)``: when
the clock's phase moves the pulses over the transition, the mean power over the pattern
goes from the mean of the levels through that of the half-way voltages and back. The
place does not depend on how the power follows the voltage, as long as both directions
of each transition are equally frequent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["EdgeFit", "fit_edge", "transition_counts", "transition_mean"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EdgeFit:
    """Result of `fit_edge`.

    middle_ps:   when the pulses pass the middle of a transition, from 0 to the period
    rise_ps:     standard deviation of the smooth step of a transition
    contrast:    by how much the pulses half-way differ from those on the levels,
                 relative to the latter
    curve:       returns the fit at some times
    chi_squared: per degree of freedom
    residual:    rms of measured minus fitted, relative to the mean
    """

    middle_ps: Measured
    rise_ps: Measured
    contrast: Measured
    curve: Callable[[Array], Array]
    chi_squared: float
    residual: float


def transition_counts(symbols: NDArray[np.integer], n_levels: int) -> Array:
    """Return (n_levels, n_levels): how often each level follows each, cyclically."""
    counts = np.zeros((n_levels, n_levels))
    np.add.at(counts, (symbols, np.roll(symbols, -1)), 1.0)
    return counts


def transition_mean(
    counts: Array, levels_v: Array, power: Callable[[Array], Array]
) -> Callable[[Array], Array]:
    """Return the mean of `power` over a pattern as function of the share ``r``.

    counts:   of `transition_counts`
    levels_v: float64[n_levels]
    power:    of voltages
    """
    begin, end = np.nonzero(counts)
    weights = counts[begin, end] / counts.sum()
    low, step = levels_v[begin], levels_v[end] - levels_v[begin]

    def mean(share: Array) -> Array:
        volts = low[None, :] + share[:, None] * step[None, :]
        return np.asarray(power(volts) @ weights)

    return mean


def fit_edge(
    times_ps: Array,
    means: Array,
    mean_errors: Array,
    shape: Callable[[Array], Array],
    *,
    period_ps: float,
    rise_guess_ps: float,
    rise_is_known: bool = False,
) -> EdgeFit:
    """Fit the middle of the transition to means at several times.

    times_ps: float64[n], by how much the pulses were moved to later, over a period
    shape:    of `transition_mean`, in any unit
    rise_is_known: the rise is taken as `rise_guess_ps`, which leaves one unknown less

    Raises ValueError when the means show no transition: a contrast that does not stand
    out of its uncertainty five times.
    """
    from scipy.special import ndtr

    def dip(times: Array, middle_ps: float, rise_ps: float) -> Array:
        away = (times - middle_ps + 0.5 * period_ps) % period_ps - 0.5 * period_ps
        share = np.asarray(ndtr(away / rise_ps), dtype=np.float64)
        # On the far side a pulse is on the way out of the symbol before.
        return np.asarray(shape(share) - plateau)

    plateau = float(shape(np.array([0.0]))[0])
    half_way = float(shape(np.array([0.5]))[0]) - plateau
    if half_way == 0.0:
        raise ValueError("the pattern has no transition that the mean would show")

    def model(p: Array) -> Array:
        rise_ps = rise_guess_ps if rise_is_known else float(p[3])
        return np.asarray(p[0] * (1.0 + p[1] * dip(times_ps, float(p[2]), rise_ps)))

    start = [float(np.median(means)), 1.0 / plateau, 0.0]
    costs = []
    tries = np.arange(0.0, period_ps, period_ps / 64)
    for middle_ps in tries:
        columns = np.column_stack(
            [np.ones_like(times_ps), dip(times_ps, float(middle_ps), rise_guess_ps)]
        )
        numbers = np.linalg.lstsq(columns, means, rcond=None)[0]
        left = float(np.sum((columns @ numbers - means) ** 2))
        # A dip where a rise must be is no transition.
        costs.append((left if numbers[1] * numbers[0] > 0 else np.inf, middle_ps))
    start[2] = float(min(costs)[1])
    lower, upper = [-np.inf, 0.0, -np.inf], [np.inf, np.inf, np.inf]
    if not rise_is_known:
        start.append(rise_guess_ps)
        lower.append(0.05 * rise_guess_ps)
        upper.append(0.25 * period_ps)
    fit = fit_curve(model, means, mean_errors, start, lower=lower, upper=upper)
    strength = fit.measured(1)
    if not (strength.value > 5 * strength.uncertainty and fit.values[0] > 0):
        raise ValueError("the means show no transition")
    base = float(fit.values[0])
    middle, rise = fit.measured(2), Measured(rise_guess_ps, 0.0)
    if not rise_is_known:
        rise = fit.measured(3)
    best = fit.values

    def curve(times: Array) -> Array:
        return np.asarray(base * (1.0 + best[1] * dip(times, best[2], rise.value)))

    return EdgeFit(
        Measured(middle.value % period_ps, middle.uncertainty),
        rise,
        Measured(strength.value * half_way, strength.uncertainty * abs(half_way)),
        curve,
        fit.chi_squared,
        fit.residual / base,
    )
