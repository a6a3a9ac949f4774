"""Fibre: delay, dispersion, polarization-mode dispersion, echoes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, maxwell

from qkdlab_sims.optics.channels.echo import echo_between
from qkdlab_sims.optics.channels.fibre import FibreSpan
from qkdlab_sims.optics.channels.pmd import PrincipalStates, draw_principal_states


def fwhm_ps(t_ps, power):
    """Width at half of the maximum, by interpolation."""
    above = np.flatnonzero(power >= power.max() / 2)
    edges = []
    for inside, outside in ((above[0], above[0] - 1), (above[-1], above[-1] + 1)):
        share = (power[inside] - power.max() / 2) / (power[inside] - power[outside])
        edges.append(t_ps[inside] + share * (t_ps[outside] - t_ps[inside]))
    return edges[1] - edges[0]


@pytest.mark.parametrize("chirp", [0.0, -5.0, 2.0])
@pytest.mark.parametrize("length_km", [0.0, 5.0, 100.0])
def test_dispersion_is_that_of_a_pulse_sent_through_the_fibre(chirp, length_km):
    # independent: the field's spectrum times exp(i b2 w^2 z / 2)
    width_ps, b2_ps2_per_km = 60.0, -21.6826
    t0_ps = width_ps / (2 * math.sqrt(math.log(2)))
    t_ps = (np.arange(1 << 15) - (1 << 14)) * 0.25
    field = np.exp(-(1 + 1j * chirp) * t_ps**2 / (2 * t0_ps**2))
    w = 2 * math.pi * np.fft.fftfreq(t_ps.size, 0.25)
    spectrum = np.fft.fft(field) * np.exp(0.5j * b2_ps2_per_km * length_km * w**2)
    expected = fwhm_ps(t_ps, np.abs(np.fft.ifft(spectrum)) ** 2)
    span = FibreSpan(length_km, dispersion_ps_per_nm_km=17.0)
    assert span.broadened_fwhm_ps(width_ps, 1550.0, chirp) == pytest.approx(
        expected, rel=2e-4
    )


def test_loss_and_delay_grow_with_length():
    span = FibreSpan(25.0, insertion_loss_db=2.0)
    assert span.loss_db == pytest.approx(7.0)
    assert span.transmission == pytest.approx(10**-0.7)
    assert span.delay_ps() == 122_500_000


def test_a_kelvin_moves_the_light_by_forty_picoseconds_a_kilometre():
    span = FibreSpan(25.0)
    assert span.delay_ps(1.0) - span.delay_ps() == 1000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("length_km", -1.0, "length_km is -1 km, but must be between 0 and 1000 km"),
        ("loss_db_per_km", -0.2, "loss_db_per_km is -0.2 dB/km"),
        ("pmd_ps_per_sqrt_km", math.nan, "pmd_ps_per_sqrt_km is nan"),
    ],
)
def test_values_outside_physics_are_refused(field, value, message):
    arguments = {"length_km": 10.0, field: value}
    with pytest.raises(ValueError, match=message):
        FibreSpan(**arguments)


def test_group_delay_differences_are_maxwell_distributed():
    # 1 of 1 tests, p > 1e-4; a mean 10 % off is caught
    drawn = [draw_principal_states(3, "line", 0.5, n).dgd_ps for n in range(4000)]
    scale = 0.5 / math.sqrt(8 / math.pi)
    assert kstest(drawn, maxwell(scale=scale).cdf).pvalue > 1e-4
    assert kstest(drawn, maxwell(scale=1.1 * scale).cdf).pvalue < 1e-4


def test_mean_group_delay_difference_grows_with_the_root_of_the_length():
    assert FibreSpan(100.0, pmd_ps_per_sqrt_km=0.05).mean_dgd_ps == pytest.approx(0.5)


def test_principal_states_are_half_the_difference_early_and_late():
    states = PrincipalStates(8.0, np.array([0.0, 1.0, 0.0]))
    stokes = np.array([[2.0, 0, 2, 0], [2.0, 0, -2, 0], [1.0, 1, 0, 0]])
    assert states.delay_ps(stokes).tolist() == [4.0, -4.0, 0.0]


def test_overlap_of_the_two_halves_is_that_of_their_fields():
    t_ps = np.arange(-400, 400, 0.1)
    t0_ps = 60.0 / (2 * math.sqrt(math.log(2)))
    early, late = (np.exp(-((t_ps + s) ** 2) / (2 * t0_ps**2)) for s in (15, -15))
    expected = (early * late).sum() / (early**2).sum()
    states = PrincipalStates(30.0, np.array([1.0, 0.0, 0.0]))
    assert states.polarization_kept(60.0) == pytest.approx(expected, rel=1e-9)


def test_an_echo_travels_twice_and_is_reflected_twice():
    echo = echo_between(50.0, 14.7, FibreSpan(1.0, loss_db_per_km=0.2))
    assert echo.delay_ps == 9_800_000
    assert echo.loss_db == pytest.approx(65.1)
    assert echo.share == pytest.approx(10**-6.51)


@given(st.floats(0, 1000), st.floats(0, 1))
def test_no_fibre_amplifies(length_km, loss_db_per_km):
    assert 0 <= FibreSpan(length_km, loss_db_per_km).transmission <= 1
