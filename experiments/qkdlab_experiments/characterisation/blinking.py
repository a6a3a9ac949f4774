"""How a source blinks, from the bunching of its clicks over long delays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.curve_fit import fit_curve
from qkdlab.calibration.measured import Measured

__all__ = ["Blinking", "fit_blinking"]

Array = NDArray[np.float64]
_FEWEST = 10_000
"""Clicks of either detector by which a swing can be told."""


@dataclass(frozen=True, slots=True)
class Blinking:
    """A random telegraph: g2(t) = 1 + swing exp(-t / time), behind a beam splitter.

    swing:   off time over on time, where all light is the source's
    time_ps: of correlation, 1 / (1 / on time + 1 / off time)
    """

    swing: Measured
    time_ps: Measured

    @property
    def on_time_ps(self) -> Measured:
        """Mean time for which it shines at a stretch: time (1 + 1 / swing)."""
        factor = 1.0 + 1.0 / self.swing.value
        by_swing = self.time_ps.value * self.swing.uncertainty / self.swing.value**2
        return self._times(factor, by_swing)

    @property
    def off_time_ps(self) -> Measured:
        """Mean time for which it is dark: time (1 + swing)."""
        return self._times(
            1.0 + self.swing.value, self.time_ps.value * self.swing.uncertainty
        )

    def _times(self, factor: float, by_swing_ps: float) -> Measured:
        by_time_ps = self.time_ps.uncertainty * factor
        return Measured(
            self.time_ps.value * factor, float(np.hypot(by_time_ps, by_swing_ps))
        )


def fit_blinking(
    one_ps: NDArray[np.int64],
    two_ps: NDArray[np.int64],
    bin_ps: int,
    n_bins: int,
    n_parts: int = 16,
) -> Blinking:
    """Fit the envelope of g2 to coincidences of two detectors in light.

    one_ps, two_ps: sorted tags of one acquisition
    bin_ps:  in which clicks are counted: many pulses, and no longer than the time
             wanted
    n_bins:  how far the envelope is followed
    n_parts: of the acquisition, each many times as long as the envelope; how they
             differ gives the uncertainties (jackknife), since the luck of the blinking
             is in all delays alike

    Random telegraph: docs/sources.md [mem]. Raises ValueError for fewer than 10 000
    clicks of either detector, parts not ten times as long as the envelope, or a swing
    below three times its uncertainty.
    """
    if min(one_ps.size, two_ps.size) < _FEWEST:
        raise ValueError(f"fit_blinking wants {_FEWEST} clicks of either detector")
    begin_ps = min(int(one_ps[0]), int(two_ps[0]))
    end_ps = max(int(one_ps[-1]), int(two_ps[-1]))
    size = (end_ps - begin_ps) // bin_ps // n_parts
    if size < 10 * n_bins:
        raise ValueError("fit_blinking wants parts ten times as long as the envelope")
    shape = n_parts, size
    one, two = (
        np.bincount((t - begin_ps) // bin_ps, minlength=n_parts * size)
        for t in (one_ps, two_ps)
    )
    one, two = (n[: n_parts * size].reshape(shape) for n in (one, two))
    found = _correlations(one, two, n_bins)
    lag = np.arange(1, n_bins + 1)

    whole = _fitted(lag, found.mean(axis=0))
    without = np.array(
        [_fitted(lag, np.delete(found, k, axis=0).mean(axis=0)) for k in range(n_parts)]
    )
    errors = without.std(axis=0) * np.sqrt(n_parts - 1.0)
    if not whole[1] > 3.0 * errors[1]:
        raise ValueError("fit_blinking finds no swing above three standard errors")
    return Blinking(
        Measured(float(whole[1]), float(errors[1])),
        Measured(float(whole[2]) * bin_ps, float(errors[2]) * bin_ps),
    )


def _correlations(one: NDArray[np.int64], two: NDArray[np.int64], n_bins: int) -> Array:
    """Return float64[parts, n_bins], products of counts 1, 2, ... bins apart.

    Over those of the means, and the mean of both orders.
    """
    size = one.shape[1]
    padded = 1 << (size + n_bins).bit_length()
    spectra = [np.fft.rfft(counts, padded, axis=1) for counts in (one, two)]
    both = np.fft.irfft(np.conj(spectra[0]) * spectra[1], padded, axis=1)
    lag = np.arange(1, n_bins + 1)
    chance = (one.mean(axis=1) * two.mean(axis=1))[:, None] * (size - lag)
    either = 0.5 * (both[:, 1 : n_bins + 1] + both[:, : -n_bins - 1 : -1])
    found: Array = either / chance
    return found


def _fitted(lag: NDArray[np.int64], curve: Array) -> Array:
    """Return level, swing and time in bins of a level (1 + swing exp(-lag / time))."""

    def model(parameters: Array) -> Array:
        level, swing, time = parameters
        # both clicks anywhere in their bins
        blur = (2.0 * time * np.sinh(0.5 / time)) ** 2
        shape: Array = level * (1.0 + swing * blur * np.exp(-lag / time))
        return shape

    floor = float(curve[len(curve) // 2 :].mean())
    top = max(float(curve[0]) - floor, 1e-3)
    half = np.flatnonzero(curve - floor < 0.4 * top)
    time = float(lag[half[0]]) if half.size else len(lag) / 4.0
    fit = fit_curve(
        model,
        curve,
        np.ones(len(curve)),
        [floor, top, time],
        lower=[0.0, 0.0, 0.3],
        upper=[np.inf, np.inf, 10.0 * len(lag)],
    )
    return fit.values
