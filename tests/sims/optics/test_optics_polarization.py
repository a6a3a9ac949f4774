from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.optics.polarization import (
    analyser_vector,
    diattenuator_jones,
    mueller_matrix,
    polarizer_jones,
    stokes_vectors,
    waveplate_jones,
)

ANGLE = st.floats(-math.pi, math.pi)
PART = st.floats(-2, 2)
JONES = st.lists(PART, min_size=8, max_size=8).map(
    lambda p: (np.array(p[:4]) + 1j * np.array(p[4:])).reshape(2, 2)
)
FIELD = st.lists(PART, min_size=4, max_size=4).map(
    lambda p: np.array(p[:2]) + 1j * np.array(p[2:])
)
H = np.array([1, 0], complex)


def linear(angle):
    return np.array([math.cos(angle), math.sin(angle)], complex)


def test_the_six_cardinal_states_lie_on_the_axes():
    r = math.sqrt(0.5)
    states = np.array([[1, 0], [0, 1], [r, r], [r, -r], [r, 1j * r], [r, -1j * r]])
    expected = [
        [1, 1, 0, 0],
        [1, -1, 0, 0],
        [1, 0, 1, 0],
        [1, 0, -1, 0],
        [1, 0, 0, 1],
        [1, 0, 0, -1],
    ]
    assert stokes_vectors(states) == pytest.approx(np.array(expected))


@given(ANGLE, ANGLE)
def test_polarizer_keeps_malus_law(axis, angle):
    power = 0.5 * analyser_vector(polarizer_jones(axis)) @ stokes_vectors(linear(angle))
    assert power == pytest.approx(math.cos(axis - angle) ** 2, abs=1e-12)


@given(ANGLE, ANGLE)
def test_half_wave_plate_mirrors_linear_light_at_its_axis(axis, angle):
    out = waveplate_jones(axis, 0.5) @ linear(angle)
    expected = stokes_vectors(linear(2 * axis - angle))
    assert stokes_vectors(out) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_quarter_wave_plate_at_45_degrees_makes_circular_light(sign):
    out = stokes_vectors(waveplate_jones(sign * math.pi / 4, 0.25) @ H)
    assert out == pytest.approx(np.array([1, 0, 0, -sign]), abs=1e-12)


@given(ANGLE, st.floats(0, 1))
def test_waveplates_are_unitary(angle, retardance):
    plate = waveplate_jones(angle, retardance)
    assert plate @ plate.conj().T == pytest.approx(np.eye(2), abs=1e-12)


@given(st.floats(0, 60))
def test_the_two_ports_of_a_splitter_share_all_light(extinction_db):
    ports = [polarizer_jones(a, extinction_db) for a in (0.0, math.pi / 2)]
    total = sum(analyser_vector(p) for p in ports)
    assert total == pytest.approx(np.array([2, 0, 0, 0]), abs=1e-12)
    crossed = 0.5 * analyser_vector(ports[1]) @ stokes_vectors(H)
    assert crossed == pytest.approx(10 ** (-extinction_db / 10))


@given(JONES, FIELD)
def test_mueller_matrix_acts_as_the_jones_matrix(jones, field):
    expected = stokes_vectors(jones @ field)
    assert mueller_matrix(jones) @ stokes_vectors(field) == pytest.approx(
        expected, abs=1e-9
    )


@given(JONES, FIELD)
def test_analyser_vector_gives_the_power_after_the_matrix(jones, field):
    power = np.sum(np.abs(jones @ field) ** 2)
    assert 0.5 * analyser_vector(jones) @ stokes_vectors(field) == pytest.approx(
        power, abs=1e-9
    )


@given(ANGLE, st.floats(0.0, 3.0))
def test_a_dependent_loss_keeps_the_mean_and_takes_its_decibels(angle, pdl_db):
    vector = analyser_vector(diattenuator_jones(angle, pdl_db))
    assert vector[0] == pytest.approx(2.0)
    swing = np.linalg.norm(vector[1:])
    best, worst = 1 + swing / 2, 1 - swing / 2
    assert 10 * math.log10(best / worst) == pytest.approx(pdl_db, abs=1e-9)


def test_light_along_the_axis_passes_best():
    jones = diattenuator_jones(math.pi / 4, 1.0)
    d, a = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
    assert np.linalg.norm(jones @ d) > 1 > np.linalg.norm(jones @ a)
