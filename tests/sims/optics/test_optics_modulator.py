from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.optics.awg.response import analogue, step_response
from qkdlab_sims.optics.modulator import (
    Amplifier,
    drive,
    intensity_transmission,
    phase_modulator_jones,
)

RATE_HZ = 1e9
SAMPLE_PS = 1000.0
STEP_AT_PS = 8_000.0


def step_volts():
    volts = np.zeros(64)
    volts[8:60] = 1.0
    return volts


def step_output(filter_name, times_ps, rate_hz=RATE_HZ):
    sample_ps = 1e12 / rate_hz
    at = 8 * sample_ps + np.asarray(times_ps, float)
    return analogue(step_volts(), sample_ps, step_response(filter_name, rate_hz), at)


def plain_chain(volts, filter_name, amplifier, bandwidth_hz, times_ps):
    """The drive chain on a 5 ps grid with Fourier transforms over the whole period."""
    grid_ps = 5.0
    fine = np.repeat(volts, round(SAMPLE_PS / grid_ps))
    n = len(fine)
    kernel = np.zeros(n)
    density = np.diff(step_response(filter_name, RATE_HZ).step)
    kernel[: len(density)] = density
    out = np.fft.irfft(np.fft.rfft(fine) * np.fft.rfft(kernel), n)
    if math.isfinite(amplifier.saturation_v):
        out = amplifier.saturation_v * np.tanh(
            amplifier.gain * out / amplifier.saturation_v
        )
    else:
        out = amplifier.gain * out
    f = np.fft.rfftfreq(n, grid_ps * 1e-12)
    spectrum = np.fft.rfft(out)
    if amplifier.ac_corner_hz:
        spectrum *= 1 - 1 / (1 + 1j * f / amplifier.ac_corner_hz)
    if math.isfinite(bandwidth_hz):
        spectrum /= 1 + 1j * f / bandwidth_hz
    out = np.fft.irfft(spectrum, n)
    # entry i of the convolution holds for the end of its cell
    cells = np.asarray(times_ps) / grid_ps - 1
    return np.interp(cells % n, np.arange(n + 1), np.append(out, out[0]))


def test_step_filter_settles_to_3_permille_within_7_ns():
    assert step_output("STEP", [7_000.0])[0] == pytest.approx(1.0, abs=3e-3)


def test_step_filter_rises_in_2_9_ns_without_overshoot():
    t = np.arange(0.0, 20_000.0, 10.0)
    out = step_output("STEP", t)
    rise = t[np.argmax(out > 0.9)] - t[np.argmax(out > 0.1)]
    assert rise == pytest.approx(2_900, rel=0.02)
    assert np.all(np.diff(out) >= 0.0)
    assert out.max() <= 1.0 + 1e-12


def test_normal_filter_overshoots_and_comes_back():
    t = np.arange(0.0, 20_000.0, 10.0)
    out = step_output("NORM", t)
    assert 1.02 < out.max() < 1.12
    assert out[-1] == pytest.approx(1.0)


def test_without_filter_a_staircase_passes_the_output_amplifier():
    t = np.arange(0.0, 30_000.0, 10.0)
    out = step_output("OFF", t, rate_hz=250e6)
    rise = t[np.argmax(out > 0.9)] - t[np.argmax(out > 0.1)]
    assert rise == pytest.approx(2_900, rel=0.02)


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="none of NORM, STEP, OFF"):
        step_response("STPE", RATE_HZ)


def test_nothing_moves_before_the_edge():
    for name in ("STEP", "NORM", "OFF"):
        assert np.all(step_output(name, [-2_000.0, -500.0, 0.0]) == 0.0)


@pytest.mark.parametrize("late_ps", [1_000.0, 2_000.0])
def test_soon_after_the_edge_the_former_symbol_still_shows(late_ps):
    out = []
    for former in (0.0, 1.0):
        volts = np.full(64, 0.5)
        volts[:8] = former
        response = step_response("STEP", RATE_HZ)
        at = np.array([STEP_AT_PS + late_ps])
        out.append(analogue(volts, SAMPLE_PS, response, at)[0])
    assert out[1] - out[0] > 0.75


def test_the_next_symbol_does_not_show():
    out = []
    for following in (0.0, 1.0):
        volts = np.full(64, 0.5)
        volts[18:28] = following
        at = np.array([STEP_AT_PS + 7_500.0])
        args = ("STEP", Amplifier(5.0, 20.0), 10e9, at)
        out.append(drive(volts, RATE_HZ, *args)[0])
    assert out[0] == out[1]


