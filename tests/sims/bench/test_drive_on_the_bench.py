"""What a drive does to its pulses, found again in power at the tap and in counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from world_stubs import TICK_PS, StubBench

Floats = NDArray[np.float64]
V_PI_V, GAIN = 4.0, 5.0
LINEAR = {name: {"saturation_v": 1e6} for name in ("amplifier_im", "amplifier_pm")}
QUICK = {d: {"recovery_tau_ps": 100.0} for d in ("d_x0", "d_x1", "d_z0", "d_z1")}
LOW_V, HIGH_V = 0.25 * V_PI_V / GAIN, 0.75 * V_PI_V / GAIN
HALF = 64
STEP = [LOW_V] * HALF + [HIGH_V] * HALF


def volts_of(share: Floats, extinction_db: float = 35.0) -> Floats:
    """Return the modulator's volts for a share of its full transmission."""
    leak = 10.0 ** (-extinction_db / 10.0)
    contrast = (1.0 - leak) / (1.0 + leak)
    cosine = (1.0 - share * (1.0 + contrast)) / contrast
    return np.asarray(V_PI_V / math.pi * np.arccos(np.clip(cosine, -1.0, 1.0)))


def counts_by_symbol(levels_v: list[float], **changes: Any) -> Floats:
    made = StubBench(3, **(LINEAR | QUICK | changes))
    made.generator.play(levels_v, [0.0] * len(levels_v))
    made.attenuator.db = 33.0
    made.run(80_000_000_000)
    light = made.world.moment.light
    total = np.zeros(len(levels_v))
    for way in made.world.ways.detectors:
        assert way.tagger_input is not None
        since = made.tagger.times(way.tagger_input) - way.arrival_ps - light.delay_ps
        pulse = np.rint(since / 10_000).astype(int) - light.first_pulse
        total += np.bincount(pulse % len(levels_v), minlength=len(levels_v))
    return total


@pytest.fixture(scope="module")
def full() -> float:
    """Counts of a symbol at full transmission."""
    return float(counts_by_symbol([V_PI_V / GAIN] * 2 * HALF).mean())


def fades(t_s: Floats, first_v: float, rate_hz: float) -> Floats:
    return np.asarray(first_v * np.exp(-2 * math.pi * rate_hz * t_s))


T_S = np.arange(1, HALF) * 10e-9
"""Behind the step; the first symbol holds the edge itself."""


def test_bandwidth_is_recovered_from_counts_behind_a_step(full: float) -> None:
    counts = counts_by_symbol(STEP, mzm={"bandwidth_hz": 4e6})
    missing_v = 0.75 * V_PI_V - volts_of(counts[HALF + 1 :] / full)
    (_, bandwidth_hz), _ = curve_fit(fades, T_S, missing_v, (1.0, 1e6))
    assert bandwidth_hz == pytest.approx(4e6, rel=0.06)


def test_corner_of_a_coupling_is_recovered_from_its_droop(full: float) -> None:
    coupled = LINEAR["amplifier_im"] | {"ac_coupling_hz": 3e5}
    counts = counts_by_symbol(STEP, amplifier_im=coupled)
    high_v = volts_of(counts[HALF + 1 :] / full)
    (_, corner_hz), _ = curve_fit(fades, T_S, high_v, (1.0, 1e5))
    assert corner_hz == pytest.approx(3e5, rel=0.05)


def tap_power_w(made: StubBench, level_v: float) -> float:
    made.generator.play([level_v] * 64, [0.0] * 64)
    now_ps = made.tagger.complete_ps + 10 * TICK_PS
    made.run(now_ps)
    return made.world.power_w("tap_meter", now_ps - 2 * TICK_PS, now_ps)


def test_saturation_of_the_amplifier_is_recovered_from_the_tap() -> None:
    made = StubBench(amplifier_im={"saturation_v": 5.0, "gain": 4.5})
    made.attenuator.is_open = False
    levels_v = np.linspace(0.1, 1.0, 10)
    powers_w = np.array([tap_power_w(made, v) for v in levels_v])

    def law(v: Floats, full_w: float, gain: float, saturation_v: float) -> Floats:
        volts = saturation_v * np.tanh(gain * v / saturation_v)
        return np.asarray(full_w * np.sin(math.pi * volts / (2 * V_PI_V)) ** 2)

    start = float(powers_w.max()), 5.0, 6.0
    (_, gain, saturation_v), _ = curve_fit(law, levels_v, powers_w, start)
    assert gain == pytest.approx(4.5, rel=0.01)
    assert saturation_v == pytest.approx(5.0, rel=0.02)


def test_extinction_is_recovered_from_the_tap() -> None:
    made = StubBench(mzm={"extinction_db": 22.0}, **LINEAR)
    made.attenuator.is_open = False
    dark_w, full_w = (tap_power_w(made, v) for v in (0.0, V_PI_V / GAIN))
    assert 10 * math.log10(full_w / dark_w) == pytest.approx(22.0, abs=0.05)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("isolator", "loss_db"),
        ("mzm", "insertion_loss_db"),
        ("pm", "insertion_loss_db"),
        ("fibre", "excess_loss_db"),
        ("receiver_loss", "loss_db"),
    ],
)
def test_insertion_losses_are_recovered_from_counts(part: str, key: str) -> None:
    rates = []
    for loss_db in (3.0, 5.0):
        still = {"fibre": {"drift_rad_per_sqrt_s": 0.0}}
        fields = still.get(part, {}) | {key: loss_db}
        made = StubBench(5, **(QUICK | still | {part: fields}))
        made.generator.play([0.8] * 64, [0.0] * 64)
        made.attenuator.db = 42.0
        rates.append(made.rates_hz(0.05).sum())
    # some 25 000 counts
    assert 10 * math.log10(rates[0] / rates[1]) == pytest.approx(2.0, abs=0.15)
