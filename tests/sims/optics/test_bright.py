"""Detectors under bright light: modes, thresholds, and what they click on."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.bright import Mode, absorbed_power_w, pulse_energies_j
from qkdlab_sims.optics.detector import PULSES_PER_TICK, DetectorBank, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.readout.bright import BrightWire
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.network import Network
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap

PERIOD_PS = 10_000
PHOTON_J = 6.62607015e-34 * 299_792_458.0 / 1550e-9
PATHS = analyser_vector(np.eye(2, dtype=complex))[None, :]
DIODE = Spad(
    efficiency=0.2,
    dark_rate_hz=200_000.0,
    dead_time_ps=25_000,
    traps=(Trap(0.1, 1e6),),
    jitter_fwhm_ps=100.0,
    network=Network(),
)
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.1,
    dark_floor_hz=200_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=50.0,
    bright=BrightWire(),
)


def light(power_w, pulse_j):
    """Continuous light with a pulse in every tenth period."""
    steady = power_w * PERIOD_PS * 1e-12 / PHOTON_J
    pulse = pulse_j / PHOTON_J
    table = np.zeros(10)
    table[0] = 1.0
    share = pulse / (pulse + 10 * steady) if pulse + steady else 1.0
    table *= (pulse + 10 * steady) if pulse + steady else 0.0
    fields = np.sqrt(table)[:, None] * np.array([[1.0 + 0j, 0.0]])
    return Light(fields, 1550.0, pulse_share=share)


def diode_state(diode=DIODE):
    state = DetectorState(SpadBank((diode,), (2_500,), PERIOD_PS, 3))
    state.set_bias([1.0])
    return state


def wire_state(wire=WIRE):
    state = DetectorState(DetectorBank((wire,), (2_500,), PERIOD_PS, 3))
    state.set_bias([22.0])
    return state


def run(state, shone, ticks=4):
    begin = state.next_pulse or 0
    analysers = PATHS * state.bank.efficiencies(state.effective_bias_ua())[:, None]
    n = ticks * PULSES_PER_TICK
    return simulate_pulses(
        state, shone, analysers, begin, begin + n, paths=PATHS
    ).times_ps[0]


def n_pulses(ticks=4):
    return ticks * PULSES_PER_TICK // 10


def test_light_of_the_tests_is_what_it_says():
    shone = light(5e-4, 3e-13)
    power_w = absorbed_power_w(shone, PATHS, PERIOD_PS)[0]
    assert power_w == pytest.approx(5e-4 + 3e-13 / 100e-9)
    assert pulse_energies_j(shone, PATHS)[0, 0] == pytest.approx(3e-13)


def test_default_network_is_blinded_by_the_power_of_the_attacked_receiver():
    assert Network().blinding_power_w(2.5) == pytest.approx(4e-4, rel=0.01)


def test_blinding_power_is_the_drop_of_the_excess_bias():
    network = Network(series_ohm=20_000.0)
    assert network.blinding_power_w(2.5) == pytest.approx(2e-5, rel=0.01)
    assert network.blinding_power_w(5.0) == pytest.approx(4e-5, rel=0.01)


def test_voltage_is_what_the_current_leaves():
    network = Network()
    volts = network.linear_voltage_v(1e-3, 67.5, 65.0)
    current = 0.95e-3 * network.gain(volts, 65.0)
    assert volts == pytest.approx(67.5 - 1_000.0 * current, abs=1e-6)


@pytest.mark.parametrize(("power_w", "mode"), [(3e-4, "geiger"), (5e-4, "linear")])
def test_a_diode_is_linear_above_its_blinding_power(power_w, mode):
    state = diode_state()
    run(state, light(power_w, 0.0), 1)
    assert state.answers[0].mode is Mode(mode)


def test_a_blinded_diode_gives_no_click_though_it_shines():
    state = diode_state()
    assert len(run(state, light(8e-4, 0.0), 20)) == 0
    assert state.answers[0].photocurrent_a > 1e-3


def test_a_diode_counts_again_when_the_light_has_gone():
    state = diode_state()
    run(state, light(8e-4, 0.0))
    dark = run(state, light(0.0, 0.0), 50)
    expected = 2e5 * 50 * PULSES_PER_TICK * PERIOD_PS * 1e-12
    assert len(dark) > 0.9 * expected


def trigger_j(power_w):
    return Network().answer(power_w, 2.5, 65.0).trigger_j


@pytest.mark.parametrize(("factor", "share"), [(0.7, 0.0), (1.0, 0.5), (1.3, 1.0)])
def test_a_blinded_diode_clicks_on_pulses_above_the_threshold(factor, share):
    power_w = 8e-4
    threshold = trigger_j(power_w)
    for _ in range(40):  # the pulses blind too: find the power that both make
        threshold = trigger_j(power_w + factor * threshold / 100e-9)
    state = diode_state()
    shone = light(power_w, factor * threshold)
    tags = run(state, shone)
    assert state.answers[0].trigger_j == pytest.approx(threshold, rel=1e-6)
    n = n_pulses()
    spread = math.sqrt(n * share * (1 - share))
    assert abs(len(tags) - n * share) <= 4.0 * spread + 1


def test_brighter_blinding_wants_brighter_triggers():
    assert trigger_j(2e-3) > trigger_j(1e-3) > trigger_j(5e-4)


def test_a_network_holds_where_there_is_none():
    state = diode_state(replace(DIODE, network=None))
    run(state, light(8e-4, 0.0), 1)
    assert state.answers[0].mode is Mode.GEIGER


def test_bright_light_latches_a_wire_until_its_bias_is_taken_away():
    state = wire_state()
    assert len(run(state, light(1e-6, 0.0))) == 0
    assert state.latched == [True]
    assert state.voltages_mv()[0] > 1_000
    assert len(run(state, light(0.0, 0.0))) == 0
    state.set_bias([0.0])
    state.set_bias([22.0])
    assert len(run(state, light(0.0, 0.0), 40)) > 1_000


@pytest.mark.parametrize(
    ("energy_j", "share"), [(7e-16, 0.0), (1e-15, 0.5), (2e-15, 1)]
)
def test_a_latched_wire_clicks_on_pulses_above_the_threshold(energy_j, share):
    state = wire_state()
    run(state, light(1e-6, 0.0), 1)
    tags = run(state, light(1e-6, energy_j))
    n = n_pulses()
    assert abs(len(tags) - n * share) <= 4.0 * math.sqrt(n * share * (1 - share)) + 1


def test_triggers_do_not_depend_on_the_cut():
    shone = light(1e-6, 1e-15)
    pieces = []
    for edges in ([0, 12], [0, 1, 5, 6, 12]):
        state = wire_state()
        pieces.append(
            np.concatenate([run(state, shone, b - a) for a, b in pairwise(edges)])
        )
    assert np.array_equal(*pieces)
    assert len(pieces[0]) > 1_000


def test_dim_light_is_counted_as_without_the_thresholds():
    dim = light(0.0, 0.05 * PHOTON_J)
    plain = wire_state(replace(WIRE, bright=None))
    assert np.array_equal(run(wire_state(), dim), run(plain, dim))


def test_networks_outside_physics_are_refused():
    with pytest.raises(ValueError, match="series_ohm is 0 Ohm, but must be"):
        Network(series_ohm=0.0)
    with pytest.raises(ValueError, match="latching_w is -1 W, but must be"):
        BrightWire(latching_w=-1.0)
