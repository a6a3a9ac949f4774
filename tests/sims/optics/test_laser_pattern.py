"""Memory of former settings: tables, by parameter and from the drive."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from laser_bench import engine, pulse_of
from pair_bench import QUIET

from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.modulator import Amplifier, drive, intensity_transmission
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics
from qkdlab_sims.optics.sources.laser.pattern import (
    driven_factors,
    order_sequence,
    pattern_factors,
)

LABELS = (0, 0, 1, 1)  # of settings 0 ... 3: signal and decoy, two bit values each
INTENSITIES = (1.0, 0.3)
C = (0.05, -0.03, 0.06, 0.02, -0.02, 0.04)
RESTED = replace(QUIET, recovery_tau_ps=100.0)
GENERATOR = CounterSettings(b"k" * 16, 9, Shares((16384, 16384)))


@pytest.mark.parametrize(("n", "length"), [(2, 3), (3, 4), (4, 2), (3, 7)])
def test_the_circle_holds_each_word_once(n, length):
    circle = order_sequence(n, length)
    around = np.stack([np.roll(circle, -i) for i in range(length)])
    assert len(np.unique(around, axis=1).T) == n**length == len(circle)


def test_table_has_the_index_of_the_law():
    law = ContextLaw.of(GENERATOR, [LABELS] * 3)
    table = pattern_factors(LABELS, INTENSITIES, C[:3])
    assert len(table) == law.n_contexts
    pulses = np.arange(50, 90)
    settings = GENERATOR.settings(np.arange(90))
    expected = [
        1
        + sum(c * INTENSITIES[LABELS[settings[k - 1 - j]]] for j, c in enumerate(C[:3]))
        for k in pulses
    ]
    assert np.allclose(table[law.contexts(pulses)], expected)


def test_counts_by_former_setting_give_all_six_coefficients():
    law = ContextLaw.of(GENERATOR, [LABELS] * 6)
    factors = pattern_factors(LABELS, INTENSITIES, C)
    mean = 0.4 * np.array(INTENSITIES)[list(LABELS)]
    own = np.tile(mean, len(factors) // len(LABELS))
    jones = np.sqrt(own * factors)[:, None] * np.array([[1, 0]], complex)
    light = Light(jones, 1550.0, law=law)
    n_ticks = 40
    one, _ = engine(n_ticks, PulseDynamics(), RESTED, light=light)
    n = n_ticks * 65536
    clicks = np.bincount(pulse_of(one)[pulse_of(one) >= 0], minlength=n)[:n]
    intensity = np.array(INTENSITIES)[
        np.array(LABELS)[GENERATOR.settings(np.arange(n))]
    ]
    # photons from clicks, 1 - exp(-m), and regression on the former intensities
    rows = np.arange(6, n)
    design = [np.ones(len(rows)), *(intensity[rows - j] for j in range(1, 7))]
    signal = intensity[rows] == 1.0
    a = np.stack(design, axis=1)[signal]
    p = clicks[rows][signal].astype(float)
    fit, *_ = np.linalg.lstsq(a, p, rcond=None)
    at = fit[0] + fit[1:].sum() * np.mean(INTENSITIES)
    m = -math.log(1 - p.mean())
    slope = m * math.exp(-m) / p.mean()
    found = fit[1:] / at / slope * (1 + sum(C) * np.mean(INTENSITIES))
    error = 4 * math.sqrt((1 - p.mean()) / p.mean() / len(p)) / 0.35 / slope
    assert error < 0.02
    assert np.all(np.abs(found - C) < error)


SAMPLES = 4
VOLTS = np.array([2.5, 1.2])


def _transmissions(circle, amplifier, bandwidth_hz):
    """Transmission of each pulse of a circle of labels, four samples each at 4 GHz."""
    volts = np.repeat(VOLTS[circle], SAMPLES)
    centres = (np.arange(len(circle)) + 0.6) * SAMPLES * 250.0
    at = drive(volts, 4e9, "DIRECT", amplifier, bandwidth_hz, centres)
    return intensity_transmission(at, 4.0, 25.0)


def test_a_slow_modulator_remembers_the_last_pulse_only():
    play = functools.partial(_transmissions, amplifier=Amplifier(), bandwidth_hz=0.5e9)
    factors, left_out = driven_factors((0, 1), 3, play)
    table = factors.reshape(2, 2, 2, 2)  # last axis: own label; before it: last pulse
    steps = [
        np.ptp(table.mean(axis=tuple(set(range(3)) - {i})), axis=0).max()
        for i in range(3)
    ]
    assert steps[2] > 0.01
    assert steps[1] < 0.1 * steps[2]
    assert left_out < 1e-3


def test_a_coupling_capacitor_remembers_more_than_any_table():
    coupled = Amplifier(ac_corner_hz=5e6)
    play = functools.partial(_transmissions, amplifier=coupled, bandwidth_hz=20e9)
    _, left_out = driven_factors((0, 1), 3, play)
    direct = functools.partial(_transmissions, amplifier=Amplifier(), bandwidth_hz=20e9)
    _, little = driven_factors((0, 1), 3, direct)
    assert little < 1e-6 < 1e-3 < left_out


def test_factors_of_each_own_label_have_mean_one():
    play = functools.partial(_transmissions, amplifier=Amplifier(), bandwidth_hz=0.5e9)
    factors, _ = driven_factors((0, 1, 1), 2, play)
    assert np.allclose(factors.reshape(-1, 3).mean(axis=0), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 1), (1.0, 0.2), (0.0,) * 7), "memory of 7 pulses, but must be 0 to 6"),
        (((0, 1), (1.0, 1.2), (0.1,)), "intensities is 1.2"),
        (((0, 1), (1.0, 0.2), (-2.0,)), "coefficients is -2"),
        (((0, 1), (1.0, 0.2), (-0.6, -0.6)), "without light"),
    ],
)
def test_memories_outside_physics_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pattern_factors(*arguments)


def test_all_contexts_of_two_pulses_follow_the_formula():
    table = pattern_factors((0, 1), INTENSITIES, (0.1, 0.2))
    for one, two in itertools.product(range(2), range(2)):
        expected = 1 + 0.1 * INTENSITIES[one] + 0.2 * INTENSITIES[two]
        assert table[0 + 2 * (one + 2 * two)] == pytest.approx(expected)
