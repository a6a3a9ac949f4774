"""Drift of the light during a block: into the intervals, or an abort."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab_experiments.drift import (
    after_drift,
    check_attenuator,
    class_drifts,
    power_drift,
)
from qkdlab_experiments.intensity import IntensityCalibration, TapReadings

WATTS = (5e-6, 2e-6, 2e-8)
INTERVALS = ((0.48, 0.52), (0.19, 0.21), (0.0018, 0.0025))
LEVELS = IntensityCalibration(
    readings=TapReadings(WATTS, (0.0, 0.0, 0.0), {0: 1.0, 1: 0.4, 2: 0.004}),
    mean=(0.5, 0.2, 0.002),
    intervals=INTERVALS,
    coverage=0.99,
    attenuation_db=34.0,
)
# 5 signal, 3 decoy, 2 vacuum; bases, values and the header's mark do not matter
FRAME = np.array([0x80, 0, 1, 2, 3, 4, 5, 7, 8, 0x8A], np.uint8)
AVERAGE_W = 0.5 * 5e-6 + 0.3 * 2e-6 + 0.2 * 2e-8


@pytest.mark.parametrize("change", [0.0, 0.01, -0.01])
def test_it_is_the_change_of_the_pattern_s_average_power(change):
    steady = [AVERAGE_W * (1 + change)] * 5
    assert power_drift(steady, LEVELS, FRAME) == pytest.approx(abs(change), abs=1e-12)


def test_readings_that_scatter_prove_less():
    readings = [AVERAGE_W * (1 + x) for x in (-0.01, 0.01, -0.01, 0.01)]
    # 2.576 times the standard error of the mean of four
    expected = 2.5758 * 0.01 * np.sqrt(4 / 3) / 2
    assert power_drift(readings, LEVELS, FRAME) == pytest.approx(expected, rel=1e-4)


def readings(phase_rad: float, change: float = 0.0) -> TapReadings:
    """Return what the tap reads with the modulator's phase off its null."""
    shares = np.array([1.0, 0.4, 0.004])
    angles = 2 * np.arcsin(np.sqrt(shares)) + phase_rad
    watts = 5e-6 * (1 + change) * np.sin(angles / 2) ** 2
    return TapReadings(tuple(watts), (0.0, 0.0, 0.0), LEVELS.transmissions)


@pytest.mark.parametrize("change", [0.0, 0.01, -0.01])
def test_a_brighter_laser_changes_all_classes_alike(change):
    drifts = class_drifts(readings(0.0, change), LEVELS, 0.0)
    assert drifts == pytest.approx([abs(change)] * 3, abs=1e-9)


@pytest.mark.parametrize("phase_rad", [0.003, -0.003])
def test_a_bias_that_creeps_shows_in_the_dark_class(phase_rad):
    signal, decoy, vacuum = class_drifts(readings(phase_rad), LEVELS, 0.0)
    assert signal < 1e-4
    assert decoy == pytest.approx(1.22 * 0.003, rel=0.02)
    assert vacuum == pytest.approx(15.8 * 0.003, rel=0.03)


def test_intervals_hold_each_class_after_the_bias_has_crept():
    """The pattern's mean power alone would leave the dark class outside."""
    now = readings(0.01)
    narrow = tuple((m * 0.999, m * 1.001) for m in (0.5, 0.2, 0.002))
    wide = tuple((m * 0.95, m * 1.05) for m in (0.5, 0.2))
    drifts = class_drifts(now, LEVELS, 0.0)
    found = after_drift((*wide, narrow[2]), drifts)
    true = [
        m * w / was for m, w, was in zip(LEVELS.mean, now.watts, WATTS, strict=True)
    ]
    for (low, high), value in zip(found, true, strict=True):
        assert low <= value <= high
    pattern_w = float(np.dot((0.5, 0.3, 0.2), now.watts))
    common = power_drift([pattern_w] * 5, LEVELS, FRAME)
    assert true[2] > narrow[2][1] * (1 + common)


def test_the_scatter_of_both_readings_is_in_the_drift():
    again = TapReadings(WATTS, (3e-8, 0.0, 4e-10), LEVELS.transmissions)
    drifts = class_drifts(again, LEVELS, 0.0)
    assert drifts == pytest.approx((2.5758 * 0.006, 0.0, 2.5758 * 0.02), rel=1e-4)


def test_a_class_that_was_no_light_at_all_has_drifted_without_bound():
    assert class_drifts(readings(0.0), LEVELS, 3e-8)[2] == float("inf")


def test_each_interval_gets_wider_by_its_own_drift_on_both_sides():
    drifts = (0.01, 0.02, 0.3)
    found = after_drift(INTERVALS, drifts)
    for (low, high), (was_low, was_high), d in zip(
        found, INTERVALS, drifts, strict=True
    ):
        assert low == pytest.approx((1 - d) * was_low)
        assert high == pytest.approx((1 + d) * was_high)


@pytest.mark.parametrize(
    ("drifts", "name"),
    [
        ((0.0401, 0.0, 0.0), "signal"),
        ((float("nan"), 0.0, 0.0), "signal"),
        ((0.0, 0.051, 0.0), "decoy"),
        ((0.0, 0.0, 1.01), "vacuum"),
        ((0.0, 0.0, float("inf")), "vacuum"),
    ],
)
def test_light_that_left_its_interval_aborts(drifts, name):
    with pytest.raises(SecurityAbort, match=f"class {name}") as caught:
        after_drift(INTERVALS, drifts)
    assert caught.value.code is AbortCode.INTENSITY_OUTSIDE_INTERVAL


def attenuator(attenuation_db: float, *, is_open: bool = True):
    return SimpleNamespace(
        get_attenuation_db=lambda: attenuation_db,
        get_shutter_open=lambda: is_open,
        attenuator_capabilities=lambda: SimpleNamespace(resolution_db=0.001),
    )


def test_an_attenuator_that_stands_where_it_was_set_passes():
    check_attenuator(attenuator(34.0005), LEVELS)


@pytest.mark.parametrize("made", [attenuator(33.9), attenuator(34.0, is_open=False)])
def test_an_attenuator_that_somebody_moved_aborts(made):
    with pytest.raises(SecurityAbort, match="not as it was set") as caught:
        check_attenuator(made, LEVELS)
    assert caught.value.code is AbortCode.INTENSITY_OUTSIDE_INTERVAL
    assert caught.value.numbers["set_db"] == 34.0
