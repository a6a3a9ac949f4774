"""Laws of one diode, and of a bank of them behind the engine."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spad_bench import ARRIVAL_PS, TICK_PS, kernel_clicks, photons

from qkdlab_sims.optics.bank import DetectorState
from qkdlab_sims.optics.detector import PULSES_PER_TICK, simulate_pulses
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.spad._kernels import gate_arrivals
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.record import diode_records
from qkdlab_sims.optics.spad.traps import (
    Trap,
    afterpulse_mean,
    clicks_per_primary,
    trap_spectrum,
    traps_of,
)

PLAIN = Spad(efficiency=0.25, dark_rate_hz=0.0, dead_time_ps=1_000_000)
SECOND_TICKS = 1e12 / TICK_PS


def darks_only(spad, n_ticks, seed=3):
    return kernel_clicks(spad, photons(0.0, n_ticks, 1), n_ticks, seed)


@pytest.mark.parametrize("paralysable", [False, True])
@pytest.mark.parametrize("rate_hz", [1e5, 1e6, 3e6])
def test_throughput_is_that_of_the_dead_time(paralysable, rate_hz):
    """r/(1 + r tau) and r exp(-r tau), within 4 standard deviations and 0.5 %."""
    spad = replace(PLAIN, dark_rate_hz=rate_hz, paralysable=paralysable)
    n_ticks = 400
    clicks = len(darks_only(spad, n_ticks))
    expected = spad.throughput_hz(rate_hz) * n_ticks * TICK_PS * 1e-12
    assert abs(clicks - expected) < 4.0 * math.sqrt(expected)
    other = replace(spad, dead_time_ps=1_050_000).throughput_hz(rate_hz)
    if rate_hz >= 1e6 and expected > 30_000:
        wrong = other * n_ticks * TICK_PS * 1e-12
        assert abs(clicks - wrong) > 4.0 * math.sqrt(expected)


def test_counts_saturate_at_the_inverse_of_the_hold_off():
    spad = replace(PLAIN, dark_rate_hz=1e8)
    rate = len(darks_only(spad, 20)) / (20 * TICK_PS * 1e-12)
    assert rate == pytest.approx(1e6 / 1.01, rel=0.002)


def test_counts_of_a_paralysed_diode_fall_again():
    spad = replace(PLAIN, paralysable=True)
    rates = [
        len(darks_only(replace(spad, dark_rate_hz=r), 60)) for r in (5e5, 1e6, 8e6)
    ]
    assert rates[0] < rates[1]
    assert rates[2] < 0.02 * rates[1]


@pytest.mark.parametrize("mean", [0.05, 0.3, 0.6])
def test_afterpulses_that_breed_add_up_to_a_geometric_series(mean):
    """Primaries a millisecond apart, so that nothing is lost in dead times."""
    spad = replace(
        PLAIN,
        dead_time_ps=1_000,
        traps=(Trap(mean, 300_000.0),),
        jitter_fwhm_ps=0.0,
    )
    left = afterpulse_mean(spad.traps, spad.dead_time_ps)
    n, step = 6_000, 1_000_000_000
    light = np.arange(n, dtype=np.int64) * step + ARRIVAL_PS
    n_ticks = int(n * step // TICK_PS) + 2
    clicks = len(kernel_clicks(spad, light, n_ticks, 4))
    # a descendant may fall into the hold-off of another: some 1000/300000
    expected = n * clicks_per_primary(left)
    spread = math.sqrt(n * left / (1.0 - left) ** 3)
    assert abs(clicks - expected) < 4.0 * spread + 0.004 * expected
    without_breeding = n * (1.0 + left)
    if mean > 0.1:
        assert abs(clicks - without_breeding) > 4.0 * spread


def test_traps_of_a_data_sheet_give_its_afterpulse_probability():
    traps = traps_of(0.03, (1e6, 8e6), (0.5, 0.5), 1e6)
    assert 1.0 - math.exp(-afterpulse_mean(traps, 1e6)) == pytest.approx(0.03)


def test_spectrum_of_traps_decays_as_a_power_law():
    traps = trap_spectrum(0.1, 3e5, 1e9, 1e6)
    t = np.geomspace(3e6, 1e8, 30)
    rate = sum(k.mean / k.tau_ps * np.exp(-t / k.tau_ps) for k in traps)
    slope = np.polyfit(np.log(t), np.log(rate), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)


@pytest.mark.parametrize(
    ("gate", "duty"),
    [
        (Gate(period_ps=10_000, width_ps=4_000, edge_ps=500), 0.35),
        (Gate(period_ps=10_000, width_ps=5_000, shape="sine"), 1 / math.pi),
    ],
)
def test_gates_let_through_their_share_of_the_dark_counts(gate, duty):
    assert gate.duty == pytest.approx(duty)
    spad = replace(PLAIN, dark_rate_hz=200_000.0, dead_time_ps=10_000, gate=gate)
    clicks = len(darks_only(spad, 1_000))
    expected = duty * 200_000.0 * 1_000 * TICK_PS * 1e-12
    assert abs(clicks - expected) < 4.0 * math.sqrt(expected) + 0.002 * expected


@pytest.mark.parametrize("shape", [{"shape": "sine"}, {"edge_ps": 60}, {}])
def test_arrivals_are_held_to_the_profile_of_their_gate(shape):
    gate = Gate(period_ps=1_000, width_ps=500, lead_ps=250, **shape)
    spad = Spad(efficiency=0.2, dark_rate_hz=1.0, dead_time_ps=10**6, gate=gate)
    (diode,) = diode_records([spad], [7_500], 65_536_000)
    t_ps = np.arange(-3_000, 10_000) + 10**15
    since_ps = (t_ps - 7_250) % 1_000
    wanted = np.full(len(t_ps), 0.25)
    gate_arrivals(diode, t_ps, wanted)
    inside = since_ps < 500
    profile = [gate.profile(at) for at in since_ps[inside].tolist()]
    assert np.allclose(0.25 / wanted[inside], profile, rtol=0, atol=1e-11)
    assert np.all(wanted[~inside] == 1.25)


@given(st.floats(0.1, 6.0), st.floats(0.05, 1.0))
def test_efficiency_and_darks_rise_with_the_excess_bias(excess, step):
    spad = replace(PLAIN, dark_rate_hz=1_000.0, efficiency=0.2)
    one = spad.at(65.0 + excess, 233.0)
    two = spad.at(65.0 + excess + step, 233.0)
    assert two.efficiency > one.efficiency
    assert math.log(two.dark_rate_hz / one.dark_rate_hz) == pytest.approx(0.7 * step)


def test_the_rated_point_is_the_data_sheet():
    spad = replace(PLAIN, dark_rate_hz=1_000.0, traps=(Trap(0.02, 1e6),))
    same = spad.at(67.5, 233.0)
    assert same.efficiency == pytest.approx(0.25)
    assert same.dark_rate_hz == pytest.approx(1_000.0)
    assert same.traps[0].mean == pytest.approx(0.02)


def test_a_colder_diode_is_darker_and_its_traps_are_slower():
    spad = replace(PLAIN, dark_rate_hz=1_000.0, traps=(Trap(0.02, 1e6),))
    cold = spad.at(67.5 - 0.1 * 40.0, 193.0)  # same excess bias
    assert cold.efficiency == pytest.approx(0.25)
    assert cold.dark_rate_hz < 200.0
    assert cold.traps[0].tau_ps > 3e6


def test_a_diode_below_breakdown_is_blind():
    below = replace(PLAIN, dark_rate_hz=1_000.0).at(64.0, 233.0)
    assert (below.efficiency, below.dark_rate_hz) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("field", "value", "unit"),
    [
        ("efficiency", 1.2, ""),
        ("dark_rate_hz", -1.0, " Hz"),
        ("dead_time_ps", -5, " ps"),
        ("jitter_fwhm_ps", -1.0, " ps"),
        ("tail_fraction", 1.1, ""),
        ("polarization_ratio", 1.5, ""),
        ("rated_k", 20.0, " K"),
        ("recovery_tau_ps", math.nan, " ps"),
    ],
)
def test_values_outside_physics_are_refused_with_range_and_unit(field, value, unit):
    with pytest.raises(ValueError, match=f"{field} is .*{unit}, but must be"):
        replace(PLAIN, **{field: value})


def test_avalanches_that_never_end_are_refused():
    with pytest.raises(ValueError, match="carriers"):
        replace(PLAIN, traps=(Trap(1.5, 1e9),))


def test_a_gate_holds_one_avalanche():
    with pytest.raises(ValueError, match="one avalanche"):
        replace(PLAIN, dead_time_ps=500, gate=Gate(period_ps=10_000, width_ps=2_000))


# A bank behind the engine.

PERIOD_PS = 1_000
BUSY = Spad(
    efficiency=0.3,
    dark_rate_hz=50_000.0,
    dead_time_ps=300_000,
    recovery_tau_ps=50_000.0,
    traps=trap_spectrum(0.2, 1e5, 1e8, 3e5),
    jitter_fwhm_ps=600.0,
    tail_fraction=0.2,
    tail_ps=2_000.0,
    walk_ps=300.0,
)
GATED = replace(
    BUSY,
    gate=Gate(period_ps=1_000, width_ps=600, lead_ps=300, shape="sine"),
)


def run(cuts, seed=5, spads=(BUSY, GATED), brightness=1.0):
    bank = SpadBank(spads, (700, 5_300), PERIOD_PS, seed)
    state = DetectorState(bank)
    rng = np.random.default_rng(1)
    light = Light(rng.normal(size=(99, 2)) * (0.02 + 0j), 1550.0).attenuated(brightness)
    pieces = []
    for begin, end in pairwise(cuts):
        state.set_bias([1.0, 1.0])
        analysers = np.array([[1.0, 0.5, 0.0, 0.0], [1.0, -0.5, 0.0, 0.0]])
        analysers *= bank.efficiencies(state.bias_ua)[:, None]
        ticks = begin * PULSES_PER_TICK, end * PULSES_PER_TICK
        pieces.append(simulate_pulses(state, light, analysers, *ticks).times_ps)
    return [np.concatenate([p[d] for p in pieces]) for d in range(2)]


@settings(max_examples=10)
@given(st.sets(st.integers(1, 39)))
def test_no_cut_changes_a_tag_of_a_diode(cuts):
    whole = run([0, 40], brightness=4.0)
    cut = run([0, *sorted(cuts), 40], brightness=4.0)
    assert all(np.array_equal(a, b) for a, b in zip(whole, cut, strict=True))
    assert min(map(len, whole)) > 400


def test_another_seed_gives_other_clicks():
    one, two = run([0, 10]), run([0, 10], seed=6)
    assert not np.array_equal(one[0], two[0])


def test_a_diode_that_is_off_gives_nothing():
    bank = SpadBank((BUSY,), (700,), PERIOD_PS, 1)
    state = DetectorState(bank)
    light = Light(np.array([[1.0 + 0j, 0.0]]), 1550.0)
    out = simulate_pulses(state, light, np.ones((1, 4)), 0, 4 * PULSES_PER_TICK)
    assert len(out.times_ps[0]) == 0


def test_more_carriers_than_there_is_room_for_raise():
    slow = replace(BUSY, dead_time_ps=10_000, traps=(Trap(0.8, 1e10),))
    with pytest.raises(OverflowError, match="carriers"):
        run([0, 100], spads=(slow, slow), brightness=300.0)


def test_light_above_any_rate_fits_into_the_bound():
    out = run([0, 5], brightness=1e5)
    span = 5 * PULSES_PER_TICK * PERIOD_PS
    assert len(out[0]) == pytest.approx(span / 300_000, rel=0.05)


def test_records_at_rest_have_no_memory():
    record = diode_records([PLAIN], [0], 1_000)[0]
    assert record["n_pending"] == 0
    assert record["live_ps"] < 0
