"""The bias of a nanowire from a sweep: where it switches, and where it should work.

Above its switching current a wire stays normal: its voltage jumps from some 10 mV to
volts and it counts nothing until the bias has been taken away (detectors-taggers.md,
section 7.1 [run]). Below, dark counts grow exponentially with the bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured

__all__ = ["BiasSweep", "dark_rate", "switching_current_ua", "working_bias_ua"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BiasSweep:
    """One wire, dark, at rising bias currents; it ends where the wire latched.

    bias_ua:     float64[n], rising
    voltages_mv: float64[n]
    rates_hz:    float64[n], of dark counts
    counted_s:   time of each count
    """

    bias_ua: Array
    voltages_mv: Array
    rates_hz: Array
    counted_s: float

    def latched(self, latch_mv: float) -> NDArray[np.bool_]:
        """Tell at which points the voltage is that of a wire that has latched."""
        return np.asarray(np.abs(self.voltages_mv) > latch_mv)


def switching_current_ua(sweep: BiasSweep, latch_mv: float) -> Measured | None:
    """Return the switching current; None when the wire never latched.

    It lies between the last sound point and the first latched one; the uncertainty is
    that of a uniform distribution over that step. Raises ValueError when already the
    first point was latched.
    """
    latched = sweep.latched(latch_mv)
    if not latched.any():
        return None
    first = int(np.argmax(latched))
    if first == 0:
        raise ValueError("the wire is latched at the first bias of the sweep")
    below, above = float(sweep.bias_ua[first - 1]), float(sweep.bias_ua[first])
    return Measured((below + above) / 2, (above - below) / 12**0.5)


def working_bias_ua(
    sweep: BiasSweep,
    *,
    latch_mv: float,
    greatest_ua: float,
    share_of_switching: float,
    max_dark_rate_hz: float,
) -> float | None:
    """Return the greatest bias that is allowed; None when no point is.

    greatest_ua:        never more than this
    share_of_switching: nor more than this share of the last sound bias
    max_dark_rate_hz:   nor where the dark rate, with twice its uncertainty, is above
    """
    sound = ~sweep.latched(latch_mv)
    if not sound[0]:
        return None
    n_sound = int(np.argmin(sound)) if not sound.all() else sound.size
    last_sound_ua = float(sweep.bias_ua[n_sound - 1])
    has_latched = n_sound < sound.size
    limit_ua = share_of_switching * last_sound_ua if has_latched else last_sound_ua
    limit_ua = min(greatest_ua, limit_ua)
    for bias_ua, rate_hz in zip(
        sweep.bias_ua[:n_sound], sweep.rates_hz[:n_sound], strict=True
    ):
        rate = dark_rate(float(rate_hz), sweep.counted_s)
        if rate.value + 2 * rate.uncertainty > max_dark_rate_hz:
            below = sweep.bias_ua[sweep.bias_ua < bias_ua]
            limit_ua = min(limit_ua, float(below[-1]) if below.size else -np.inf)
            break
    return limit_ua if limit_ua >= float(sweep.bias_ua[0]) else None


def dark_rate(rate_hz: float, counted_s: float) -> Measured:
    """Return a counted rate with its Poisson uncertainty.

    One count is added to the variance, so that no counts do not mean no uncertainty.
    """
    counts = max(0.0, rate_hz * counted_s)
    return Measured(rate_hz, (counts + 1.0) ** 0.5 / counted_s)
