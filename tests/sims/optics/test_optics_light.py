from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.modulator import phase_modulator_jones
from qkdlab_sims.optics.polarization import stokes_vectors, waveplate_jones
from qkdlab_sims.optics.source import plain_pulses


def fields(n=7):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 2)) + 1j * rng.normal(size=(n, 2))


def test_plain_pulses_are_linear_at_their_angle():
    light = plain_pulses(1550.0, photons=3.0, polarization_rad=0.3)
    assert light.mean_photons() == pytest.approx([3.0])
    s = light.stokes()[0] / 3.0
    assert s == pytest.approx([1, math.cos(0.6), math.sin(0.6), 0])


def test_loss_and_matrices_act_on_all_contexts():
    light = Light(fields(), 1550.0)
    plate = waveplate_jones(0.4, 0.3)
    out = light.through(plate).attenuated(0.25)
    assert out.stokes() == pytest.approx(0.25 * stokes_vectors(fields() @ plate.T))
    assert out.mean_photons() == pytest.approx(0.25 * light.mean_photons())


def test_components_share_the_table_of_contexts():
    light = Light(fields(), 1550.0)
    assert light.attenuated(0.5).through(np.eye(2)).table is light.table


def test_context_counts_from_the_first_pulse():
    light = Light(fields(7), 1550.0, first_pulse=10)
    assert [light.context(k) for k in (3, 9, 10, 16, 17)] == [0, 6, 0, 6, 0]


def test_modulator_makes_one_context_a_symbol():
    light = plain_pulses(1550.0).attenuated(0.5)
    volts = np.array([0.0, 2.0, 4.0, 6.0])
    out = light.modulated(phase_modulator_jones(volts, 4.0), first_pulse=5)
    s = out.stokes() / light.mean_photons()[0]
    assert out.first_pulse == 5
    expected = [[1, 0, 1, 0], [1, 0, 0, 1], [1, 0, -1, 0], [1, 0, 0, -1]]
    assert s == pytest.approx(np.array(expected), abs=1e-12)


def test_amplitude_modulator_scales_contexts():
    light = plain_pulses(1550.0)
    out = light.modulated(np.array([1.0 + 0j, 0.1 + 0j]), first_pulse=0)
    ratio = out.mean_photons() / light.mean_photons()[0]
    assert ratio == pytest.approx([1.0, 0.01])


def test_light_refuses_a_table_of_another_shape():
    with pytest.raises(ValueError, match="complex128"):
        Light(np.ones(4, complex), 1550.0)


def test_modulated_light_cannot_be_modulated_again():
    light = Light(fields(), 1550.0)
    with pytest.raises(ValueError, match="once"):
        light.modulated(np.ones(7, complex), first_pulse=0)
