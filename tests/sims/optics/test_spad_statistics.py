"""The diode's kernel against the plain reference under coherent light.

Chi-square of two samples at p > 1e-4 with fixed seeds. Each regime switches on what
the others lack, and each mutant of the reference must be refused in some view.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from spad_bench import (
    ARRIVAL_PS,
    PERIOD_PS,
    TICK_PS,
    kernel_clicks,
    photons,
    plain_clicks,
)
from two_samples import P_MIN, p_value

from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap

pytestmark = [pytest.mark.xdist_group("spad_statistics")]

FREE = Spad(
    efficiency=0.25,
    dark_rate_hz=8_000.0,
    dead_time_ps=400_000,
    recovery_tau_ps=60_000.0,
    traps=(Trap(0.5, 300_000.0), Trap(0.25, 2_000_000.0)),
    jitter_fwhm_ps=900.0,
    tail_fraction=0.3,
    tail_ps=800.0,
    walk_ps=1_500.0,
    walk_tau_ps=300_000.0,
)
PASSIVE = Spad(
    efficiency=0.6,
    dark_rate_hz=5_000.0,
    dead_time_ps=150_000,
    paralysable=True,
    traps=(Trap(0.1, 500_000.0),),
    jitter_fwhm_ps=350.0,
)
GATED = Spad(
    efficiency=0.1,
    dark_rate_hz=300_000.0,
    dead_time_ps=200_000,
    traps=(Trap(0.2, 1_000_000.0),),
    jitter_fwhm_ps=240.0,
    gate=Gate(
        period_ps=40_000,
        width_ps=12_000,
        lead_ps=1_000,
        edge_ps=2_000,
        persistence=0.6,
        persistence_tau_ps=5_000.0,
    ),
)
SINE = Spad(
    efficiency=0.2,
    dark_rate_hz=500_000.0,
    dead_time_ps=30_000,
    jitter_fwhm_ps=100.0,
    gate=Gate(period_ps=20_000, width_ps=10_000, lead_ps=5_000, shape="sine"),
)
QUICK = Spad(efficiency=0.5, dark_rate_hz=1_000.0, dead_time_ps=50_000)
REGIMES = {
    "quick": (QUICK, 0.01, 300),
    "free": (FREE, 0.002, 900),
    "passive": (PASSIVE, 0.03, 60),
    "gated": (GATED, 0.01, 250),
    "sine": (SINE, 0.03, 60),
}


def counts(tags, n_ticks):
    """Clicks in each of 20 portions of the run."""
    edges = np.linspace(0, n_ticks * TICK_PS, 21)
    return np.histogram(tags, edges)[0]


def total(tags, n_ticks):
    """All clicks."""
    return np.array([len(tags)])


def gaps(tags, n_ticks):
    """Times between neighbouring clicks, fine where the diode recovers."""
    edges = np.concatenate((np.arange(0, 2e6, 2e4), np.geomspace(2e6, 1e9, 30)))
    return np.histogram(np.diff(tags), edges)[0]


def positions(tags, n_ticks):
    """Click times within four slots."""
    at = (tags - ARRIVAL_PS + PERIOD_PS // 2) % (4 * PERIOD_PS)
    return np.histogram(at, np.linspace(0, 4 * PERIOD_PS, 401))[0]


def pairs(tags, n_ticks):
    """Joint counts: two successive gaps, each in three lengths."""
    edges = [0, 6e5, 2e6, 1e12]
    length = np.digitize(np.diff(tags), edges)
    return np.bincount(length[:-1] * 4 + length[1:], minlength=20)


VIEWS = [total, counts, gaps, positions, pairs]


@functools.cache
def ours(regime):
    spad, mean, n_ticks = REGIMES[regime]
    return kernel_clicks(spad, photons(mean, n_ticks, 5), n_ticks, 7)


@functools.cache
def theirs(regime, **mutant):
    spad, mean, n_ticks = REGIMES[regime]
    return plain_clicks(spad, mean, n_ticks, 11, **mutant)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("view", VIEWS)
def test_diode_and_reference_agree(regime, view):
    n_ticks = REGIMES[regime][2]
    cells = view(ours(regime), n_ticks), view(theirs(regime), n_ticks)
    assert p_value(*cells) > P_MIN


@pytest.mark.parametrize(
    ("regime", "view", "mutant"),
    [
        ("free", gaps, {"dead_ps": 410_000}),
        ("free", total, {"breeds": False}),
        ("quick", total, {"gain": 1.02}),
        ("gated", positions, {"gate_width_ps": 11_000}),
    ],
)
def test_mutants_of_the_reference_are_refused(regime, view, mutant):
    n_ticks = REGIMES[regime][2]
    cells = view(ours(regime), n_ticks), view(theirs(regime, **mutant), n_ticks)
    assert p_value(*cells) < P_MIN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("regime", "view", "mutant"),
    [
        ("free", gaps, {"tau_ps": 80_000.0}),
        ("free", gaps, {"traps": ((0.5, 250_000.0), (0.25, 2e6))}),
        ("free", total, {"traps": ((0.5, 300_000.0), (0.2, 2e6))}),
        ("free", positions, {"sigma_ps": 420.0}),
        ("free", positions, {"tail_ps": 1_200.0}),
        ("free", positions, {"walk_ps": 1_000.0}),
        ("passive", total, {"paralysable": False}),
        ("gated", positions, {"dark_rate_hz": 400_000.0}),
        ("gated", positions, {"persistence": 0.45}),
        ("sine", positions, {"sine": False}),
    ],
)
def test_more_mutants_of_the_reference_are_refused(regime, view, mutant):
    n_ticks = REGIMES[regime][2]
    cells = view(ours(regime), n_ticks), view(theirs(regime, **mutant), n_ticks)
    assert p_value(*cells) < P_MIN
