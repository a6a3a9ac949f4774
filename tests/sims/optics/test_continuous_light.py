"""Continuous light: looked at photon by photon, or refused, never cut in silence."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab_sims.optics.detector import (
    BRIGHTEST_SPREAD,
    DetectorBank,
    DetectorParameters,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.parameters import Spad

PERIOD_PS, DEAD_PS = 10_000, 40_000
DARK = Light(np.zeros((1, 2), np.complex128), 1550.0)
TICKS = 1 << 16
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.0,
    dark_floor_hz=100.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=100.0,
    jitter_fwhm_ps=20.0,
)


def clicks(bank, photons, bias):
    state = DetectorState(bank)
    state.set_bias([bias])
    nothing = np.zeros((1, 4))
    made = simulate_pulses(state, DARK, nothing, 0, 4 * TICKS, background=photons)
    return made.times_ps[0]


@pytest.mark.parametrize("photons", [0.1, 1.0, 10.0, 1000.0])
def test_a_diode_counts_by_its_dead_time_however_bright_the_light(photons):
    diode = Spad(efficiency=0.6, dark_rate_hz=0.0, dead_time_ps=DEAD_PS)
    bank = SpadBank((diode,), (50_000,), PERIOD_PS, seed=3)
    seen = len(clicks(bank, photons, 1.0))
    expected = 4 * TICKS * PERIOD_PS / (DEAD_PS + PERIOD_PS / photons)
    reached = 4 * TICKS * PERIOD_PS / (DEAD_PS + PERIOD_PS / BRIGHTEST_SPREAD)
    # counts of a dead time scatter less than those of Poisson
    assert abs(seen - min(expected, reached)) < 5 * expected**0.5
    assert seen > 0.99 * expected


def test_a_wire_that_hardly_rests_is_refused_what_it_would_count():
    bank = DetectorBank((WIRE,), (50_000,), PERIOD_PS, seed=3)
    with pytest.raises(OverflowError, match="rests for 100 ps"):
        clicks(bank, 1.1 * BRIGHTEST_SPREAD, 22.0)
