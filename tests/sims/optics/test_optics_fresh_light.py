"""Light whose settings come on demand: contexts, clicks, and what is refused."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from qkdlab_sims.optics.attacks.photons import PhotonAttack
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
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

SETTINGS = CounterSettings(bytes(range(16)), 77, Shares((13000, 7000, 9000, 3768)))
PARAMETERS = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=30.0,
    dark_floor_hz=5_000.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=60.0,
    tail_fraction=0.1,
    tail_ps=80.0,
)
INTENSITY = [setting >> 2 for setting in range(8)]
BASIS_AND_VALUE = [setting & 3 for setting in range(8)]


@pytest.mark.parametrize("labels", [[], [INTENSITY], [BASIS_AND_VALUE, INTENSITY]])
def test_contexts_are_made_of_the_settings_of_pulses_before(labels):
    law = ContextLaw.of(SETTINGS, labels)
    pulses = np.array([7, 8, 9, 10, 15, 16, 1234567, 10**15])
    expected = SETTINGS.settings(pulses)
    stride = 8
    for lag, at_lag in enumerate(labels, 1):
        expected += stride * np.array(at_lag)[SETTINGS.settings(pulses - lag)]
        stride *= max(at_lag) + 1
    assert law.contexts(pulses).tolist() == expected.tolist()
    assert law.n_contexts == stride


def test_contexts_of_six_lags_are_made_of_six_settings():
    law = ContextLaw.of(SETTINGS, [INTENSITY] * 6)
    pulses = np.arange(100, 200)
    before = [SETTINGS.settings(pulses - lag) >> 2 for lag in range(1, 7)]
    bits = sum(label << lag for lag, label in enumerate(before))
    assert np.array_equal(law.contexts(pulses), SETTINGS.settings(pulses) + 8 * bits)


def test_probabilities_of_contexts_are_those_seen():
    law = ContextLaw.of(SETTINGS, [INTENSITY])
    odds = law.probabilities()
    assert odds.sum() == pytest.approx(1.0)
    seen = np.bincount(law.contexts(np.arange(20_000)), minlength=law.n_contexts)
    assert np.abs(seen / 20_000 - odds).max() < 4 * math.sqrt(0.25 / 20_000)


def test_the_mean_of_a_light_counts_contexts_as_often_as_they_come():
    law = ContextLaw.of(SETTINGS)
    means = np.arange(1.0, 9.0)
    fields = np.sqrt(means)[:, None] * np.array([[1.0 + 0j, 0.0]])
    light = Light(fields, 1550.0, law=law)
    expected = np.dot(means, SETTINGS.shares.probabilities())
    assert light.average_stokes()[0] == pytest.approx(expected)


def test_context_of_a_pulse_counts_from_the_first():
    law = ContextLaw.of(SETTINGS)
    light = Light(np.ones((8, 2), complex), 1550.0, first_pulse=1000, law=law)
    assert light.context(1003) == SETTINGS.settings(np.array([3]))[0]


def fresh(brightness, labels=(), noise=0.0):
    law = ContextLaw.of(SETTINGS, labels)
    rng = np.random.default_rng(3)
    fields = rng.normal(size=(law.n_contexts, 2)) + 1j * rng.normal(
        size=(law.n_contexts, 2)
    )
    return Light(fields, 1550.0, 5, law=law, intensity_noise_rms=noise).attenuated(
        brightness
    )


def clicks(light, begin=0, n_ticks=6, eve=None):
    bank = DetectorBank((PARAMETERS,) * 3, (100, 250, 900), 1_000, seed=4)
    state = DetectorState(bank)
    state.set_bias([22.0] * 3)
    angles = (0.0, math.pi / 2, math.pi / 4)
    analysers = 0.4 * np.array(
        [analyser_vector(polarizer_jones(a, 20)) for a in angles]
    )
    first = begin * PULSES_PER_TICK
    last = first + n_ticks * PULSES_PER_TICK
    return simulate_pulses(state, light, analysers, first, last, eve=eve).times_ps


LIGHTS = list(itertools.product((1e-3, 0.05), ([], [INTENSITY] * 3), (0.0, 0.1)))


LASER = PulseDynamics(
    pulse_fwhm_ps=40.0, jitter_rms_ps=8.0, noise_rms=0.1, noise_neighbour=-0.3
)
"""Pulses with instants of their own, which remember the one before."""


@pytest.mark.parametrize(
    ("brightness", "labels", "noise", "laser"),
    [*((*light, None) for light in LIGHTS), (0.05, [], 0.1, LASER)],
)
def test_the_table_of_few_contexts_changes_no_tag(
    monkeypatch, brightness, labels, noise, laser
):
    light = replace(fresh(brightness, labels, noise), dynamics=laser)
    quick = clicks(light)
    monkeypatch.setattr("qkdlab_sims.optics.pulsed._MAX_TABLE", 0)
    for one, two in zip(quick, clicks(light), strict=True):
        assert len(one) > 10
        assert np.array_equal(one, two)


@pytest.mark.parametrize("brightness", [0.05, 6.0])
def test_a_pattern_of_the_same_contexts_gives_the_same_clicks(brightness):
    """The law and a table of the contexts that it gives are one light."""
    light = fresh(brightness, [INTENSITY])
    n = 2 * PULSES_PER_TICK
    chosen = light.law.contexts(np.arange(-5, n - 5))
    table = Light(light.jones[chosen], 1550.0).attenuated(brightness)
    eve = InterceptResend(fraction=0.3)
    for who in (None, eve):
        pair = clicks(light, 0, 2, who), clicks(table, 0, 2, who)
        for one, two in zip(*pair, strict=True):
            # the bound is another, so only the law of large numbers can compare
            assert abs(len(one) - len(two)) < 5 * math.sqrt(len(one) + len(two))


def test_without_aes_rounds_the_clicks_are_the_same():
    plain = CounterSettings(SETTINGS.key, SETTINGS.nonce, SETTINGS.shares, False)
    light = fresh(0.01, [INTENSITY])
    law = ContextLaw(plain, light.law.parts)
    slow = Light(light.jones, 1550.0, 5, law=law).attenuated(0.01)
    for one, two in zip(clicks(light), clicks(slow), strict=True):
        assert np.array_equal(one, two)


def test_a_table_of_another_size_is_refused():
    with pytest.raises(ValueError, match="as many fields"):
        Light(np.ones((7, 2), complex), 1550.0, law=ContextLaw.of(SETTINGS))


@pytest.mark.parametrize(
    "parts",
    [np.zeros(8, int), np.zeros((1, 7), int), np.zeros((8, 8), int), -np.ones((1, 8))],
)
def test_parts_that_are_no_law_are_refused(parts):
    with pytest.raises(ValueError, match="law"):
        ContextLaw(SETTINGS, parts)


def test_a_law_of_too_many_contexts_is_refused():
    with pytest.raises(ValueError, match="2\\*\\*31"):
        ContextLaw(SETTINGS, np.full((2, 8), 1 << 30))


def test_photon_number_attacks_refuse_fresh_light():
    with pytest.raises(ValueError, match="repeats"):
        clicks(fresh(0.05), eve=PhotonAttack("split"))
