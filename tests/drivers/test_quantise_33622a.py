"""Volts to codes of the 33622A's converter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_drivers.keysight.quantise import CODE_STEP, FULL_SCALE, fit

LEVELS = st.lists(
    st.floats(-5.0, 5.0, allow_nan=False, width=64), min_size=1, max_size=20
)


@given(LEVELS)
def test_every_level_is_met_to_half_a_step(levels):
    volts = np.array(levels)
    waveform = fit(volts, 5.0)
    step_v = waveform.amplitude_v / 2 / FULL_SCALE * CODE_STEP
    error_v = np.abs(waveform.volts() - volts).max()
    # at the very ends of the range a constant gives way by up to a millivolt
    assert error_v <= max(step_v * 0.51, 1.1e-3 if np.abs(volts).max() > 4.9 else 0)


@given(LEVELS)
def test_amplitude_and_offset_fit_the_output(levels):
    waveform = fit(np.array(levels), 5.0)
    assert waveform.amplitude_v >= 1e-3
    assert waveform.amplitude_v / 2 + abs(waveform.offset_v) <= 5.0 + 1e-9


@given(LEVELS)
def test_codes_are_those_of_14_bits(levels):
    codes = fit(np.array(levels), 5.0).codes
    assert codes.dtype == np.int16
    assert not np.any(codes % CODE_STEP)
    assert np.abs(codes.astype(int)).max() <= FULL_SCALE


def test_the_converter_is_filled():
    waveform = fit(np.array([0.0, 0.8]), 5.0)
    assert (waveform.amplitude_v, waveform.offset_v) == pytest.approx((0.801, 0.4))
    assert waveform.codes.max() > 0.998 * FULL_SCALE
