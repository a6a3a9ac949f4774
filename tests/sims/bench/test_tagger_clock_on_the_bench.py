"""Offset, drift and lock of the tagger's clock, found again in tags of Alice's pulses.

Her pulses come every 10 ns of the world's time. Tags count from the beginning of the
recording, so their place in the period, unwrapped, is the error of the tagger's clock.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_bench import ByHand

PERIOD_PS = 10_000
STEP_S = 2e-3


def clock_error_s(
    duration_s: float, offset_ppm: float = 0.0, *, external: bool, **flaws: float
) -> NDArray[np.float64]:
    """Return by how much the tagger's clock is ahead, every 2 ms, less a constant."""
    options = {"offset_ppm": offset_ppm, "flaws": flaws}
    made = ByHand(
        instruments={
            "bob.tagger": {"options": options},
            "channel.attenuator": {"options": {"homed": True}},
        }
    )
    if external:
        made.say("control", "DEVI:SYNC EXTERNAL")
    made.bias([22.0] * 4)
    made.play(np.full(8000, 0.8), np.full(8000, 0.2))
    made.light(47.0)
    made.prepare_tags()
    made.say("control", "RAW1:INPO:REF:LINK NONE")
    t_ps = made.tags(duration_s)[0][:, 0].astype(np.int64)
    n_steps = round(duration_s / STEP_S)
    step = t_ps // round(STEP_S * 1e12)
    turns = 2.0 * np.pi / PERIOD_PS * (t_ps % PERIOD_PS)
    cosine, sine = (
        np.bincount(step, f(turns), n_steps)[:n_steps] for f in (np.cos, np.sin)
    )
    phase = np.unwrap(np.angle(cosine + 1j * sine))
    return np.asarray((phase - phase.mean()) / (2.0 * np.pi) * PERIOD_PS * 1e-12)


def test_the_offset_of_a_free_clock_is_recovered_from_tags() -> None:
    error_s = clock_error_s(0.4, 1.2, external=False)
    slope, _ = np.polyfit(STEP_S * np.arange(len(error_s)), error_s, 1)
    assert slope * 1e6 == pytest.approx(1.2, abs=1e-3)


def test_an_external_reference_takes_the_offset_away() -> None:
    error_s = clock_error_s(0.1, 1.2, external=True)
    slope, _ = np.polyfit(STEP_S * np.arange(len(error_s)), error_s, 1)
    assert slope * 1e6 == pytest.approx(0.0, abs=5e-3)


def test_the_drift_of_a_free_clock_is_recovered_from_tags() -> None:
    error_s = clock_error_s(5.0, external=False, walk_ppm_per_sqrt_s=0.2)
    mean_s = error_s.reshape(-1, 25).mean(axis=1)
    # second differences of means over T of a walk q of the frequency: 11/20 q^2 T^3
    walk = np.std(np.diff(mean_s, 2)) / math.sqrt(11 / 20 * 0.05**3)
    # 98 of them
    assert walk * 1e6 == pytest.approx(0.2, rel=0.3)


def test_bandwidth_and_drift_of_a_locked_clock_are_recovered_from_tags() -> None:
    error_s = clock_error_s(4.0, external=True, walk_ppm_per_sqrt_s=1.0, lock_hz=10.0)
    power = float(np.mean(error_s**2))
    lags = np.arange(1, 40)
    found = [np.mean(error_s[n:] * error_s[:-n]) / power for n in lags]
    # x (s + w)^2 = q: correlation exp(-w t) (1 + w t), variance q^2 / 4 w^3
    trial = np.arange(20.0, 180.0, 0.5)
    wt = np.outer(trial, lags * STEP_S)
    misses = np.sum((np.exp(-wt) * (1.0 + wt) - found) ** 2, axis=1)
    omega = trial[np.argmin(misses)]
    # some 100 independent stretches
    assert omega / (2.0 * np.pi) == pytest.approx(10.0, rel=0.25)
    assert math.sqrt(4.0 * omega**3 * power) * 1e6 == pytest.approx(1.0, rel=0.3)
