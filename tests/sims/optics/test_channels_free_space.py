"""Open air: what fades, how much and how fast; satellites and their Doppler shift."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from optics_bench import ARRIVAL_PS, BIAS_UA, PARAMETERS, PERIOD_PS
from scipy.stats import kstest, norm

from qkdlab_sims.optics.channels.free_space import (
    Fading,
    FreeSpacePath,
    background_photons_per_s,
)
from qkdlab_sims.optics.channels.satellite import Pass, slant_range_m
from qkdlab_sims.optics.detector import (
    PULSES_PER_TICK,
    DetectorBank,
    DetectorState,
    simulate_pulses,
)
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.source import photon_energy_j

PATH = FreeSpacePath(1000.0, beam_radius_m=0.05, aperture_radius_m=0.02)


# theory.md section 8 [C], 500 km
@pytest.mark.parametrize(
    ("elevation_deg", "range_km"),
    [(90, 500), (60, 570.5), (45, 683.1), (30, 909.4), (20, 1192.8), (10, 1694.6)],
)
def test_slant_ranges_are_those_of_the_reference(elevation_deg, range_km):
    got = slant_range_m(500e3, math.radians(elevation_deg))
    assert got == pytest.approx(1e3 * range_km, rel=1e-4)


def test_a_pass_agrees_with_the_slant_range_at_each_elevation():
    one = Pass(500e3, math.radians(60))
    t_s = np.linspace(-200, 200, 41)
    for d, e in zip(one.range_m(t_s), one.elevation_rad(t_s), strict=True):
        if e > 0:
            assert d == pytest.approx(slant_range_m(500e3, e), rel=1e-9)
    assert one.elevation_rad(np.zeros(1))[0] == pytest.approx(math.radians(60))


def test_range_rate_is_the_slope_of_the_range():
    one, t_s = Pass(500e3, 1.0), np.linspace(-150, 150, 7)
    slope = (one.range_m(t_s + 0.01) - one.range_m(t_s - 0.01)) / 0.02
    assert one.range_rate_m_per_s(t_s) == pytest.approx(slope, abs=1e-3)


def test_a_low_pass_stretches_the_clock_by_some_sixteen_millionths():
    # standards-attacks-ux.md section 4: 500 km, highest 29.5 deg, +-4.7 km/s, 15.6 ppm
    one = Pass(500e3, math.radians(29.5))
    t_s = np.linspace(-300, 300, 601)
    seen = one.elevation_rad(t_s) > math.radians(20)
    assert np.abs(one.stretch_ppm(t_s[seen])).max() == pytest.approx(15.6, rel=0.1)


def sky_tags(one, begin_s, n_ticks=64):
    """Return tags of pulses every 10 ns from a satellite, and the pulses' numbers."""
    bank = DetectorBank((PARAMETERS,), ARRIVAL_PS[:1], PERIOD_PS, seed=8)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA])
    light = Light(np.array([[math.sqrt(0.02), 0]], np.complex128), 850.0)
    analysers = np.array([[2.0, 0.0, 0.0, 0.0]])
    tags = simulate_pulses(state, light, analysers, 0, n_ticks * PULSES_PER_TICK)
    sent = tags.times_ps[0]
    pulses = np.rint((sent - ARRIVAL_PS[0]) / PERIOD_PS)
    return one.arrival_ps(sent, begin_s), pulses


def test_the_stretch_is_recovered_from_tags():
    one, begin_s = Pass(500e3, 1.0), -120.0
    arrived, pulses = sky_tags(one, begin_s)
    # dark counts lie anywhere: keep those that a first fit explains
    keep = np.ones(len(arrived), bool)
    for limit_ps in (5000, 1000):
        slope, offset = np.polyfit(pulses[keep], arrived[keep] - arrived[0], 1)
        rest = arrived - arrived[0] - (slope * pulses + offset)
        keep = np.abs(rest) < limit_ps
    found_ppm = 1e6 * (slope / PERIOD_PS - 1)
    middle_s = begin_s + pulses[keep].mean() * PERIOD_PS * 1e-12
    spread_ps = rest[keep].std()
    n, span = keep.sum(), np.ptp(pulses[keep])
    sigma_ppm = 1e6 * spread_ps / PERIOD_PS / span * math.sqrt(12 / n)
    expected = one.stretch_ppm(np.array([middle_s]))[0]
    assert abs(expected) > 10
    assert abs(found_ppm - expected) < 5 * sigma_ppm
    assert 5 * sigma_ppm < 0.1


def test_arrivals_keep_their_order_over_days_of_picoseconds():
    one = Pass(500e3)
    sent = np.arange(0, 100_000, 500, dtype=np.int64) + 10**17
    assert np.all(np.diff(one.arrival_ps(sent, -1e5)) >= 499)


