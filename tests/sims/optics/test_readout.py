"""Nanowires behind real readouts: against a plain reference, and their laws.

Chi-square of two samples at p > 1e-4 with fixed seeds; mutants must be refused.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from plain_detectors import PlainWire
from spad_bench import FWHM_IN_SIGMAS, photons
from two_samples import P_MIN, p_value

from qkdlab_sims.optics.arrivals import Arrivals
from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, simulate_pulses
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, dichroism_jones
from qkdlab_sims.optics.readout.parameters import Readout, recovery_tau_ps
from qkdlab_sims.optics.snspd import DetectorParameters

pytestmark = [pytest.mark.xdist_group("readout")]

PERIOD_PS = 10_000
ARRIVAL_PS = 4_000
TICK_PS = PERIOD_PS << 16
BIAS_UA = 22.0
READOUT = Readout(
    threshold=0.55, grows_jitter=True, walk_ps=400.0, ac_coupling_ps=300_000.0
)
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=100_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=500.0,
    readout=READOUT,
)
N_TICKS = 60
MEAN = 0.05


class Listed:
    """Arrivals from a list of instants; the chance of each is its own."""

    def __init__(self, t_ps, seed):
        self.t_ps = t_ps
        self.chance = np.random.default_rng(seed).random(len(t_ps))
        self.per_tick = 3.0 * len(t_ps) * TICK_PS / max(int(t_ps[-1]), TICK_PS) + 99.0

    def draw(self, tick, tick_end, arrival_ps, out: Arrivals):
        edges = np.arange(tick, tick_end + 1) * TICK_PS
        ends = np.searchsorted(self.t_ps, edges)
        n = ends[-1] - ends[0]
        out.t_ps[0, :n] = self.t_ps[ends[0] : ends[-1]]
        out.chance[0, :n] = self.chance[ends[0] : ends[-1]]
        out.number[0, :n] = np.arange(ends[0], ends[-1])
        out.ends[0, : len(ends)] = ends - ends[0]
        return tick_end


def ours_of(wire, light, n_ticks, cuts=(), seed=3):
    bank = DetectorBank((wire,), (ARRIVAL_PS,), PERIOD_PS, seed)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA])
    pieces = []
    edges = [0, *cuts, n_ticks, n_ticks + 1]
    for begin, end in pairwise(edges):
        ticks = begin * PULSES_PER_TICK, end * PULSES_PER_TICK
        pieces.append(detect(state, Listed(light, 8), *ticks).times_ps[0])
    return np.concatenate(pieces), state


@functools.cache
def ours():
    tags, _ = ours_of(WIRE, photons(MEAN, N_TICKS, 1), N_TICKS)
    return tags[tags < N_TICKS * TICK_PS]


@functools.cache
def theirs(**mutant):
    plain = {
        "bias_ua": BIAS_UA,
        "half_ua": 14.0,
        "width_ua": 3.0,
        "tau_ps": 12_000.0,
        "dark_rate_hz": WIRE.dark_rate_hz(BIAS_UA),
        "wire_sigma_ps": 500.0 / FWHM_IN_SIGMAS,
        "threshold": 0.55,
        "walk_ps": 400.0,
        "ac_ps": 300_000.0,
    }
    wire = PlainWire(**(plain | mutant))
    light = photons(MEAN * wire.gain, N_TICKS, 50)
    return wire.clicks(light, ARRIVAL_PS, N_TICKS * TICK_PS, 4)


def total(tags):
    return np.array([len(tags)])


def gaps(tags):
    edges = np.concatenate((np.arange(0, 150_000, 2_000), np.geomspace(1.5e5, 1e8, 30)))
    return np.histogram(np.diff(tags), edges)[0]


def positions(tags):
    at = (tags - ARRIVAL_PS + PERIOD_PS // 2) % PERIOD_PS
    return np.histogram(at, np.arange(0, PERIOD_PS + 1, 50))[0]


def pairs(tags):
    length = np.digitize(np.diff(tags), [0, 3e4, 2e5, 1e15])
    return np.bincount(length[:-1] * 4 + length[1:], minlength=16)


@pytest.mark.parametrize("view", [total, gaps, positions, pairs])
def test_wire_and_reference_agree(view):
    assert p_value(view(ours()), view(theirs())) > P_MIN


@pytest.mark.parametrize(
    ("view", "mutant"),
    [
        (gaps, {"tau_ps": 14_000.0}),
        pytest.param(*(gaps, {"threshold": 0.5}), marks=pytest.mark.slow),
        pytest.param(*(total, {"ac_ps": 0.0}), marks=pytest.mark.slow),
        pytest.param(*(positions, {"walk_ps": 300.0}), marks=pytest.mark.slow),
        pytest.param(*(positions, {"wire_sigma_ps": 190.0}), marks=pytest.mark.slow),
        (total, {"gain": 1.02}),
    ],
)
def test_mutants_of_the_wire_are_refused(view, mutant):
    assert p_value(view(ours()), view(theirs(**mutant))) < P_MIN


def test_no_cut_changes_a_tag_of_a_wire_with_readout():
    light = photons(MEAN, 20, 1)
    whole, _ = ours_of(WIRE, light, 20)
    cut, _ = ours_of(WIRE, light, 20, cuts=(1, 2, 7, 13))
    assert np.array_equal(whole, cut)
    assert len(whole) > 10_000


def test_an_ideal_readout_gives_the_clicks_of_none():
    light = photons(MEAN, 10, 1)
    none, _ = ours_of(replace(WIRE, readout=None), light, 10)
    ideal, _ = ours_of(replace(WIRE, readout=Readout()), light, 10)
    assert np.array_equal(none, ideal)


def burst(rate_hz, n_ticks):
    return photons(rate_hz * PERIOD_PS * 1e-12, n_ticks, 9)


@pytest.mark.parametrize(("rate_hz", "latches"), [(1e6, False), (6e6, True)])
def test_a_wire_latches_above_its_rate(rate_hz, latches):
    hot = Readout(latching_rate_hz=4e6, heating_ps=2e7)
    wire = replace(WIRE, readout=hot, dark_floor_hz=0.0)
    _, state = ours_of(wire, burst(rate_hz, 60), 60)
    assert state.latched == [latches]


def test_a_latched_wire_gives_nothing_until_its_bias_was_taken_away():
    hot = Readout(latching_rate_hz=4e6, heating_ps=2e7)
    wire = replace(WIRE, readout=hot, dark_floor_hz=0.0)
    tags, state = ours_of(wire, burst(6e6, 100), 100)
    assert tags[-1] < 50 * TICK_PS
    assert state.voltages_mv()[0] > 1_000
    state.set_bias([0.0])
    state.set_bias([BIAS_UA])
    assert state.latched == [False]


def test_a_wire_that_recovers_before_it_cools_latches_at_the_first_click():
    fast = replace(WIRE, recovery_tau_ps=500.0, readout=Readout(cooling_ps=1_000.0))
    tags, state = ours_of(fast, burst(1e6, 3), 3)
    assert state.latched == [True]
    assert len(tags) == 1


def test_ac_coupling_costs_clicks_at_high_rate_only():
    coupled = replace(WIRE, readout=Readout(ac_coupling_ps=1e6), dark_floor_hz=0.0)
    direct = replace(WIRE, readout=Readout(), dark_floor_hz=0.0)
    shares = []
    for rate in (1e5, 2e7):
        light = burst(rate, 30)
        shares.append(
            len(ours_of(coupled, light, 30)[0]) / len(ours_of(direct, light, 30)[0])
        )
    assert shares[0] > 0.99
    assert shares[1] < 0.97


def test_recovery_time_is_inductance_over_load():
    """200 um of 100 nm at 90 pH a square: 180 nH into 50 Ohm."""
    assert recovery_tau_ps(200.0, 100.0, 90.0) == pytest.approx(3_600.0)
    assert recovery_tau_ps(400.0, 100.0, 90.0) == pytest.approx(7_200.0)


def test_a_warmer_wire_switches_earlier_and_counts_more_darks():
    warm = WIRE.at_temperature(4.0)
    assert warm.switching_current_ua < WIRE.switching_current_ua
    assert warm.dark_rate_hz(28.0) > WIRE.dark_rate_hz(28.0)
    assert WIRE.at_temperature(2.5) == WIRE


@pytest.mark.parametrize(("angle", "share"), [(0.3, 1.0), (0.3 + math.pi / 2, 0.25)])
def test_polarization_along_the_wire_is_seen_best(angle, share):
    field = np.array([[math.cos(angle), math.sin(angle)]], dtype=complex)
    wire = replace(WIRE, readout=None, dark_floor_hz=0.0, recovery_tau_ps=100.0)
    state = DetectorState(DetectorBank((wire,), (ARRIVAL_PS,), PERIOD_PS, 2))
    state.set_bias([BIAS_UA])
    path = analyser_vector(dichroism_jones(0.25, 0.3))
    light = Light(field, 1550.0).attenuated(0.01)
    n = 30 * PULSES_PER_TICK
    clicks = len(simulate_pulses(state, light, path[None, :], 0, n).times_ps[0])
    expected = n * 0.01 * share
    assert abs(clicks - expected) < 4.0 * math.sqrt(expected) + 0.01 * expected


@pytest.mark.parametrize(
    ("field", "value"),
    [("efficiency_max", 1.2), ("jitter_fwhm_ps", -1.0), ("recovery_tau_ps", 0.0)],
)
def test_wires_outside_physics_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} is .*but must be between"):
        replace(WIRE, **{field: value})


def test_readouts_outside_physics_are_refused():
    with pytest.raises(ValueError, match=r"threshold is 1\.2, but must be"):
        Readout(threshold=1.2)
