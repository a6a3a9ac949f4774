"""Drift of the light during a block: into the intervals, or an abort."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab_experiments.drift import after_drift, check_attenuator, power_drift
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


def test_intervals_get_wider_by_it_on_both_sides():
    found = after_drift(INTERVALS, 0.01)
    for (low, high), (was_low, was_high) in zip(found, INTERVALS, strict=True):
        assert low == pytest.approx(0.99 * was_low)
        assert high == pytest.approx(1.01 * was_high)


@pytest.mark.parametrize("drift", [0.0401, 1.0, float("nan")])
def test_light_that_left_its_interval_aborts(drift):
    with pytest.raises(SecurityAbort) as caught:
        after_drift(INTERVALS, drift)
    assert caught.value.code is AbortCode.INTENSITY_OUTSIDE_INTERVAL
    assert caught.value.numbers["limit"] == pytest.approx(0.04)


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