def test_the_aperture_collects_what_a_gaussian_beam_has_in_it():
    r_m = (np.arange(200_000) + 0.5) / 200_000 * PATH.aperture_radius_m
    intensity = np.exp(-2 * r_m**2 / PATH.beam_radius_m**2)
    step_m = PATH.aperture_radius_m / 200_000
    inside = (2 * math.pi * r_m * intensity).sum() * step_m
    whole = math.pi * PATH.beam_radius_m**2 / 2
    assert PATH.collected == pytest.approx(inside / whole, rel=1e-6)


@pytest.mark.parametrize("index", [0.05, 0.25, 0.8])
def test_fading_has_mean_one_and_the_stated_index(index):
    factors = Fading(1, PATH, index, turbulence_s=2e-3).turbulence(400_000)
    assert factors.mean() == pytest.approx(1.0, abs=0.02)
    assert factors.var() == pytest.approx(index, rel=0.06)


def test_weak_fading_is_lognormal():
    # every 20th step is nearly independent; p > 1e-4, 1 test
    index = 0.2
    factors = Fading(2, PATH, index, turbulence_s=2e-3).turbulence(100_000)[::20]
    s2 = math.log1p(index)
    z = (np.log(factors) + s2 / 2) / math.sqrt(s2)
    assert kstest(z, norm.cdf).pvalue > 1e-4
    assert kstest(1.2 * z, norm.cdf).pvalue < 1e-4


def test_the_index_and_the_time_are_recovered_from_counts():
    # counts of 1 ms: their variance above that of counting is fading's; the
    # correlation at 4 ms is exp(-4/8) of it for the logarithm, nearly so for counts
    index, time_s, n_ms = 0.15, 8e-3, 1500
    factors = Fading(3, PATH, index, turbulence_s=time_s).turbulence(n_ms)
    bank = DetectorBank((PARAMETERS,), ARRIVAL_PS[:1], PERIOD_PS, seed=9)
    state = DetectorState(bank)
    state.set_bias([BIAS_UA])
    light = Light(np.array([[math.sqrt(0.02), 0]], np.complex128), 1550.0)
    analysers = np.array([[2.0, 0.0, 0.0, 0.0]])
    ticks = np.linspace(0, n_ms * 1e9 / (PULSES_PER_TICK * PERIOD_PS), n_ms + 1)
    pieces = []
    edges = np.rint(ticks).astype(int) * PULSES_PER_TICK
    for factor, k0, k1 in zip(factors, edges, edges[1:], strict=False):
        dimmed = light.attenuated(float(factor))
        pieces += simulate_pulses(state, dimmed, analysers, k0, k1).times_ps
    tags = np.concatenate(pieces)
    counts = np.histogram(tags, edges * PERIOD_PS)[0] / np.diff(edges)
    counting = counts.mean() / np.diff(edges).mean()
    var = counts.var() - counting
    assert var / counts.mean() ** 2 == pytest.approx(index, rel=0.25)
    z = counts - counts.mean()
    lagged = (z[4:] * z[:-4]).mean() / var
    assert lagged == pytest.approx(math.exp(-0.5), abs=0.12)


def test_pointing_errors_cost_what_their_mean_says():
    shaky = FreeSpacePath(
        1000.0, beam_radius_m=0.05, aperture_radius_m=0.002, pointing_rms_m=0.02
    )
    factors = Fading(4, shaky, 0.0, pointing_s=2e-3).pointing(200_000)
    assert factors.mean() == pytest.approx(shaky.mean_pointing_factor, rel=0.01)


def test_steps_do_not_depend_on_what_was_asked_before():
    whole = Fading(5, PATH, 0.2).transmission(500)
    again = Fading(5, PATH, 0.2)
    assert np.array_equal(again.transmission(100), whole[:100])
    assert np.array_equal(again.transmission(500), whole)


@pytest.mark.parametrize("index", [0.2, 0.8])
def test_steps_in_stretches_are_those_of_the_whole(index):
    path = replace(PATH, pointing_rms_m=0.01)
    whole = Fading(5, path, index).transmission(500)
    cuts = [0, 1, 2, 100, 357, 500]
    made = Fading(5, path, index)
    parts = [made.transmission(b - a, a) for a, b in pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), whole)
    # some left out, some anew
    assert np.array_equal(made.transmission(50, 300), whole[300:350])
    assert np.array_equal(made.transmission(50, 400), whole[400:450])


def test_background_is_radiance_times_area_angle_and_band():
    got = background_photons_per_s(1e-5, 0.5, 50e-6, 1.0, 850.0)
    area, angle = math.pi * 0.25, math.pi * (25e-6) ** 2
    assert got == pytest.approx(1e-5 * area * angle / photon_energy_j(850.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_radius_m": 0.0}, "beam_radius_m is 0 m"),
        ({"extinction_db": -1.0}, "extinction_db is -1 dB"),
    ],
)
def test_impossible_paths_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FreeSpacePath(
            **{
                "distance_m": 1.0,
                "beam_radius_m": 0.1,
                "aperture_radius_m": 0.1,
                **arguments,
            }
        )