def test_a_slow_modulator_brings_the_pattern_effect():
    out = []
    for former in (0.0, 1.0):
        volts = np.full(64, 0.5)
        volts[:8] = former
        at = np.array([STEP_AT_PS + 7_500.0])
        out.append(drive(volts, RATE_HZ, "STEP", Amplifier(), 100e6, at)[0])
    assert out[1] - out[0] > 0.02


@pytest.mark.parametrize(
    ("name", "amplifier", "bandwidth_hz"),
    [
        ("STEP", Amplifier(5.0, 20.0), 10e9),
        ("STEP", Amplifier(5.0, 3.0), 200e6),
        ("NORM", Amplifier(2.0), 1e9),
        ("OFF", Amplifier(5.0, 20.0), math.inf),
        ("STEP", Amplifier(5.0, 20.0, ac_corner_hz=1e6), 10e9),
    ],
)
def test_drive_equals_a_plain_chain(name, amplifier, bandwidth_hz):
    volts = np.random.default_rng(2).choice([0.0, 0.4, 0.8], 20).repeat(10)
    times = np.arange(20) * 10_000.0 + np.linspace(6_500.0, 8_500.0, 20)
    ours = drive(volts, RATE_HZ, name, amplifier, bandwidth_hz, times)
    plain = plain_chain(volts, name, amplifier, bandwidth_hz, times)
    assert ours == pytest.approx(plain, abs=2e-3 * amplifier.gain)


def test_the_pattern_is_cyclic():
    volts = np.random.default_rng(3).random(40)
    times = np.array([7_500.0, 17_500.0])
    args = ("STEP", Amplifier(), 10e9)
    first = drive(volts, RATE_HZ, *args, times)
    later = drive(volts, RATE_HZ, *args, times + 40_000.0 * 12_345)
    assert later == pytest.approx(first, abs=1e-9)


def test_amplifier_saturates_as_a_hyperbolic_tangent():
    out = Amplifier(gain=5.0, saturation_v=4.0).amplify(np.array([-9.0, 0.4, 9.0]))
    assert out == pytest.approx([-4.0, 4.0 * math.tanh(0.5), 4.0], abs=1e-6)


def test_coupling_removes_the_mean():
    volts = np.random.default_rng(4).random(2_000)
    times = np.arange(2_000) * 1_000.0 + 500.0
    args = ("STEP", Amplifier(1.0, ac_corner_hz=1e4), math.inf, times)
    assert drive(volts, RATE_HZ, *args).mean() == pytest.approx(0.0, abs=1e-3)


def test_intensity_modulator_is_dark_at_0_and_open_at_v_pi():
    t = intensity_transmission(np.array([0.0, 2.0, 4.0, 8.0]), 4.0, 35.0)
    leak = 10**-3.5
    assert t == pytest.approx([leak, (1 + leak) / 2, 1.0, leak])


def test_intensity_bias_shifts_the_curve():
    shifted = intensity_transmission(np.array([0.0]), 4.0, 30.0, math.pi / 2)
    assert shifted == pytest.approx(intensity_transmission(np.array([2.0]), 4.0, 30.0))


def test_phase_modulator_turns_diagonal_light_by_quarters():
    jones = phase_modulator_jones(np.array([0.0, 2.0, 4.0, 6.0]), 4.0)
    out = jones * np.array([1, 1]) / math.sqrt(2)
    r = math.sqrt(0.5)
    assert out == pytest.approx(np.array([[r, r], [r, 1j * r], [r, -r], [r, -1j * r]]))


@pytest.mark.parametrize("filter_name", ["STEP", "NORM"])
@pytest.mark.parametrize("first_ps", [0.0, 137.0, 9_999.5, -123_456.0])
def test_pulses_in_step_with_the_samples_are_the_same_done_quickly(
    filter_name, first_ps
):
    volts = np.random.default_rng(3).normal(size=640)
    response = step_response(filter_name, RATE_HZ)
    times = first_ps + 10_000.0 * np.arange(200)
    quick = analogue(volts, SAMPLE_PS, response, times)
    # One instant out of step, and the general way is taken.
    slow = analogue(volts, SAMPLE_PS, response, np.append(times, 0.3))[:-1]
    assert quick == pytest.approx(slow, abs=1e-12)


def test_residual_amplitude_follows_the_sine_of_the_phase():
    volts = np.linspace(0.0, 8.0, 9)
    field = phase_modulator_jones(volts, 4.0, residual_am=0.01)
    power = np.abs(field[:, 0]) ** 2
    np.testing.assert_allclose(power, 1 + 0.01 * np.sin(np.pi * volts / 4.0))
    np.testing.assert_allclose(np.abs(field[:, 1]), np.abs(field[:, 0]))
