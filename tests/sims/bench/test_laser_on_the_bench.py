"""What each pulse of the bench's laser has of its own, found again in tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from world_stubs import StubBench, packaged_wiring

V_PI = 0.8
LINEAR = {name: {"saturation_v": 1e6} for name in ("amplifier_im", "amplifier_pm")}
QUICK = {d: {"recovery_tau_ps": 100.0} for d in ("d_x0", "d_x1", "d_z0", "d_z1")}
"""Wires that forget a click before the next pulse."""
PERIOD_PS = 10_000
ARRIVALS_PS = (122_507_500, 122_507_810, 122_508_240, 122_507_650)


def bench(pulses: dict[str, float], **changes: Any) -> StubBench:
    own = {"laser": {"pulses": pulses, "pulse_fwhm_ps": 60.0}}
    made = StubBench(3, **(LINEAR | QUICK | own | changes))
    made.generator.play([V_PI] * 64, [0.25 * V_PI] * 64)
    made.attenuator.db = 25.0
    return made


def pulses_of(made: StubBench, number: int) -> tuple[NDArray, NDArray]:
    """Return the pulses that clicked at an input, and how late each did, in ps."""
    since = made.tagger.times(number + 1) - ARRIVALS_PS[number]
    pulse = np.rint(since / PERIOD_PS).astype(np.int64)
    late = since - pulse * PERIOD_PS
    near = np.abs(late) < 2000
    return pulse[near], late[near]


def common(made: StubBench, a: int, b: int, lag: int = 0) -> tuple[NDArray, NDArray]:
    """Return how late two detectors click in pulses k and k + lag that both saw."""
    (k_a, t_a), (k_b, t_b) = pulses_of(made, a), pulses_of(made, b)
    _, i, j = np.intersect1d(k_a + lag, k_b, return_indices=True)
    return t_a[i], t_b[j]


def test_jitter_of_the_turn_on_is_common_to_all_photons_of_a_pulse() -> None:
    made = bench({"jitter_rms_ps": 40.0})
    made.run(20_000_000_000)
    first, second = common(made, 0, 1)
    n = len(first)
    assert n > 10_000
    covariance = float(np.mean(first * second) - first.mean() * second.mean())
    own = (60.0**2 + 50.0**2) / (8 * np.log(2))
    sigma = (40.0**2 + own) / np.sqrt(n)
    assert covariance == pytest.approx(40.0**2, abs=4 * sigma)
    assert np.var(first) == pytest.approx(40.0**2 + own, rel=0.04)


def test_a_bench_with_jitter_clicks_where_one_without_does() -> None:
    made = bench({"jitter_rms_ps": 40.0})
    made.run(10_000_000_000)
    for number in range(4):
        assert np.mean(pulses_of(made, number)[1]) == pytest.approx(0.0, abs=2.0)


def test_noise_and_its_memory_follow_from_joint_counts() -> None:
    made = bench({"noise_rms": 0.3, "noise_neighbour": -0.4})
    made.run(40_000_000_000)
    n_pulses = 40_000_000_000 // PERIOD_PS - 12_251
    one, two = (len(pulses_of(made, d)[0]) / n_pulses for d in (0, 1))
    for lag, expected in ((0, 0.3**2), (1, -0.4 * 0.3**2), (2, 0.0)):
        n = len(common(made, 0, 1, lag)[0])
        # a detector that clicks at most once sees ln(1/(1-p)) photons on the average
        seen = n / (one * two * n_pulses) - 1.0
        damped = expected * (1 - one) * np.log(1 / (1 - one)) / one
        damped *= (1 - two) * np.log(1 / (1 - two)) / two
        assert seen == pytest.approx(damped, abs=4.0 / np.sqrt(n) + 0.002)


def test_intensity_follows_the_six_pulses_before_as_stated() -> None:
    shares = (0.12, -0.05, 0.04, 0.0, -0.03, 0.06)
    made = bench({}, mzm={"memory": shares})
    rng = np.random.default_rng(1)
    bright = rng.random(600) < 0.5
    made.generator.play(np.where(bright, V_PI, V_PI / 3), [0.25 * V_PI] * 600)
    made.run(100_000_000_000)
    light = made.world.moment.conditions.light
    counts = np.zeros(600)
    for number in range(4):
        pulse = pulses_of(made, number)[0] - light.first_pulse
        counts += np.bincount(pulse % 600, minlength=600)
    power = np.where(bright, 1.0, 0.25)
    before = np.stack([np.roll(power, j) for j in range(1, 7)], axis=1)
    columns = np.column_stack((np.ones(600), before))[bright]
    # saturation: each detector clicks once a pulse at most
    repeats = 100_000_000_000 / PERIOD_PS / 600 * 4
    seen = -np.log1p(-counts[bright] / repeats)
    found, *_ = np.linalg.lstsq(columns, seen, rcond=None)
    residual = seen - columns @ found
    covariance = np.linalg.inv(columns.T @ columns) * residual.var(ddof=7)
    sigma = np.sqrt(np.diag(covariance))[1:] / found[0]
    assert np.all(sigma < 0.02)
    assert np.all(np.abs(found[1:] / found[0] - shares) < 4.5 * sigma)


@pytest.mark.parametrize(
    ("part", "fields", "match"),
    [
        ("laser", {"pulses": {"jitter_rms_ps": -1.0}}, "greater than or equal to 0"),
        ("laser", {"pulses": {"chirp": 200.0}}, "less than or equal to 100"),
        ("laser", {"pulses": {"noise_rms": 0.4}}, "less than or equal to 0.3"),
        ("mzm", {"memory": [0.1] * 7}, "at most 6"),
        ("mzm", {"memory": [-0.6, -0.6]}, "no light"),
    ],
)
def test_lasers_outside_physics_are_refused_at_load(part, fields, match) -> None:
    with pytest.raises(ValidationError, match=match):
        packaged_wiring(**{part: fields})
