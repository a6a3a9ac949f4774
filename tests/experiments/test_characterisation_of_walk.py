"""Lateness, jitter, gates and thresholds come back from tags by what came before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from spad_bench import ARRIVAL_PS, PERIOD_PS, kernel_clicks, photons

from qkdlab.calibration.measured import Measured
from qkdlab_experiments.characterisation.double_pulse import second_click_ratio
from qkdlab_experiments.characterisation.gate_profile import gate_profile
from qkdlab_experiments.characterisation.rates import dark_rate, pulsed_efficiency
from qkdlab_experiments.characterisation.walk import arrivals_by_gap
from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.readout.parameters import Readout
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad

WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=8.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=0.0,
    dark_i0_ua=60.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=30_000.0,
    jitter_fwhm_ps=200.0,
)


def wire_tags(readout, mean=0.05, ticks=40):
    wire = replace(WIRE, readout=readout)
    state = DetectorState(DetectorBank((wire,), (ARRIVAL_PS,), PERIOD_PS, 4))
    state.set_bias([22.0])
    light = Light(np.array([[math.sqrt(mean) + 0j, 0.0]]), 1550.0)
    path = np.array([[1.0, 1.0, 0.0, 0.0]]) * wire.efficiency(22.0)
    end = ticks * PULSES_PER_TICK
    return simulate_pulses(state, light, path, 0, end).times_ps[0]


def bins(longest):
    """Bins of gaps about each number of periods."""
    return (np.arange(0, longest + 1) + 0.5) * PERIOD_PS


def height(gap_ps):
    return -math.expm1(-gap_ps / WIRE.recovery_tau_ps)


def test_walk_of_a_diode_fades_with_the_time_since_the_hold_off():
    diode = Spad(
        efficiency=0.25,
        dark_rate_hz=0.0,
        dead_time_ps=40_000,
        jitter_fwhm_ps=200.0,
        walk_ps=600.0,
        walk_tau_ps=50_000.0,
    )
    tags = kernel_clicks(diode, photons(0.05, 40, 2), 40, 1)
    for entry in arrivals_by_gap(tags, PERIOD_PS, ARRIVAL_PS, bins(20)):
        truth = 600.0 * math.exp(-(entry.gap_ps - 40_000) / 50_000.0)
        assert abs(entry.late_ps.value - truth) < 4.5 * entry.late_ps.uncertainty + 3.0


def test_walk_of_a_wire_follows_the_height_of_its_pulse():
    tags = wire_tags(Readout(walk_ps=300.0))
    entries = arrivals_by_gap(tags, PERIOD_PS, ARRIVAL_PS, bins(12))
    assert len(entries) > 8
    for entry in entries[1:]:
        truth = 300.0 * (1.0 / height(entry.gap_ps) - 1.0)
        assert abs(entry.late_ps.value - truth) < 4.5 * entry.late_ps.uncertainty + 3.0


def test_jitter_of_a_wire_grows_as_its_pulse_falls():
    tags = wire_tags(Readout(grows_jitter=True))
    for entry in arrivals_by_gap(tags, PERIOD_PS, ARRIVAL_PS, bins(12))[1:]:
        truth = 200.0 / 2.35482 / height(entry.gap_ps)
        assert abs(entry.rms_ps.value - truth) < 4.5 * entry.rms_ps.uncertainty + 1.0


def test_without_growth_the_jitter_is_one():
    tags = wire_tags(Readout())
    for entry in arrivals_by_gap(tags, PERIOD_PS, ARRIVAL_PS, bins(12)):
        assert abs(entry.rms_ps.value - 84.93) < 4.5 * entry.rms_ps.uncertainty


@pytest.mark.parametrize("threshold", [0.4, 0.7, 0.9])
def test_threshold_comes_from_the_shortest_gap(threshold):
    """Pulses every 10 ns: the threshold lies between the heights of two gaps."""
    tags = wire_tags(Readout(threshold=threshold))
    shortest = int(np.round(np.diff(tags).min() / PERIOD_PS)) * PERIOD_PS
    assert height(shortest - PERIOD_PS) < threshold <= height(shortest)


def test_gate_comes_from_dark_counts():
    gate = Gate(period_ps=PERIOD_PS, width_ps=4_000, lead_ps=1_000, edge_ps=800)
    diode = Spad(
        efficiency=0.1,
        dark_rate_hz=2e6,
        dead_time_ps=20_000,
        jitter_fwhm_ps=50.0,
        gate=gate,
    )
    tags = kernel_clicks(diode, photons(0.0, 250, 1), 250, 3)
    found = gate_profile(tags, PERIOD_PS, 100)
    opening = ARRIVAL_PS - 1_000 + 400  # half way up the edge
    assert abs(found.opening_ps.value - opening) < 4.0 * found.opening_ps.uncertainty
    assert abs(found.width_ps.value - 3_200) < 4.0 * found.width_ps.uncertainty
    assert found.width_ps.uncertainty < 150


@pytest.mark.parametrize(("temperature_k", "bias_v"), [(233.0, 68.5), (253.0, 69.5)])
def test_laws_of_bias_and_temperature_come_from_rates(temperature_k, bias_v):
    """Dark rate and efficiency of a moved diode, by counting, as the laws say."""
    rated = Spad(efficiency=0.2, dark_rate_hz=20_000.0, dead_time_ps=10_000)
    moved = rated.at(bias_v, temperature_k)
    seconds = 400 * PULSES_PER_TICK * PERIOD_PS * 1e-12
    darks = len(kernel_clicks(moved, photons(0.0, 400, 1), 400, 5)) / seconds
    excess = bias_v - 65.0 - 0.1 * (temperature_k - 233.0)
    colder = 1.0 / temperature_k - 1.0 / 233.0
    law = 20_000.0 * math.exp(0.7 * (excess - 2.5) - 0.25 / 8.617333e-5 * colder)
    law /= 1.0 + law * 1e-8
    assert abs(darks - law) < 4.0 * math.sqrt(law / seconds)
    gain = math.expm1(-excess / 3.0) / math.expm1(-2.5 / 3.0)
    assert moved.efficiency == pytest.approx(0.2 * gain)


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_double_pulses_show_the_recovery_of_a_wire(steps):
    """Efficiency after a click: erf law of the current that has come back."""
    every, ticks, mean = 64, 100, 0.3
    photons_of = np.zeros(every)
    photons_of[0] = photons_of[steps] = mean
    wire = replace(WIRE, i_half_ua=14.0, recovery_tau_ps=12_000.0)
    state = DetectorState(DetectorBank((wire,), (ARRIVAL_PS,), PERIOD_PS, 4))
    state.set_bias([22.0])
    light = Light(np.sqrt(photons_of)[:, None] * np.array([[1.0 + 0j, 0.0]]), 1550.0)
    path = np.array([[1.0, 1.0, 0.0, 0.0]]) * wire.efficiency(22.0)
    n = ticks * PULSES_PER_TICK
    tags = simulate_pulses(state, light, path, 0, n).times_ps[0]
    first = np.arange(n // every, dtype=np.int64) * every * PERIOD_PS + ARRIVAL_PS
    ratio = second_click_ratio(tags, first, steps * PERIOD_PS, 2_000)
    current_ua = 22.0 * -math.expm1(-steps * PERIOD_PS / 12_000.0)
    share = wire.efficiency(current_ua) / wire.efficiency(22.0)
    seen = mean * wire.efficiency(22.0)
    truth = math.expm1(-seen * share) / math.expm1(-seen)
    assert abs(ratio.value - truth) < 4.0 * ratio.uncertainty
    assert ratio.uncertainty < 0.03


def test_dark_rate_and_efficiency_of_a_wire_come_from_counts():
    wire = replace(WIRE, dark_floor_hz=5_000.0, recovery_tau_ps=5_000.0)
    state = DetectorState(DetectorBank((wire,), (ARRIVAL_PS,), PERIOD_PS, 5))
    state.set_bias([22.0])
    path = np.array([[1.0, 1.0, 0.0, 0.0]]) * wire.efficiency(22.0)
    n = 400 * PULSES_PER_TICK
    pattern = np.zeros((100, 2), complex)
    dark = Light(pattern, 1550.0)
    tags = simulate_pulses(state, dark, path, 0, n).times_ps[0]
    measured = dark_rate(len(tags), n * PERIOD_PS * 1e-12)
    truth = wire.dark_rate_hz(22.0)
    assert abs(measured.value - truth) < 4.0 * measured.uncertainty
    pattern[0, 0] = math.sqrt(0.4)
    shone = Light(pattern, 1550.0)
    tags = simulate_pulses(state, shone, path, n, 2 * n).times_ps[0]
    clicks = int(np.sum((tags - ARRIVAL_PS + 1_000) % (100 * PERIOD_PS) < 2_000))
    dark_clicks = truth * 2e-9 * (n // 100)
    eta = pulsed_efficiency(Measured(0.4, 0.0), clicks, dark_clicks, n // 100)
    assert abs(eta.value - wire.efficiency(22.0)) < 4.0 * eta.uncertainty
    assert eta.uncertainty < 0.01
