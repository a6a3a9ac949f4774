"""Light whose contexts come from two generators: the sender's and the receiver's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, polarizer_jones
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.joint import JointLaw
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.snspd import DetectorParameters

SENDER = CounterSettings(bytes(range(16)), 77, Shares((13000, 7000, 9000, 3768)))
RECEIVER = CounterSettings(bytes(range(1, 17)), 5, Shares((20000, 12768)))
FIRST_PULSE, LAG = 5, 105_537
PERIOD_PS = 100_000
N_TICKS = 40
P_MIN = 1e-4
PARAMETERS = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=0.0,
    dark_i0_ua=60.0,
    dark_slope_per_ua=1.0,
    recovery_tau_ps=5_000.0,
    jitter_fwhm_ps=60.0,
    tail_fraction=0.0,
    tail_ps=0.0,
)
MUS = np.array([0.9, 0.5, 0.2, 0.7])
ANALYSERS = 0.1 * np.array(
    [analyser_vector(polarizer_jones(a, 20)) for a in (math.pi / 4, -math.pi / 4)]
)


def joint(lag=LAG):
    return JointLaw.beside(ContextLaw.of(SENDER), ContextLaw.of(RECEIVER), lag)


def fields():
    """Fields by context: D, A, R, L turned by 0, pi/2, pi, 3 pi/2 of the receiver."""
    context = np.arange(8 * 4)
    sent, turned = context % 8, context // 8
    angle = math.pi / 2 * (sent & 3) + math.pi / 2 * turned
    root = np.sqrt(MUS[sent >> 1] / 2)
    return root[:, None] * np.stack([np.ones(len(angle)), np.exp(1j * angle)], axis=1)


def light(lag=LAG):
    return Light(fields(), 1550.0, FIRST_PULSE, law=joint(lag))


def clicks(of, n_ticks=N_TICKS, eve=None):
    bank = DetectorBank((PARAMETERS,) * 2, (100, 250), PERIOD_PS, seed=4)
    state = DetectorState(bank)
    state.set_bias([22.0] * 2)
    last = n_ticks * PULSES_PER_TICK
    return simulate_pulses(state, of, ANALYSERS, 0, last, eve=eve).times_ps


def test_contexts_hold_the_settings_of_both():
    pulses = np.array([LAG, LAG + 1, LAG + 8, 1234567, 10**12])
    sent = SENDER.settings(pulses)
    turned = RECEIVER.settings(pulses - LAG)
    assert joint().contexts(pulses).tolist() == (sent + 8 * turned).tolist()


def test_probabilities_are_those_of_independent_settings():
    odds = joint().probabilities().reshape(4, 8)
    assert odds.sum() == pytest.approx(1.0)
    assert odds.sum(axis=0) == pytest.approx(SENDER.shares.probabilities())
    assert odds.sum(axis=1) == pytest.approx(RECEIVER.shares.probabilities())


def p_of_clicks(lag_looked_for):
    """Return the least p of either detector's clicks, pulse by pulse.

    The reference looks up both settings of every pulse and counts how often each pair
    came; clicks must come as its light does.
    """
    pulses = np.arange(LAG + FIRST_PULSE, N_TICKS * PULSES_PER_TICK)
    sent = SENDER.settings(pulses - FIRST_PULSE)
    turned = RECEIVER.settings(pulses - FIRST_PULSE - lag_looked_for)
    came = np.bincount(8 * turned + sent, minlength=32)
    power = np.abs(np.stack([fields() @ [1, s] for s in (1, -1)], axis=1)) ** 2 / 2
    least = 1.0
    for d, times in enumerate(clicks(light())):
        pulse = (times + PERIOD_PS // 2) // PERIOD_PS
        pulse = pulse[pulse >= pulses[0]] - pulses[0]
        seen = np.bincount(8 * turned[pulse] + sent[pulse], minlength=32)
        leak = 10**-2.0
        means = power[:, d] * (1 - leak) + power.sum(axis=1) * leak
        chances = came * -np.expm1(-0.1 * 0.8 * means)
        expected = chances * seen.sum() / chances.sum()
        statistic = float(((seen - expected) ** 2 / expected).sum())
        least = min(least, float(chi2.sf(statistic, 31)))
    return least


def test_clicks_follow_both_settings_of_their_pulse():
    assert p_of_clicks(LAG) > P_MIN


def test_a_receiver_one_pulse_late_is_noticed():
    assert p_of_clicks(LAG + 1) < P_MIN


def test_a_table_of_the_same_contexts_gives_as_many_clicks():
    n = 2 * PULSES_PER_TICK
    chosen = joint().contexts(np.arange(-FIRST_PULSE, n - FIRST_PULSE))
    table = Light(fields()[chosen], 1550.0)
    for one, two in zip(clicks(light(), 2), clicks(table, 2), strict=True):
        assert abs(len(one) - len(two)) < 5 * math.sqrt(len(one) + len(two))


def test_light_too_bright_for_the_table_is_refused():
    bright = light().attenuated(1000.0)
    with pytest.raises(ValueError, match="dim light"):
        clicks(bright, 2)


def test_an_eavesdropper_between_the_two_is_refused():
    with pytest.raises(ValueError, match="no eavesdropper"):
        clicks(light(), 2, InterceptResend(fraction=0.3))


def test_more_contexts_than_a_kernel_counts_are_refused():
    many = replace(
        ContextLaw.of(SENDER), parts=np.array([[0, (1 << 30) - 1] + [0] * 6])
    )
    with pytest.raises(ValueError, match="fewer than"):
        JointLaw.beside(many, ContextLaw.of(RECEIVER), 0)
