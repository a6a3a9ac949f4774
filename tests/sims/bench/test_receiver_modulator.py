"""A modulator before the detectors: what it makes of patterns and of settings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab.config.load import load
from qkdlab.errors import ConfigError
from qkdlab_sims.bench.receiver_modulator import turned
from qkdlab_sims.bench.simulated import SimulatedBench
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import stokes_vectors, waveplate_jones
from qkdlab_sims.optics.settings.counter import CounterSettings
from qkdlab_sims.optics.settings.joint import JointLaw
from qkdlab_sims.optics.settings.law import ContextLaw
from qkdlab_sims.optics.settings.layout import Shares

WAY = 0.5 * waveplate_jones(0.3, 0.21)
RNG = np.random.default_rng(5)


def law(*counts):
    return ContextLaw.of(CounterSettings(bytes(16), 3, Shares(counts)))


def sent(n, first=0, by=None):
    fields = RNG.normal(size=(n, 2)) + 1j * RNG.normal(size=(n, 2))
    return Light(fields, 1550.0, first, law=by).through(waveplate_jones(0.1, 0.4))


def modulation(phases, first=0, by=None):
    """What a phase modulator makes of D."""
    fields = np.stack([np.ones(len(phases)), np.exp(1j * np.array(phases))], axis=1)
    return Light(fields / math.sqrt(2.0), 1550.0, first, law=by)


def met(light, pulse, phase):
    """Stokes vector of a pulse behind the modulator at that phase."""
    field = WAY @ light.matrix @ light.jones[light.context(pulse)]
    return stokes_vectors(field * np.array([1.0, np.exp(1j * phase)]))


def seen(light, pulse):
    return light.stokes()[light.context(pulse)]


def test_a_resting_modulator_is_one_more_matrix():
    light = sent(7, 3)
    behind = turned(light, WAY, modulation([0.4]))
    assert behind.table is light.table
    assert np.allclose(seen(behind, 11), met(light, 11, 0.4))


@pytest.mark.parametrize("pulse", [0, 5, 100, 12345])
def test_two_patterns_make_a_longer_one(pulse):
    light, phases = sent(4, 3), [0.1, 0.7, 2.0, 3.0, 4.5, 5.0]
    behind = turned(light, WAY, modulation(phases, 17))
    assert behind.n_contexts == 12
    assert np.allclose(seen(behind, pulse), met(light, pulse, phases[(pulse - 17) % 6]))


@pytest.mark.parametrize("pulse", [2000, 2007, 10**9])
def test_two_generators_make_a_law_of_both(pulse):
    of_sender, of_receiver = law(20_000, 12_768), law(30_000, 2768)
    light, phases = sent(4, 3, of_sender), [0.1, 0.7, 2.0, 3.0]
    behind = turned(light, WAY, modulation(phases, 1900, of_receiver))
    assert isinstance(behind.law, JointLaw)
    setting = of_receiver.settings.settings(np.array([pulse - 1900]))[0]
    assert np.allclose(seen(behind, pulse), met(light, pulse, phases[setting]))


def test_light_without_a_pattern_takes_that_of_the_modulator():
    light, of_receiver = sent(1), law(30_000, 2768)
    phases = [0.1, 0.7, 2.0, 3.0]
    behind = turned(light, WAY, modulation(phases, 40, of_receiver))
    setting = of_receiver.settings.settings(np.array([60]))[0]
    assert np.allclose(seen(behind, 100), met(light, 100, phases[setting]))


def test_power_and_continuous_light_are_kept():
    light = sent(4, 3, law(20_000, 12_768))
    behind = turned(light, WAY, modulation([0.0, 1.0, 2.0, 3.0], 5, law(30_000, 2768)))
    expected = light.through(WAY).average_stokes()[0]
    assert behind.average_stokes()[0] == pytest.approx(expected)


def test_a_pattern_beside_a_generator_is_refused():
    with pytest.raises(ConfigError, match="on both sides"):
        turned(sent(4, 0, law(20_000, 12_768)), WAY, modulation([0.0, 1.0]))


def bench(*overrides):
    return SimulatedBench(load("bb84_active", overrides=["seed=3", *overrides]), 3)


def test_the_world_knows_a_modulator_behind_the_senders():
    made = bench()
    ways = made._assembly.world.ways
    assert ways.modulator is not None
    assert ways.modulator.generator == "bob_board"
    assert list(made._assembly.world.marks) == [3]


def test_true_records_tell_both_modulators_apart():
    records = bench().truth()["records"]
    drawn = bench().truth()["drawn"]
    for party, quantity, part in (
        ("alice", "polarization_v_pi", "pm"),
        ("bob", "basis_v_pi", "pm_bob"),
    ):
        label_v = drawn[part]["v_pi_v"] / 5.0
        assert records[party][quantity] == pytest.approx(label_v, rel=0.1)
    assert records["bob"]["basis_v_pi"] != records["alice"]["polarization_v_pi"]


def test_an_eavesdropper_before_the_modulator_is_refused():
    with pytest.raises(ConfigError, match="attack none"):
        bench("wiring.parts.eve.attack=intercept_resend")


def test_light_that_comes_at_another_time_than_its_setting_is_refused():
    with pytest.raises(ConfigError, match="for a receiver without modulators"):
        bench("wiring.parts.fibre.temperature={warming_k_per_s: 0.1}")
