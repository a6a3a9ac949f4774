"""Whether Alice's light is after a block what it was when it was calibrated.

The tap lies before the attenuator: what the light lost behind it only the attenuator
itself can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import coverage_factor
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.protocols.symbols import intensity_of
from qkdlab.roles import Attenuator
from qkdlab_experiments.intensity import IntensityCalibration, TapReadings
from qkdlab_experiments.parameters import CLASSES

__all__ = ["after_drift", "check_attenuator", "class_drifts", "power_drift"]

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
    laser, losses before the tap. Relative; the scatter of the readings is in it, with
    the coverage of the intervals.
    """
    shares = np.bincount(intensity_of(frame), minlength=len(CLASSES)) / frame.size
    expected = float(np.dot(shares, levels.readings.watts))
    width = coverage_factor(levels.coverage)
    scatter = width * stdev(readings_w) / len(readings_w) ** 0.5
    return float((abs(fmean(readings_w) - expected) + scatter) / expected)


def class_drifts(
    again: TapReadings, levels: IntensityCalibration, dark_w: float
) -> tuple[float, ...]:
    """Return by how much the tap power of each class departs from calibration, at most.

    again:  each class alone, after the block
    dark_w: what the meter reads in the dark

    A modulator's phase that creeps by d off its null changes a class that is driven to
    the angle a by ``d cot(a / 2)``: the signal, at the top, not at all, but a vacuum of
    1/250 of it sixteen times d, where the mean of a key pattern shows a third of d.
    Relative; the scatter of the readings is in it, with the coverage of the intervals.
    """
    width = coverage_factor(levels.coverage)
    first = levels.readings
    return tuple(
        (abs(now - then) + width * float(np.hypot(error, own))) / (then - dark_w)
        if then > dark_w
        else float("inf")
        for now, then, error, own in zip(
            again.watts, first.watts, again.errors_w, first.errors_w, strict=True
        )
    )


def after_drift(intervals: Intervals, drifts: Sequence[float]) -> Intervals:
    """Return the intervals of the mean photon numbers, each widened by its drift.

    Relative, by class. Raises SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when that of a
    bright class alone is more than half its interval, or a dark one has doubled.
    """
    *bright, dark = zip(CLASSES, intervals, drifts, strict=True)
    limits = [(name, d, (hi - lo) / (hi + lo)) for name, (lo, hi), d in bright]
    limits.append((dark[0], dark[2], 1.0))
    for name, drift, limit in limits:
        if not drift <= limit:
            raise SecurityAbort(
                AbortCode.INTENSITY_OUTSIDE_INTERVAL,
                f"the tap power of class {name} is not what it was before the block",
                {"drift": drift, "limit": limit},
            )
    return tuple(
        (low * (1 - drift), high * (1 + drift))
        for (low, high), drift in zip(intervals, drifts, strict=True)
    )
