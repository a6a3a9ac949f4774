"""Open air and satellites between the bench's stations, found again in the tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from channel_bench import DOT, PERIOD_PS, bench, noise_hz
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import polygamma
from world_stubs import TICK_PS, StubBench, packaged_wiring

from qkdlab_sims.optics.source import photon_energy_j

AIR = {
    "kind": "free_space",
    "owner": "channel",
    "distance_m": 1500.0,
    "beam_radius_m": 0.2,
    "aperture_radius_m": 0.1,
    "extinction_db": 1.0,
}


STEP_S = 2 * TICK_PS * 1e-12
"""Of fading that changes with the ticks of the light."""


def counts(made: StubBench, n: int, step_s: float = 1e-3) -> NDArray[np.float64]:
    """Return the clicks of each step, by when their light was sent."""
    edges_ps = np.arange(1, n) * step_s * 1e12
    made.run(round(n * step_s * 1e12))
    way = made.world.ways.detectors[0]
    times = np.concatenate([made.tagger.times(i) for i in (1, 2, 3, 4)])
    found, _ = np.histogram(times - way.arrival_ps, edges_ps)
    return found.astype(float)


def test_still_air_loses_what_misses_the_aperture() -> None:
    made = bench(40.0, fibre=AIR)
    plain = bench(40.0, fibre={"length_km": 5.0})
    ratio = made.rates_hz(0.05).sum() / plain.rates_hz(0.05).sum()
    collected = 1 - math.exp(-2 * 0.25)
    assert -10 * math.log10(ratio) == pytest.approx(
        -10 * math.log10(collected), abs=0.15
    )


def test_turbulence_is_recovered_from_counts() -> None:
    fading = {"scintillation_index": 0.2, "turbulence_s": 5e-3}
    made = bench(33.0, fibre=AIR | {"fading": fading})
    seen = counts(made, 1500)
    mean = seen.mean()
    index = (seen.var() - mean) / mean**2
    # some 150 independent stretches
    assert index == pytest.approx(0.2, rel=0.35)
    lags = np.arange(1, 5)
    centred = seen / mean - 1
    correlation = [np.mean(centred[lag:] * centred[:-lag]) / index for lag in lags]
    assert -1 / np.polyfit(lags, np.log(correlation), 1)[0] == pytest.approx(
        5.0, rel=0.3
    )


def test_strong_turbulence_is_gamma_gamma_by_variance_and_skew_of_counts() -> None:
    """Of their logarithms: those of two gamma variates add, each with shape a.

    Of index 1, (1 + 1/a)^2 = 2; a lognormal law has variance ln 2 = 0.69 and no skew.
    The aperture is small, since no factor makes it collect more than the whole beam.
    """
    fading = {"scintillation_index": 1.0, "turbulence_s": 1e-5, "step_s": STEP_S}
    air = AIR | {"aperture_radius_m": 0.02, "fading": fading}
    logs = np.log(counts(bench(31.0, fibre=air), 1500, STEP_S))
    shape = 1 / (math.sqrt(2) - 1)
    variance = 2 * polygamma(1, shape)
    skew = 2 * polygamma(2, shape) / variance**1.5
    assert variance == pytest.approx(1.02, abs=0.01)
    assert skew == pytest.approx(-0.49, abs=0.02)
    # four standard errors of 1500 independent factors
    assert np.var(logs) == pytest.approx(variance, abs=0.16)
    assert stats.skew(logs) == pytest.approx(skew, abs=0.27)


def test_how_long_a_beam_wanders_is_recovered_from_counts() -> None:
    """Counts tell how far off it is, r; of rho from step to step, r^2 given the last

    has the noncentral law of two normal offsets, and the likeliest rho is sought.
    """
    fading = {"pointing_rms_rad": 0.07 / 1500, "pointing_s": 5e-3, "step_s": STEP_S}
    centred = counts(bench(37.0, fibre=AIR), 60, STEP_S).mean()
    seen = counts(bench(37.0, fibre=AIR | {"fading": fading}), 1200, STEP_S)
    # in units of the rms along an axis
    square = np.maximum(-np.log(seen / centred) * 0.2**2 / (2 * 0.07**2), 1e-3)

    def unlikely(time_s: float) -> float:
        kept = math.exp(-2 * STEP_S / time_s)
        new = 1 - kept
        law = stats.ncx2.logpdf(square[1:] / new, 2, kept * square[:-1] / new)
        return float(len(law) * math.log(new) - law.sum())

    found = minimize_scalar(unlikely, bounds=(1e-3, 5e-2), method="bounded")
    # four times the scatter over seeds
    assert found.x == pytest.approx(5e-3, rel=0.21)


def test_loss_of_the_telescopes_takes_of_the_light() -> None:
    made, without = bench(36.0, fibre=AIR | {"optics_db": 2.0}), bench(36.0, fibre=AIR)
    ratio = made.rates_hz(0.05).sum() / without.rates_hz(0.05).sum()
    assert -10 * math.log10(ratio) == pytest.approx(2.0, abs=0.15)


def test_loss_of_the_telescopes_takes_of_the_sky_too() -> None:
    sky = {"radiance_w_m2_sr_nm": 1e-2, "field_of_view_rad": 1e-4, "filter_nm": 1.0}
    bare, lossy = (
        noise_hz(bench(fibre=AIR | {"sky": sky, "optics_db": db}), 0.05)
        for db in (0.0, 2.0)
    )
    assert -10 * math.log10(lossy / bare) == pytest.approx(2.0, abs=0.1)


def test_light_of_the_sky_is_recovered_from_dark_counts() -> None:
    sky = {"radiance_w_m2_sr_nm": 1e-2, "field_of_view_rad": 1e-4, "filter_nm": 1.0}
    made = bench(fibre=AIR | {"sky": sky})
    watts = noise_hz(made, 0.1) * photon_energy_j(1550.12)
    solid_angle_sr = math.pi / 4 * 1e-8
    assert watts / (math.pi * 0.01 * solid_angle_sr) == pytest.approx(1e-2, rel=0.03)


SATELLITE = {
    "kind": "satellite_pass",
    "owner": "channel",
    "altitude_m": 500e3,
    "begin_s": -60.0,
    "divergence_rad": 5e-6,
    "aperture_radius_m": 0.5,
}


def range_and_rate(t_s: float) -> tuple[float, float]:
    """Return range and its growth so long after the top of the pass, by hand."""
    radius_m, height_m = 6.371e6, 6.871e6
    rate = math.sqrt(3.986004418e14 / height_m**3)
    square = radius_m**2 + height_m**2
    range_m = math.sqrt(square - 2 * radius_m * height_m * math.cos(rate * t_s))
    return range_m, radius_m * height_m * rate * math.sin(rate * t_s) / range_m


def test_doppler_stretch_is_recovered_from_tags() -> None:
    made = bench(35.0, fibre=SATELLITE)
    made.run(100_000_000_000)
    light = made.world.moment.light
    t_ps = made.tagger.times(1) - made.world.ways.detectors[0].arrival_ps
    t_ps = t_ps - light.delay_ps
    # each pulse comes a little earlier than one period after the one before
    stretch = -1.5e-5
    since_ps = (t_ps - t_ps[0]).astype(float)
    for stretch_ps in (1e9, 1e10, 1e11):
        some = since_ps < stretch_ps
        pulse = np.rint(since_ps[some] / (PERIOD_PS * (1 + stretch)))
        stretch = np.polyfit(pulse, since_ps[some], 1)[0] / PERIOD_PS - 1
    speed = range_and_rate(-59.95)[1]
    assert stretch * 1e6 == pytest.approx(speed / 299_792_458.0 * 1e6, abs=0.05)


def test_range_and_its_growth_are_recovered_from_frame_marks() -> None:
    made = bench(60.0, fibre=SATELLITE)
    made.run(100_000_000_000)
    marks = made.tagger.start_times()
    frame_ps = 64 * PERIOD_PS
    numbers = np.arange(len(marks))
    slope, first_ps = np.polyfit(numbers, (marks - numbers * frame_ps).astype(float), 1)
    speed = range_and_rate(-59.95)[1]
    assert slope / frame_ps * 299_792_458.0 == pytest.approx(speed, abs=1.0)
    # the first mark sets out with frame 0, 85 ns after it (cables and delay generator)
    flight_s = (first_ps - 85_000) * 1e-12
    range_m = range_and_rate(-60.0)[0]
    assert flight_s * 299_792_458.0 == pytest.approx(range_m, abs=1.0)


def test_light_and_marks_of_a_pass_keep_step() -> None:
    made = bench(35.0, fibre=SATELLITE)
    made.run(100_000_000_000)
    marks, clicks = made.tagger.start_times(), made.tagger.times(1)
    clicks = clicks[clicks > marks[0]]
    since_ps = clicks - marks[np.searchsorted(marks, clicks) - 1]
    thirds = np.array_split(since_ps % PERIOD_PS, 3)
    turns = [np.angle(np.exp(2j * np.pi * t / PERIOD_PS).mean()) for t in thirds]
    # a cable's marks would run away by 15 ps in a microsecond
    assert np.ptp(np.unwrap(turns)) / (2 * np.pi) * PERIOD_PS < 10.0


@pytest.mark.parametrize("top_deg", [70.0, 40.0])
def test_how_high_a_pass_gets_is_recovered_from_marks_at_its_top(
    top_deg: float,
) -> None:
    made = bench(60.0, fibre=SATELLITE | {"begin_s": 0.0, "top_elevation_deg": top_deg})
    made.run(20_000_000_000)
    range_m = (made.tagger.start_times()[0] - 85_000) * 1e-12 * 299_792_458.0
    radius_m, height_m = 6.371e6, 500e3
    # of a triangle with the Earth's centre
    square = height_m**2 + 2 * radius_m * height_m - range_m**2
    sine = square / (2 * radius_m * range_m)
    assert math.degrees(math.asin(sine)) == pytest.approx(top_deg, abs=0.01)


def test_a_pass_loses_by_its_telescopes_and_by_the_air_that_it_slants_through() -> None:
    """At the top of a pass that gets 40 degrees high."""
    low = SATELLITE | {"begin_s": 0.0, "top_elevation_deg": 40.0}
    rates_hz = [
        bench(30.0, fibre=low | more).rates_hz(0.05).sum()
        for more in ({}, {"optics_db": 2.0}, {"zenith_extinction_db": 1.5})
    ]
    optics_db, air_db = -10 * np.log10(np.array(rates_hz[1:]) / rates_hz[0])
    assert optics_db == pytest.approx(2.0, abs=0.15)
    zenith_db = air_db * math.sin(math.radians(40.0))
    assert zenith_db == pytest.approx(1.5, abs=0.12)


def test_loss_of_a_pass_follows_the_range() -> None:
    far, near = (
        bench(35.0, fibre=SATELLITE),
        bench(35.0, fibre=SATELLITE | {"begin_s": 0}),
    )
    ratio = far.rates_hz(0.05)[0] / near.rates_hz(0.05)[0]
    ranges_m = (range_and_rate(t_s)[0] for t_s in (-60.0, 0.0))
    collected = [-math.expm1(-2 * (0.5 / 5e-6 / range_m) ** 2) for range_m in ranges_m]
    assert ratio == pytest.approx(collected[0] / collected[1], rel=0.05)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        (AIR | {"aperture_radius_m": 0.0}, "aperture_radius_m"),
        (AIR | {"fading": {"scintillation_index": 9.0}}, "less than or equal to 5"),
        (AIR | {"sky": {"radiance_w_m2_sr_nm": 50.0, "field_of_view_rad": 1e-4,
                        "filter_nm": 1.0}}, "less than or equal to 10"),
        (SATELLITE | {"altitude_m": 1e4}, "greater than or equal to 100000"),
    ],
)  # fmt: skip
def test_air_outside_physics_is_refused_at_load(
    fields: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValidationError, match=match):
        packaged_wiring(fibre=fields)


def test_photons_of_the_sky_beside_a_dot_have_its_wavelength() -> None:
    sky = {"radiance_w_m2_sr_nm": 1e-2, "field_of_view_rad": 1e-4, "filter_nm": 1.0}
    air = AIR | {"sky": sky}
    dot = DOT | {"brightness": 0.1}
    made = [bench(fibre=air), bench(fibre=air, isolator=dot)]
    rates = [sum(n.photons_per_s for n in one.world._channel._noises) for one in made]
    assert rates[1] / rates[0] == pytest.approx(925.0 / 1550.12, rel=1e-6)
