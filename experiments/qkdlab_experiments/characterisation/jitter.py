"""Jitter from the histogram of arrival times in the slot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import CurveFit, fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["Jitter", "fit_jitter"]

Array = NDArray[np.float64]
_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class Jitter:
    """What the arrival histogram of short pulses is made of.

    centre_ps:     of the Gaussian core, in the slot
    fwhm_ps:       of the core: detector, pulse and tagger together
    tail_fraction: of the clicks, those with an exponential delay more
    tail_ps:       mean of that delay
    background:    clicks per bin that lie evenly
    """

    centre_ps: Measured
    fwhm_ps: Measured
    tail_fraction: Measured
    tail_ps: Measured
    background: Measured
    fit: CurveFit


def fit_jitter(tags_ps: NDArray[np.int64], period_ps: int, bin_ps: int) -> Jitter:
    """Fit a Gaussian with an exponential tail on an even background.

    tags_ps: of one detector under pulses of `period_ps`, which `bin_ps` divides
    Raises ValueError when it does not, and for fewer than 1000 tags.
    """
    from scipy.special import ndtr

    if period_ps % bin_ps or len(tags_ps) < 1000:
        raise ValueError("fit_jitter wants 1000 tags and bins that divide the period")
    n = period_ps // bin_ps
    slot = np.bincount((tags_ps % period_ps) // bin_ps, minlength=n)
    peak = int(np.argmax(slot))
    shift = n // 3 - peak  # the peak well inside, most room for the tail
    counts = np.roll(slot, shift).astype(np.float64)
    edges = np.arange(n + 1) * float(bin_ps)

    def below(x: Array, sigma: float, tail: float) -> Array:
        """Return the integral of a Gaussian with exponential delay."""
        z = x / sigma
        exponent = np.minimum(0.5 * (sigma / tail) ** 2 - x / tail, 500.0)
        late: Array = ndtr(z) - np.exp(exponent) * ndtr(z - sigma / tail)
        return late

    def model(parameters: Array) -> Array:
        total, centre, sigma, fraction, tail, floor = parameters
        x = edges - centre
        law = (1.0 - fraction) * ndtr(x / sigma) + fraction * below(x, sigma, tail)
        curve: Array = total * np.diff(law) + floor
        return curve

    floor = float(np.median(np.sort(counts)[: n // 3]))
    total = float((counts - floor).sum())
    half = 0.5 * counts.max()
    sigma = max(0.4 * bin_ps * float((counts > half).sum()), 0.3 * bin_ps)
    start = [total, (n // 3 + 0.5) * bin_ps, sigma, 0.1, 3.0 * sigma, floor]
    lower = [0.0, 0.0, 0.1 * bin_ps, 0.0, 0.2 * bin_ps, 0.0]
    upper = [np.inf, period_ps, period_ps, 1.0, period_ps, np.inf]
    errors = np.sqrt(np.maximum(counts, 1.0))
    fit = fit_curve(model, counts, errors, start, lower=lower, upper=upper)
    errors = np.sqrt(np.maximum(model(fit.values), 1.0))
    fit = fit_curve(model, counts, errors, fit.values, lower=lower, upper=upper)
    width = fit.measured(2)
    moved = fit.measured(1)
    return Jitter(
        Measured((moved.value - shift * bin_ps) % period_ps, moved.uncertainty),
        Measured(*(_FWHM_IN_SIGMAS * x for x in width)),
        fit.measured(3),
        fit.measured(4),
        fit.measured(5),
        fit,
    )
