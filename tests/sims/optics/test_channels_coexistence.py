"""Raman noise against the reference's figures, and recovered from tags."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optics_bench import ARRIVAL_PS, BIAS_UA, PARAMETERS, PERIOD_PS

from qkdlab_sims.optics.channels.coexistence import (
    ClassicalChannel,
    noise_photons_per_s,
)
from qkdlab_sims.optics.channels.fibre import FibreSpan
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light

QUIET = 300.0  # dB of isolation


# theory.md section 9 [C]: 0 dBm, beta 2e-9 /(km nm), 0.1 nm, 1550 nm, 0.2 dB/km
@pytest.mark.parametrize(
    ("length_km", "forward", "backward"),
    [
        (10, 9.847e6, 1.020e7),
        (25, 1.234e7, 1.525e7),
        (50, 7.803e6, 1.677e7),
        (80, 3.136e6, 1.693e7),
    ],
)
def test_raman_photons_are_those_of_the_reference(length_km, forward, backward):
    span = FibreSpan(length_km)
    for goes_forward, expected in ((True, forward), (False, backward)):
        one = ClassicalChannel(0.0, forward=goes_forward, isolation_db=QUIET)
        got = noise_photons_per_s((one,), span, 0.1, 1550.0)
        assert got == pytest.approx(expected, rel=1e-3)


def test_crosstalk_of_the_near_sender_does_not_pass_the_fibre():
    span = FibreSpan(50.0)
    far = ClassicalChannel(0.0, forward=True, isolation_db=100.0)
    near = ClassicalChannel(0.0, forward=False, isolation_db=100.0)
    assert near.crosstalk_w(span) == pytest.approx(1e-13)
    assert far.crosstalk_w(span) == pytest.approx(1e-14)


def test_noise_of_channels_adds():
    span = FibreSpan(20.0)
    one, two = ClassicalChannel(-3.0), ClassicalChannel(0.0, forward=False)
    each = [noise_photons_per_s((c,), span, 0.5, 1550.0) for c in (one, two)]
    assert noise_photons_per_s((one, two), span, 0.5, 1550.0) == pytest.approx(
        sum(each)
    )


@pytest.mark.parametrize("value", [-1e-9, 1e-6, math.inf])
def test_impossible_cross_sections_are_refused(value):
    with pytest.raises(ValueError, match=r"raman_per_km_nm is .* /\(km nm\)"):
        ClassicalChannel(0.0, raman_per_km_nm=value)


def clicks_of(noise_per_s, seconds):
    """Return the clicks of one detector that sees unpolarized noise."""
    bank = DetectorBank((PARAMETERS,), ARRIVAL_PS[:1], PERIOD_PS, seed=5)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA])
    per_period = noise_per_s * PERIOD_PS * 1e-12
    light = Light(
        np.array([[math.sqrt(per_period), 0]], np.complex128),
        1550.0,
        pulse_share=0.0,
    )
    n = int(seconds * 1e12 / PERIOD_PS / PULSES_PER_TICK) * PULSES_PER_TICK
    eta = bank.efficiencies([BIAS_UA])[0]
    analysers = np.array([[2.0 * eta, 0.0, 0.0, 0.0]])
    tags = simulate_pulses(state, light, analysers, 0, n).times_ps[0]
    return len(tags) / (n * PERIOD_PS * 1e-12)


def test_the_cross_section_is_recovered_from_count_rates():
    # rates with the classical laser on and off, corrected for the recovery; 5 sigma of
    # the counting error, and 5 % more would be seen
    span, filter_nm = FibreSpan(25.0, insertion_loss_db=13.0), 0.1
    put_in = 2.4e-9
    channel = ClassicalChannel(0.0, raman_per_km_nm=put_in, isolation_db=QUIET)
    seconds = 0.4
    on = clicks_of(noise_photons_per_s((channel,), span, filter_nm, 1550.0), seconds)
    off = clicks_of(0.0, seconds)
    eta = PARAMETERS.efficiency(BIAS_UA)
    # a click blinds the wire for tau ln(...) on average: measured as in the bench's
    # own calibration, by the rate itself
    blind_s = blind_time_s()
    live = [rate / (1.0 - rate * blind_s) for rate in (on, off)]
    unit = ClassicalChannel(0.0, raman_per_km_nm=1e-9, isolation_db=QUIET)
    per_beta = noise_photons_per_s((unit,), span, filter_nm, 1550.0) / 1e-9
    found = (live[0] - live[1]) / eta / per_beta
    sigma = math.sqrt((on + off) / seconds) / eta / per_beta
    assert abs(found - put_in) < 5 * sigma
    assert abs(found - 1.05 * put_in) > 5 * sigma


def blind_time_s():
    """Integrate the efficiency that is missing after a click."""
    t_ps = np.linspace(0, 200_000, 20_001)
    current = BIAS_UA * (1 - np.exp(-t_ps / PARAMETERS.recovery_tau_ps))
    there = np.array([PARAMETERS.relative_efficiency(c) for c in current])
    missing = 1 - there / PARAMETERS.relative_efficiency(BIAS_UA)
    return float(np.trapezoid(missing, t_ps)) * 1e-12
