"""Three powers tell how far the null has moved, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.null_tracking import null_offset_v, null_valid_for_s

V_PI_V, DITHER_V, LEAK = 5.0, 0.5, 3e-4


def power_w(volts_from_null: float) -> float:
    return 1e-6 * (LEAK + np.sin(np.pi * volts_from_null / (2 * V_PI_V)) ** 2)


def readings(offset_v: float, noise_w: float = 0.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [
        power_w(at - offset_v) + noise_w * rng.standard_normal(8)
        for at in (-DITHER_V, 0.0, DITHER_V)
    ]


@pytest.mark.parametrize("offset_v", [-2.4, -0.3, 0.0, 0.05, 1.0, 2.4, 4.0])
def test_the_null_is_found_exactly(offset_v):
    found = null_offset_v(*readings(offset_v), DITHER_V, V_PI_V)
    assert found.value == pytest.approx(offset_v, abs=1e-9)
    assert found.uncertainty == pytest.approx(0.0, abs=1e-9)


def test_the_uncertainty_is_that_of_the_errors():
    found = [
        null_offset_v(*readings(0.2, 2e-10, seed), DITHER_V, V_PI_V)
        for seed in range(300)
    ]
    z = np.array([(one.value - 0.2) / one.uncertainty for one in found])
    # eight readings know their scatter to a quarter only
    assert 0.85 < np.sqrt(np.mean(z**2)) < 1.35


WALK, CREEP, SHARE = 3e-4, 0.01, 0.002 / 0.5


def test_the_null_of_the_reference_bench_is_good_for_half_an_hour() -> None:
    assert null_valid_for_s(SHARE, WALK, CREEP) == pytest.approx(1970.0, abs=20.0)


def test_the_share_of_doubled_vacuums_is_that_of_four_deviations() -> None:
    seconds = null_valid_for_s(SHARE, WALK, CREEP)
    slope = 1 / np.tan(np.arcsin(np.sqrt(SHARE)))
    rng = np.random.default_rng(2)
    walked = WALK * np.sqrt(seconds) * rng.standard_normal(1_000_000)
    assert np.mean(slope * (np.abs(walked) + CREEP) > 1.0) < 1.5e-4
    assert np.mean(slope * (np.abs(1.5 * walked) + CREEP) > 1.0) > 3e-3


def test_a_restless_modulator_holds_its_null_for_seconds() -> None:
    assert null_valid_for_s(SHARE, 10 * WALK, CREEP) == pytest.approx(19.7, abs=0.2)


def test_a_modulator_that_creeps_too_far_holds_none() -> None:
    assert null_valid_for_s(SHARE, WALK, 0.1) == 0.0


def test_a_modulator_at_rest_holds_its_null_for_a_day() -> None:
    assert null_valid_for_s(SHARE, 0.0, CREEP) == 86_400.0
