"""Squeezers: half a wave at V_pi, and a loop as wide as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.optics.squeezer import Squeezer

VOLTS = st.floats(0, 100)


def swept(squeezer, voltages):
    found = []
    for v in voltages:
        squeezer.set_voltage(v)
        found.append(squeezer.retardance_rad)
    return np.array(found)


def test_half_a_wave_at_v_pi_without_hysteresis():
    squeezer = Squeezer(40.0, hysteresis=0.0)
    squeezer.set_voltage(40.0)
    assert squeezer.retardance_rad == pytest.approx(math.pi)
    crossed = squeezer.jones() @ np.array([1, 1]) / math.sqrt(2)
    assert abs(np.vdot(np.array([1, -1]) / math.sqrt(2), crossed)) == pytest.approx(1)


@pytest.mark.parametrize("width", [0.05, 0.12])
def test_the_loop_over_the_full_range_is_as_wide_as_stated(width):
    squeezer = Squeezer(40.0, max_v=100.0, hysteresis=width)
    up = np.linspace(0, 100, 401)
    swept(squeezer, up[::-1])
    rising = swept(squeezer, up)
    falling = swept(squeezer, up[::-1])[::-1]
    height = np.max(falling - rising)
    assert np.all(falling - rising > -1e-12)
    assert height == pytest.approx(width * math.pi * 100 / 40, rel=0.05)


@given(st.lists(VOLTS, min_size=1, max_size=8), VOLTS, VOLTS)
def test_a_small_loop_within_a_larger_one_is_forgotten(history, a, b):
    low, high = min(a, b), max(a, b)
    one, other = (Squeezer(40.0, max_v=100.0) for _ in range(2))
    for squeezer in (one, other):
        for v in [*history, 100.0, low]:
            squeezer.set_voltage(v)
    middle = low + (high - low) / 3
    for v in (high, middle, high):
        one.set_voltage(v)
    other.set_voltage(high)
    assert one.retardance_rad == pytest.approx(other.retardance_rad, abs=1e-9)


@given(st.lists(VOLTS, min_size=2, max_size=20))
def test_its_matrix_is_unitary_wherever_it_comes_from(voltages):
    squeezer = Squeezer(30.0, max_v=100.0, axis_rad=0.4, axis_error_rad=0.01)
    swept(squeezer, voltages)
    j = squeezer.jones()
    assert j @ j.conj().T == pytest.approx(np.eye(2), abs=1e-12)


@pytest.mark.parametrize("voltage_v", [-0.1, 140.1, math.nan])
def test_voltages_that_it_does_not_bear_are_refused(voltage_v):
    with pytest.raises(ValueError, match=r"voltage_v is .* V"):
        Squeezer(40.0).set_voltage(voltage_v)
