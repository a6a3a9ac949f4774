"""How well a motor keeps its angle, found again in counts of repeated settings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from raw_bench import ALIGNED, ByHand
from scipy.stats import chi2

SPREAD = ALIGNED | {"plate_accuracy_deg": 1.0, "plate_zero_deg": 0.0}
HALF_WAVE = 1
"""Its address on the bus."""


def contrasts(made: ByHand, angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n, 2]: contrast of the X detectors after each move, its noise."""
    found = []
    for angle_deg in angles_deg.tolist():
        made.turn(HALF_WAVE, angle_deg)
        one, two = made.count_rates_hz(1)[:2] * 0.1
        contrast = (one - two) / (one + two)
        found.append((contrast, math.sqrt((1 - contrast**2) / (one + two))))
    return np.array(found)


def test_accuracy_of_a_motor_is_recovered_from_repeated_settings() -> None:
    made = ByHand(spread=SPREAD)
    made.bias([22.0] * 4)
    made.play(np.full(800, 0.8), np.full(800, 0.2))
    made.light(48.0)
    # a half-wave plate at a gives cos(4a), sin(4a)
    round_deg = np.arange(8) * 11.25
    turns = np.exp(4j * np.radians(round_deg))
    swing = 2 * np.mean(contrasts(made, round_deg)[:, 0] * turns)
    assert abs(swing) > 0.3  # the light is turned by the fibre, as the seed has it
    steepest_deg = (math.degrees(np.angle(swing)) + 90.0) % 360.0 / 4
    there_and_back = np.tile(steepest_deg + np.array([0.0, 45.0]), 10)
    found, noise = contrasts(made, there_and_back).T
    rounds = found.reshape(10, 2)
    scatter = ((rounds - rounds.mean(axis=0)) ** 2).sum() - (noise**2).sum()
    accuracy_rad = math.sqrt(scatter / 18) / (4 * abs(swing))
    # 0.44 to 1.65 times the truth, one degree
    low, high = np.sqrt(np.array(chi2.interval(1 - 2e-4, 18)) / 18)
    assert low < math.degrees(accuracy_rad) < high
