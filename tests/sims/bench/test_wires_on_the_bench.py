"""Nanowires of the bench: bias, temperature, polarization, found again in counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import curve_fit
from scipy.special import erf
from world_stubs import StubBench, packaged_wiring


def bench(db: float = 45.0, **wire: Any) -> StubBench:
    made = StubBench(7, d_x0={"recovery_tau_ps": 100.0} | wire)
    made.generator.play([0.8] * 64, [0.0] * 64)
    made.attenuator.db = db
    return made


def sweep(made: StubBench, bias_ua: NDArray[np.float64], each_s: float) -> Any:
    """Return the rate of the first detector at each bias."""
    rates = []
    for current in bias_ua:
        made.bias.currents_ua[0] = float(current)
        made.run(made.tagger.complete_ps + 10**9)
        rates.append(made.rates_hz(each_s)[0])
    return np.array(rates)


def test_efficiency_by_bias_is_recovered_from_counts() -> None:
    bias_ua = np.linspace(8.0, 22.0, 15)
    rates = sweep(bench(i_half_ua=14.6, width_ua=2.7), bias_ua, 0.03)

    def law(x: Any, top: float, half_ua: float, width_ua: float) -> Any:
        return 0.5 * top * (1.0 + erf((x - half_ua) / width_ua))

    (_, half_ua, width_ua), _ = curve_fit(law, bias_ua, rates, (1e5, 13.0, 2.0))
    assert half_ua == pytest.approx(14.6, abs=0.1)
    assert width_ua == pytest.approx(2.7, abs=0.15)


def dark_line(made: StubBench) -> tuple[float, float]:
    """Return slope and current of 1 Hz of the dark counts above their floor."""
    made.attenuator.is_open = False
    floor_hz = sweep(made, np.array([20.0]), 3.0)[0]
    bias_ua = np.linspace(26.0, 28.0, 5)
    above_hz = sweep(made, bias_ua, 0.8) - floor_hz
    slope, offset = np.polyfit(bias_ua, np.log(above_hz), 1, w=np.sqrt(above_hz))
    return float(slope), float(-offset / slope)


def test_dark_counts_by_bias_are_recovered_from_counts() -> None:
    slope, i0_ua = dark_line(bench(dark_i0_ua=22.5, dark_slope_per_ua=1.7))
    assert slope == pytest.approx(1.7, rel=0.05)
    assert i0_ua == pytest.approx(22.5, abs=0.25)


def test_a_warmer_wire_switches_and_counts_darks_at_a_lower_bias() -> None:
    made = bench(dark_i0_ua=24.0, switching_current_ua=30.0, temperature_k=3.0)
    # Bardeen: (1 - (T / 9 K)^2)^(3/2) against that at 2.5 K
    lower_ua = 30.0 * (1 - ((1 - 9 / 81) / (1 - 6.25 / 81)) ** 1.5)
    assert 1.5 < lower_ua < 2.0
    assert dark_line(made)[1] == pytest.approx(24.0 - lower_ua, abs=0.25)
    bias_ua, millivolts = np.arange(26.0, 31.0, 0.1), 0.0
    for current in bias_ua:
        made.bias.currents_ua[0] = float(current)
        made.run(made.tagger.complete_ps + 10**9)
        millivolts = made.world.voltages_mv(0)[0]
        if millivolts > 1000.0:
            break
    assert current == pytest.approx(30.0 - lower_ua, abs=0.11)


def test_the_retrapping_current_is_recovered_from_voltages() -> None:
    made = bench(switching_current_ua=28.1, retrapping_ua=9.0)
    for current in (29.0, *np.arange(15.0, 5.0, -0.5)):
        made.bias.currents_ua[0] = float(current)
        made.run(made.tagger.complete_ps + 10**9)
        if made.world.voltages_mv(0)[0] < 100.0:
            break
    assert current == pytest.approx(9.0, abs=0.5)


def test_axis_and_ratio_of_polarization_are_recovered_from_counts() -> None:
    # behind the splitter the first wire's light is horizontal, the second's vertical
    axes_deg = np.arange(0.0, 180.0, 45.0)
    rates = []
    for axis in axes_deg:
        wire = {
            "recovery_tau_ps": 100.0,
            "polarization_ratio": 0.6,
            "polarization_axis_deg": float(axis),
        }
        made = StubBench(7, d_x0=wire, d_x1=wire, pbs_x={"extinction_db": 60.0})
        made.generator.play([0.8] * 64, [0.0] * 64)
        made.attenuator.db = 35.0
        rates.append(made.rates_hz(0.1)[:2])
    turns = np.exp(2j * np.radians(axes_deg)) @ np.array(rates)
    axis_deg = np.degrees(np.angle(turns)) / 2 % 180.0
    assert (axis_deg + 45.0) % 180.0 - 45.0 == pytest.approx([0.0, 90.0], abs=3.0)
    swing = 2 * np.abs(turns) / np.sum(rates, axis=0)
    assert (1 - swing) / (1 + swing) == pytest.approx([0.6, 0.6], rel=0.04)


@pytest.mark.parametrize(
    "fields", [{"temperature_k": 9.5}, {"rated_k": 9.0}, {"temperature_k": -1.0}]
)
def test_wires_that_do_not_superconduct_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"critical_k, 9 K|greater than or equal"):
        packaged_wiring(d_x0=fields)


def test_the_recovery_is_recovered_from_the_gaps_between_clicks() -> None:
    made = bench(db=25.0, recovery_tau_ps=12_000.0)
    made.run(10**10)
    gaps = np.diff(made.tagger.times(1))
    periods = np.rint(gaps / 10_000).astype(int)
    seen = np.bincount(periods, minlength=40)[1:40]
    at_risk = len(gaps) - np.concatenate(([0], np.cumsum(seen)[:-1]))
    hazard = seen / at_risk
    full = hazard[15:].mean()
    current_ua = 22.0 * -np.expm1(-np.arange(1, 6) / 1.2)
    share = [(1 + math.erf((i - 14.0) / 3.0)) / 2 for i in current_ua]
    assert hazard[:5] / full == pytest.approx(share, abs=0.05)
