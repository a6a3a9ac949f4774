from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optics_bench import SNSPD
from scipy.stats import kstest, poisson

from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones

PERIOD_PS = 10_000


def state_of(parameters, n=1, seed=1):
    bank = DetectorBank((parameters,) * n, (7_500,) * n, PERIOD_PS, seed)
    state = DetectorState(bank)
    state.set_bias([22.0] * n)
    return state


def circle(means):
    """Light of one polarization and the given mean photon numbers."""
    amplitude = np.sqrt(np.asarray(means, float))
    return Light(amplitude[:, None] * np.array([[1.0 + 0j, 0.0]]), 1550.0)


def test_reference_detector_has_efficiency_80_percent_and_100_darks():
    assert SNSPD.efficiency(22.0) == pytest.approx(0.80, rel=1e-3)
    assert SNSPD.dark_rate_hz(22.0) == pytest.approx(100.0, rel=1e-3)


def test_detector_without_bias_is_blind_and_quiet():
    assert SNSPD.efficiency(0.0) == 0.0
    assert SNSPD.dark_rate_hz(0.0) == 0.0


@given(st.floats(0.1, 27.0), st.floats(0.1, 1.0))
def test_efficiency_and_darks_rise_with_bias(bias, step):
    assert SNSPD.efficiency(bias + step) >= SNSPD.efficiency(bias)
    assert SNSPD.dark_rate_hz(bias + step) > SNSPD.dark_rate_hz(bias)


def test_dark_counts_of_the_wire_rise_exponentially():
    ratio = SNSPD.dark_rate_hz(28.0) / SNSPD.dark_rate_hz(27.0)
    assert math.log(ratio) == pytest.approx(1.6, rel=0.02)


def test_latched_wire_shows_volts_and_a_good_one_millivolts():
    assert SNSPD.voltage_mv(latched=True, bias_ua=28.0) > 2_000
    assert SNSPD.voltage_mv(latched=False, bias_ua=28.0) < 12


def test_pulse_width_adds_to_the_jitter_in_squares():
    assert SNSPD.jitter_sigma_ps(120.0) == pytest.approx(130.0 / 2.35482)


@pytest.mark.parametrize("bias", [12.0, 22.0, 27.0])
@pytest.mark.parametrize("share", [0.5, 0.999])
def test_recovery_time_is_when_the_share_is_reached(bias, share):
    after = SNSPD.recovery_time_ps(bias, share) / SNSPD.recovery_tau_ps
    wanted = share * SNSPD.efficiency(bias)
    assert SNSPD.efficiency(bias * (1 - math.exp(-after))) >= wanted
    assert SNSPD.efficiency(bias * (1 - math.exp(-after + 2e-6))) < wanted


def test_recovery_of_a_wire_that_sees_nothing_never_comes():
    sharp = replace(SNSPD, width_ua=0.5)
    assert sharp.recovery_time_ps(1.0, 0.999) == 64 * sharp.recovery_tau_ps


def test_dark_counts_are_a_poisson_process():
    state = state_of(SNSPD)
    light = circle([0.0])
    ticks = 40_000
    out = simulate_pulses(state, light, np.zeros((1, 4)), 0, ticks * PULSES_PER_TICK)
    times = out.times_ps[0]
    seconds = ticks * PULSES_PER_TICK * PERIOD_PS * 1e-12
    expected = SNSPD.dark_rate_hz(22.0) * seconds
    assert poisson.cdf(len(times), expected) == pytest.approx(0.5, abs=0.4999)
    assert kstest(np.diff(times) * 1e-12, "expon", args=(0, 0.01)).pvalue > 1e-4
    # a mutant 15 % off in rate
    assert kstest(np.diff(times) * 1e-12, "expon", args=(0, 0.0115)).pvalue < 1e-4


