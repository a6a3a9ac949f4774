"""Visibility against other pulses, and the dip of a scan of the delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured
from qkdlab_experiments.characterisation.hbt import g2_at_zero

__all__ = ["Dip", "fit_dip", "visibility"]

_FWHM_IN_SIGMAS = 2.0 * float(np.sqrt(2.0 * np.log(2.0)))


def visibility(counts: NDArray[np.int64]) -> Measured:
    """Return 1 less the coincidences of one pulse over those of two pulses.

    counts: by lag, the same pulse in the middle
    """
    ratio = g2_at_zero(counts)
    return Measured(1.0 - ratio.value, ratio.uncertainty)


@dataclass(frozen=True, slots=True)
class Dip:
    """Coincidences of one pulse by the delay: N (1 - depth exp(-(d - centre)^2 / ...)).

    fwhm_ps: full width at half depth
    """

    depth: Measured
    centre_ps: Measured
    fwhm_ps: Measured


def fit_dip(delays_ps: Sequence[float], counts: Sequence[int]) -> Dip:
    """Fit a Gaussian dip to coincidences counted equally long at each delay.

    The shape is that of Gaussian pulses of few photons (`optics.interference.overlap`
    in the simulated bench). Raises ValueError for fewer than five delays.
    """
    x, y = np.asarray(delays_ps, float), np.asarray(counts, float)
    span_ps = float(np.ptp(x))
    top = float(np.quantile(y, 0.9))
    lost = np.maximum(top - y, 0.0)
    weight = max(float(lost.sum()), 1e-9)
    middle = float((lost * x).sum()) / weight
    width = float(np.sqrt((lost * (x - middle) ** 2).sum() / weight))

    def model(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        level, depth, centre, sigma = parameters
        shape: NDArray[np.float64] = 1.0 - depth * np.exp(
            -0.5 * ((x - centre) / sigma) ** 2
        )
        return np.asarray(level * shape)

    least = span_ps / len(x) / 10.0
    fit = fit_curve(
        model,
        y,
        np.sqrt(np.maximum(y, 1.0)),
        [top, 1.0 - float(y.min()) / max(top, 1.0), middle, max(width, 2.0 * least)],
        lower=[0.0, -1.0, float(x.min()), least],
        upper=[np.inf, 1.5, float(x.max()), span_ps],
    )
    sigma = fit.measured(3)
    return Dip(
        fit.measured(1),
        fit.measured(2),
        Measured(_FWHM_IN_SIGMAS * sigma.value, _FWHM_IN_SIGMAS * sigma.uncertainty),
    )
