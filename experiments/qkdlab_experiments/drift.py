"""Whether Alice's light is after a block what it was when it was calibrated.

The tap lies before the attenuator: what the light lost behind it only the attenuator
itself can tell.
"""

from __future__ import annotations

from statistics import NormalDist, fmean, stdev

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import intensity_of
from qkdlab.roles import Attenuator
from qkdlab_experiments.intensity import IntensityCalibration
from qkdlab_experiments.parameters import CLASSES

__all__ = ["after_drift", "check_attenuator", "power_drift"]

Intervals = tuple[tuple[float, float], ...]


def check_attenuator(attenuator: Attenuator, levels: IntensityCalibration) -> None:
    """Ask whether the attenuator stands open where it was set.

    Raises SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when it does not.
    """
    actual_db = attenuator.get_attenuation_db()
    resolution_db = attenuator.attenuator_capabilities().resolution_db
    is_open = attenuator.get_shutter_open()
    if not (is_open and abs(actual_db - levels.attenuation_db) <= resolution_db):
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the attenuator is not as it was set before the block",
            {
                "attenuation_db": actual_db,
                "set_db": levels.attenuation_db,
                "shutter_open": int(is_open),
            },
        )


def power_drift(
    readings_w: list[float], levels: IntensityCalibration, frame: NDArray[np.uint8]
) -> float:
    """Return by how much the tap power of a pattern departs from calibration, at most.

    readings_w: of the tap meter while the pattern plays, above the modulator's leak
    frame:      uint8[n], the settings of the pattern

    The meter averages over the pattern, so this sees what changes all classes alike:
    laser, modulator bias, losses before the tap. Relative; the scatter of the readings
    is in it, with the coverage of the intervals.
    """
    shares = np.bincount(intensity_of(frame), minlength=len(CLASSES)) / frame.size
    expected = float(np.dot(shares, levels.readings.watts))
    width = NormalDist().inv_cdf(0.5 + levels.coverage / 2)
    scatter = width * stdev(readings_w) / len(readings_w) ** 0.5
    return float((abs(fmean(readings_w) - expected) + scatter) / expected)


def after_drift(intervals: Intervals, drift: float) -> Intervals:
    """Return the intervals of the mean photon numbers widened by a relative drift.

    Raises SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when the drift alone is more than
    half the signal's interval.
    """
    low, high = intervals[0]
    limit = (high - low) / (high + low)
    if not drift <= limit:
        raise SecurityAbort(
            AbortCode.INTENSITY_OUTSIDE_INTERVAL,
            "the tap power is not what it was before the block",
            {"drift": drift, "limit": limit},
        )
    return tuple((low * (1 - drift), high * (1 + drift)) for low, high in intervals)
