"""The low-pass of the simulated PM100D: what light and noise become behind it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab_sims.bench.power import PowerHistory
from qkdlab_sims.instruments.thorlabs_pm100d import Simulator
from qkdlab_sims.instruments.thorlabs_pm100d.noise import FilteredNoise
from qkdlab_sims.instruments.thorlabs_pm100d.sensor import SLOW_LAG_PS

MS = 1_000_000_000
SAMPLE_PS = 3 * MS
LEAST_P = 1e-4


def noise_by_steps(
    rng: np.random.Generator, span_ps: int, lag_ps: float, n: int
) -> np.ndarray:
    """Return averages of filtered white noise, integrated in small steps."""
    steps = 400
    dt = span_ps / steps
    level = rng.standard_normal(n) * math.sqrt(0.5 / lag_ps)
    total = np.zeros(n)
    for _ in range(steps):
        kick = rng.standard_normal(n) * math.sqrt(dt)
        before = level
        level = before + (kick - before * dt) / lag_ps
        total += 0.5 * (before + level) * dt
    return np.asarray(math.sqrt(SAMPLE_PS) * total / span_ps)


def readings(span_ps: int, lag_ps: float, n: int, gap_ps: int) -> np.ndarray:
    noise = FilteredNoise(np.random.default_rng(3), SAMPLE_PS)
    begins = [k * (span_ps + gap_ps) for k in range(n)]
    return np.array([noise.mean(t, t + span_ps, lag_ps) for t in begins])


@pytest.mark.parametrize("span_ms", [3, 30])
def test_noise_is_as_wide_as_that_integrated_step_by_step(span_ms: int) -> None:
    n, span_ps = 4000, span_ms * MS
    found = readings(span_ps, SLOW_LAG_PS, n, gap_ps=200 * MS)
    plain = noise_by_steps(np.random.default_rng(4), span_ps, SLOW_LAG_PS, 20_000)
    total = n * np.var(found) / np.var(plain)
    assert LEAST_P < chi2.sf(total, n) < 1 - LEAST_P
    # a mutant without the low-pass
    assert chi2.sf(total * np.var(plain) / (SAMPLE_PS / span_ps), n) > 1 - LEAST_P


def test_readings_one_right_after_the_other_err_alike() -> None:
    found = readings(SAMPLE_PS, SLOW_LAG_PS, 4000, gap_ps=0)
    assert np.corrcoef(found[1:], found[:-1])[0, 1] > 0.5


def test_readings_far_apart_err_each_by_itself() -> None:
    found = readings(SAMPLE_PS, SLOW_LAG_PS, 4000, gap_ps=200 * MS)
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / math.sqrt(4000)


class Lit:
    """A meter in light that is switched on at 1 s."""

    def __init__(self, filtered: bool) -> None:
        self.power = PowerHistory()
        self.power.set(1000 * MS, 2e-6)
        self.sim = Simulator(dark_current_a=0.0, noise_of_range=0.0)
        self.sim.light = self.power.lagging_w
        self.machine = self.sim.endpoints["control"]
        self.ask(f"INP:FILT {filtered:d}", 0)

    def ask(self, message: str, now_ps: int) -> bytes:
        self.machine.feed(message.encode() + b"\n", now_ps)
        while (wake_ps := self.machine.next_wake_ps()) is not None:
            now_ps = max(now_ps, wake_ps)
            if answer := self.machine.take(now_ps):
                return answer
        return b""

    def missing(self, after_ms: float) -> float:
        """Return what a reading of 3 ms lacks, so long after the light came."""
        watts = float(self.ask("MEAS:POW?", round((1000 + after_ms) * MS)))
        return 1.0 - watts / 2e-6


@pytest.mark.parametrize("after_ms", [0.0, 10.0, 40.0])
def test_behind_the_low_pass_new_light_comes_in_slowly(after_ms: float) -> None:
    lag_ms = SLOW_LAG_PS / MS
    x = 3.0 / lag_ms
    expected = math.exp(-after_ms / lag_ms) * (1.0 - math.exp(-x)) / x
    assert Lit(filtered=True).missing(after_ms) == pytest.approx(expected, rel=1e-3)


def test_without_the_low_pass_it_comes_at_once() -> None:
    assert abs(Lit(filtered=False).missing(0.1)) < 1e-6


def test_the_low_pass_remembers_light_that_came_before_it_was_asked() -> None:
    lit = Lit(filtered=True)
    lit.power.set(1005 * MS, 0.0)
    lag_ms = SLOW_LAG_PS / MS
    left = (1.0 - math.exp(-5.0 / lag_ms)) * math.exp(-5.0 / lag_ms)
    x = 3.0 / lag_ms
    expected = left * (1.0 - math.exp(-x)) / x
    assert 1.0 - lit.missing(10.0) == pytest.approx(expected, rel=1e-3)
