"""Open air and satellites between the bench's stations, found again in the tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from channel_bench import DOT, PERIOD_PS, bench, noise_hz
from numpy.typing import NDArray
from pydantic import ValidationError
from world_stubs import StubBench, packaged_wiring

from qkdlab_sims.optics.source import photon_energy_j

AIR = {
    "kind": "free_space",
    "owner": "channel",
    "distance_m": 1500.0,
    "beam_radius_m": 0.2,
    "aperture_radius_m": 0.1,
    "extinction_db": 1.0,
}


def counts_per_ms(made: StubBench, n: int) -> NDArray[np.float64]:
    made.run(n * 1_000_000_000)
    way = made.world.ways.detectors[0]
    times = np.concatenate([made.tagger.times(i) for i in (1, 2, 3, 4)])
    counts, _ = np.histogram(times - way.arrival_ps, np.arange(1, n) * 1e9)
    return counts.astype(float)


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
    counts = counts_per_ms(made, 1500)
    mean = counts.mean()
    index = (counts.var() - mean) / mean**2
    # some 150 independent stretches
    assert index == pytest.approx(0.2, rel=0.35)
    lags = np.arange(1, 5)
    centred = counts / mean - 1
    correlation = [np.mean(centred[lag:] * centred[:-lag]) / index for lag in lags]
    assert -1 / np.polyfit(lags, np.log(correlation), 1)[0] == pytest.approx(
        5.0, rel=0.3
    )


def test_a_wandering_beam_loses_light_on_the_average() -> None:
    fading = {"pointing_rms_rad": 0.1 / 1500, "pointing_s": 2e-3}
    made, still = bench(33.0, fibre=AIR | {"fading": fading}), bench(33.0, fibre=AIR)
    ratio = counts_per_ms(made, 600).mean() / counts_per_ms(still, 60).mean()
    assert ratio == pytest.approx(0.2**2 / (0.2**2 + 4 * 0.1**2), rel=0.1)


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