def test_first_clicks_of_a_rested_detector_have_the_exact_rate():
    # every 64th pulse carries light, so the wire is always at rest
    means = np.zeros(64)
    means[0] = 1.7
    state = state_of(SNSPD)
    analysers = 0.5 * analyser_vector(np.eye(2, dtype=complex))[None, :]
    n = 300 * PULSES_PER_TICK
    out = simulate_pulses(state, circle(means), analysers, 0, n)
    p = 1 - math.exp(-0.5 * 1.7)
    sigma = math.sqrt(n / 64 * p * (1 - p))
    darks = SNSPD.dark_rate_hz(22.0) * n * PERIOD_PS * 1e-12
    assert abs(len(out.times_ps[0]) - darks - n / 64 * p) < 3.9 * sigma
    assert abs(len(out.times_ps[0]) - darks - n / 64 * p * 1.02) > 3.9 * sigma


def test_unrecovered_fraction_falls_from_one_to_nothing():
    left = SNSPD.unrecovered_fraction(22.0, np.array([0.0, 10e3, 24e3, 60e3]))
    assert left[0] == pytest.approx(1.0)
    assert np.all(np.diff(left) < 0)
    assert left[2] < 0.01
    assert left[3] < 2e-4


R = math.sqrt(0.5)
STATES = np.array([[R, R], [R, -R], [R, 1j * R], [R, -1j * R]])


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, 0.25), (0.4, 0.1)])
def test_intercept_resend_costs_a_quarter_of_what_it_touches(fraction, expected):
    """Errors in both bases at an ideal receiver; photons of a pulse share Eve."""
    circular = np.stack([STATES[2].conj(), STATES[3].conj()])  # R, L onto H, V
    paths = [
        R * polarizer_jones(math.pi / 4),
        R * polarizer_jones(-math.pi / 4),
        R * polarizer_jones(0.0) @ circular,
        R * polarizer_jones(math.pi / 2) @ circular,
    ]
    state = state_of(SNSPD, n=4)
    light = Light(math.sqrt(0.05) * STATES, 1550.0)
    analysers = np.array([analyser_vector(p) for p in paths])
    eve = InterceptResend(fraction=fraction)
    n = 200 * PULSES_PER_TICK
    out = simulate_pulses(state, light, analysers, 0, n, eve=eve)
    table = np.zeros((4, 4))
    for d, times in enumerate(out.times_ps):
        table[:, d] = np.bincount((times - 2_500) // PERIOD_PS % 4, minlength=4)
    for first in (0, 2):
        block = table[first : first + 2, first : first + 2]
        errors, total = block[0, 1] + block[1, 0], block.sum()
        sigma = math.sqrt(expected * (1 - expected) / total)
        assert abs(errors / total - expected) < 3.9 * sigma
        assert abs(errors / total - 1.02 * expected) > 1.0 * sigma


def test_eve_measures_in_the_frame_given_to_her():
    """A half turn before her that she does not know spoils X and Z alike or neither."""
    swap = np.array([[0, 1], [1, 0]], dtype=complex)  # D, A stay; R and L change places
    state = state_of(SNSPD, n=2)
    light = Light(math.sqrt(0.05) * STATES[:2], 1550.0)
    analysers = np.array(
        [analyser_vector(polarizer_jones(a)) for a in (math.pi / 4, -math.pi / 4)]
    )
    rotated = np.array([[R, R], [-R, R]], dtype=complex)  # D to H: unknown in X
    errors = []
    for before in (swap, rotated):
        begin = state.next_pulse or 0
        n = 40 * PULSES_PER_TICK
        out = simulate_pulses(
            state, light, analysers, begin, begin + n, eve=InterceptResend(1.0, before)
        )
        table = np.array(
            [
                np.bincount((t - 2_500) // PERIOD_PS % 2, minlength=2)
                for t in out.times_ps
            ]
        )
        errors.append((table[1, 0] + table[0, 1]) / table.sum())
    assert errors == pytest.approx([0.25, 0.5], abs=0.01)
