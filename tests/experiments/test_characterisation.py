"""Parameters put into simulated detectors come back from their tags alone.

Each estimate must lie within 4 of its own standard uncertainties of the truth, and be
sharper than a stated share of it.
"""

from __future__ import annotations

import numpy as np
import pytest
from spad_bench import ARRIVAL_PS, PERIOD_PS, TICK_PS, kernel_clicks, photons

from qkdlab.calibration.measured import Measured
from qkdlab_experiments.characterisation.double_pulse import second_click_ratio
from qkdlab_experiments.characterisation.hazard import inter_click_hazard
from qkdlab_experiments.characterisation.hbt import g2_at_zero, pulsed_coincidences
from qkdlab_experiments.characterisation.inter_click import afterpulse_sum
from qkdlab_experiments.characterisation.rates import (
    dark_rate,
    mean_photons,
    pulsed_efficiency,
)
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import afterpulse_mean, traps_of

DIODE = Spad(
    efficiency=0.25,
    dark_rate_hz=20_000.0,
    dead_time_ps=1_000_000,
    recovery_tau_ps=150_000.0,
    traps=traps_of(0.2, (800_000.0, 9_000_000.0), (0.4, 0.6), 1e6),
)


def found(measured: Measured, truth: float, sharp: float) -> bool:
    """Whether an estimate is near the truth by its own measure, and sharp."""
    near = abs(measured.value - truth) < 4.0 * measured.uncertainty
    return near and measured.uncertainty < sharp * truth


def test_gaps_without_traps_show_no_afterpulses():
    plain = Spad(efficiency=0.25, dark_rate_hz=50_000.0, dead_time_ps=1_000_000)
    tags = kernel_clicks(plain, photons(0.0, 6_000, 5), 6_000, 3)
    hazard = inter_click_hazard(tags, np.geomspace(1.5e6, 2e8, 60))
    share = afterpulse_sum(hazard, 4e7)
    assert abs(share.value) < 4.0 * share.uncertainty
    assert share.uncertainty < 0.05


def test_ancestors_add_to_what_follows_a_click():
    tags = kernel_clicks(DIODE, photons(0.0, 8_000, 8), 8_000, 1)
    hazard = inter_click_hazard(tags, np.geomspace(2e6, 1.5e8, 60))
    truth = afterpulse_mean(DIODE.traps, 2_000_000)
    excess = afterpulse_sum(hazard, 6e7)
    assert excess.value - 4.0 * excess.uncertainty > truth


@pytest.mark.parametrize("steps", [2, 6, 11, 20, 60])
def test_double_pulses_show_the_recovery(steps):
    """Pairs of pulses 120 periods apart; the diode holds off for 40 ns."""
    diode = Spad(
        efficiency=0.2,
        dark_rate_hz=0.0,
        dead_time_ps=40_000,
        recovery_tau_ps=80_000.0,
        jitter_fwhm_ps=200.0,
    )
    n_ticks, every = 150, 128
    first = np.arange((n_ticks << 16) // every, dtype=np.int64) * every * PERIOD_PS
    first += ARRIVAL_PS
    rng = np.random.default_rng(steps)
    light = np.concatenate(
        [
            np.repeat(pulse, rng.poisson(0.3, len(pulse)))
            for pulse in (first, first + steps * PERIOD_PS)
        ]
    )
    tags = kernel_clicks(diode, np.sort(light), n_ticks, steps)
    ratio = second_click_ratio(tags, first, steps * PERIOD_PS, 2_000)
    since = steps * PERIOD_PS - 40_000
    share = 1.0 - np.exp(-since / 80_000.0) if since > 0 else 0.0
    truth = (1.0 - np.exp(-0.3 * share)) / (1.0 - np.exp(-0.3))
    assert abs(ratio.value - truth) < 4.0 * ratio.uncertainty
    assert ratio.uncertainty < 0.02


def test_dark_rate_comes_from_counts_without_light():
    quiet = Spad(efficiency=0.25, dark_rate_hz=20_000.0, dead_time_ps=1_000_000)
    tags = kernel_clicks(quiet, photons(0.0, 1_500, 1), 1_500, 5)
    seconds = 1_500 * TICK_PS * 1e-12
    assert found(dark_rate(len(tags), seconds, 1e-6), 20_000.0, 0.01)


def test_efficiency_comes_from_power():
    """Every 128th pulse has 0.4 photons; the diode at rest takes a quarter."""
    n_ticks, every = 400, 128
    diode = Spad(efficiency=0.25, dark_rate_hz=2_000.0, dead_time_ps=1_000_000)
    tags = kernel_clicks(diode, photons(0.1, n_ticks, 9, every), n_ticks, 6)
    near = (tags - ARRIVAL_PS + 6_000) % (every * PERIOD_PS) < 12_000
    rate_hz = 1e12 / (every * PERIOD_PS)
    power_w = Measured(0.4 * 1.2816e-19 * rate_hz, 0.004 * 1.2816e-19 * rate_hz)
    light = mean_photons(power_w, 1550.0, rate_hz)
    pulses = (n_ticks << 16) // every
    darks = 2_000.0 * 12e-9 * pulses
    found_eta = pulsed_efficiency(light, int(near.sum()), darks, pulses)
    assert found(found_eta, 0.25, 0.02)


@pytest.mark.parametrize(("law", "truth"), [("coherent", 1.0), ("thermal", 2.0)])
def test_g2_behind_a_splitter_is_that_of_the_light(law, truth):
    n_ticks, mean = 60, 0.02
    rng = np.random.default_rng(12)
    n_pulses = n_ticks << 16
    means = np.full(n_pulses, mean)
    if law == "thermal":
        means = rng.exponential(mean, n_pulses)
    diode = Spad(efficiency=0.5, dark_rate_hz=100.0, dead_time_ps=20_000)
    tags = []
    for d in range(2):
        pulse = np.repeat(np.arange(n_pulses), rng.poisson(means))
        tags.append(kernel_clicks(diode, pulse * PERIOD_PS + ARRIVAL_PS, n_ticks, d))
    counts = pulsed_coincidences(*tags, PERIOD_PS, 10, 2_000)
    # a click needs one photon of a pulse: both detectors saturate in bright pulses
    click = 1.0 - np.exp(-means)
    expected = float(np.mean(click**2) / np.mean(click) ** 2)
    g2 = g2_at_zero(counts)
    assert abs(g2.value - expected) < 4.0 * g2.uncertainty
    assert expected == pytest.approx(truth, rel=0.05)
    assert g2.uncertainty < 0.1
