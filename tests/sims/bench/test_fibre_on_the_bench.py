"""Effects of the bench's fibre, found again in the tags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from channel_bench import DOT, PERIOD_PS, V_PI, bench, noise_hz
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation
from world_stubs import StubBench, packaged_wiring

from qkdlab.errors import ConfigError
from qkdlab_sims.optics.channels.pmd import draw_principal_states
from qkdlab_sims.optics.source import photon_energy_j


def late(made: StubBench, number: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return pulses that clicked, and how late against the nominal arrival, in ps."""
    way = made.world.ways.detectors[number]
    light = made.world.moment.light
    since = made.tagger.times(number + 1) - way.arrival_ps - light.delay_ps
    pulse = np.rint(since / PERIOD_PS).astype(np.int64)
    return pulse, (since - pulse * PERIOD_PS).astype(float)


def core(late_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    return late_ps[np.abs(late_ps) < 1500]


def test_dispersion_and_chirp_widen_the_pulses_that_arrive() -> None:
    made = bench(
        fibre={"dispersion_ps_per_nm_km": 17.0},
        laser={"pulses": {"chirp": -5.0}, "pulse_fwhm_ps": 60.0},
    )
    made.run(5_000_000_000)
    t0_ps = 60.0 / (2 * math.sqrt(math.log(2)))
    b = -17.0 * 25.0 * 1550.12**2 / (2 * math.pi * 299_792.458) / t0_ps**2
    fwhm_ps = 60.0 * math.hypot(1 - 5.0 * b, b)
    sigma_ps = math.hypot(fwhm_ps, 50.0) / 2.3548
    found = core(late(made, 0)[1])
    assert len(found) > 10_000
    assert np.std(found) == pytest.approx(sigma_ps, rel=0.04)


def test_dispersion_alone_is_recovered_from_the_width() -> None:
    made = bench(fibre={"dispersion_ps_per_nm_km": 17.0}, laser={"pulse_fwhm_ps": 20.0})
    made.run(5_000_000_000)
    width_ps = math.sqrt((2.3548 * np.std(core(late(made, 0)[1]))) ** 2 - 50.0**2)
    t0_ps = 20.0 / (2 * math.sqrt(math.log(2)))
    b = math.sqrt((width_ps / 20.0) ** 2 - 1)
    per_nm_km = b * t0_ps**2 * 2 * math.pi * 299_792.458 / 1550.12**2 / 25.0
    assert per_nm_km == pytest.approx(17.0, rel=0.1)


def contrasts(made: StubBench) -> NDArray[np.float64]:
    """Return float64[4, 2]: by detector what D less A, and R less L, make of it."""
    steps = np.tile([0.0, 0.5, 1.0, 1.5], 16)
    made.generator.play([V_PI] * 64, (steps * V_PI).tolist())
    made.run(15_000_000_000)
    first = made.world.moment.light.first_pulse
    rows = []
    for number in range(4):
        pulse, _ = late(made, number)
        d, r, a, l = np.bincount((pulse - first) % 4, minlength=4)  # noqa: E741
        rows.append([(d - a) / (d + a), (r - l) / (r + l)])
    return np.array(rows)


def by_arm(fibre: dict[str, Any], laser: dict[str, Any]) -> NDArray[np.float64]:
    x0, x1, z0, z1 = contrasts(bench(29.0, fibre=fibre, laser=laser))
    return np.array([x0 - x1, z0 - z1]) / 2


def lost_polarization(fibre: dict[str, Any], laser: dict[str, Any]) -> float:
    """Return what PMD takes of the polarization across the slow state.

    Long pulses tell how the fibre turns light: two rows of a rotation, of which the
    states of the sender show two columns. What short ones have less fits three
    unknowns, the slow state and the share lost.
    """
    turned = by_arm(fibre, {"pulse_fwhm_ps": 1500.0})
    less = by_arm(fibre, laser)
    ideal = 1.0 - 2.0 * 10.0**-1.93

    def misses(guess: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = ideal * Rotation.from_rotvec(guess[:3]).as_matrix()[:2]
        theta, phi, kept = guess[3:]
        slow = np.array([math.cos(theta), *math.sin(theta) * unit(phi)])
        split = kept * np.eye(3) + (1.0 - kept) * np.outer(slow, slow)
        off = rows[:, 1:] - turned, (rows @ split)[:, 1:] - less
        return np.concatenate(off).ravel()

    rng = np.random.default_rng(1)
    starts = rng.uniform((-3, -3, -3, 0, 0, 0.2), (3, 3, 3, 3, 3, 1), (6, 6))
    found = min((least_squares(misses, one) for one in starts), key=lambda f: f.cost)
    assert found.cost < 1e-3
    return 1.0 - float(found.x[5])


def unit(angle_rad: float) -> NDArray[np.float64]:
    return np.array([math.cos(angle_rad), math.sin(angle_rad)])


def slow_state(fibre: dict[str, Any]) -> Any:
    return draw_principal_states(3, "fibre", fibre["pmd_ps_per_sqrt_km"] * 5.0)


def test_differential_group_delay_is_recovered_from_lost_polarization() -> None:
    fibre = {"pmd_ps_per_sqrt_km": 4.0}
    lost = lost_polarization(fibre, {"pulse_fwhm_ps": 30.0})
    t0_ps = 30.0 / (2 * math.sqrt(math.log(2)))
    dgd_ps = 2 * t0_ps * math.sqrt(-math.log(1 - lost))
    assert dgd_ps == pytest.approx(slow_state(fibre).dgd_ps, rel=0.1)


def test_the_spectrum_of_a_pulse_says_what_pmd_takes_not_its_width() -> None:
    # chirp makes it wide, and dispersion the pulse long; jitter does neither
    fibre = {"pmd_ps_per_sqrt_km": 4.0, "dispersion_ps_per_nm_km": 17.0}
    laser = {"pulse_fwhm_ps": 100.0, "pulses": {"chirp": -3.0, "jitter_rms_ps": 50.0}}
    lost = lost_polarization(fibre, laser)
    t_ps = np.arange(-600.0, 600.0, 0.25)
    t0_ps = 100.0 / (2 * math.sqrt(math.log(2)))
    half = slow_state(fibre).dgd_ps / 2
    early, late_ = (
        np.exp(-(1 - 3j) * (t_ps + s) ** 2 / (2 * t0_ps**2)) for s in (half, -half)
    )
    overlap = abs((early * late_.conj()).sum()) / (np.abs(early) ** 2).sum()
    assert 0.1 < 1 - overlap < 0.9
    assert lost == pytest.approx(1 - overlap, abs=0.05)


def test_a_fibre_that_warms_up_delays_its_light() -> None:
    course = {"warming_k_per_s": 1.0, "thermal_ps_per_km_k": 40.0}
    made = bench(45.0, fibre={"temperature": course})
    made.run(500_000_000_000)
    pulse, late_ps = late(made, 0)
    near = np.abs(late_ps) < 2000
    slope, _ = np.polyfit(pulse[near] * 1e-8, late_ps[near], 1)
    # per second, over 25 km
    assert slope == pytest.approx(1000.0, rel=0.02)


def test_a_temperature_that_swings_moves_pulses_to_and_fro() -> None:
    course = {"swing_k": 0.5, "swing_period_s": 1.0}
    made = bench(45.0, fibre={"temperature": course})
    made.run(500_000_000_000)
    pulse, late_ps = late(made, 0)
    wave = np.sin(2 * np.pi * pulse * 1e-8)
    near = np.abs(late_ps) < 2000
    amplitude, _ = np.polyfit(wave[near], late_ps[near], 1)
    assert amplitude == pytest.approx(40.0 * 25 * 0.5, rel=0.02)


@pytest.mark.parametrize(("near_db", "far_db"), [(3.0, 9.0), (9.0, 4.0)])
def test_an_echo_follows_as_late_and_as_dim_as_two_reflections_make_it(
    near_db: float, far_db: float
) -> None:
    """Each end counts once; the light shows no more of either than their sum."""
    ends = {"near_db": near_db, "far_db": far_db}
    made = bench(30.0, fibre={"length_km": 1.0003, "reflections": ends})
    n_frames = 150_000
    since_ps = since_a_lone_pulse(made, n_frames)
    late_ps = 2 * 1.0003 * 4.9e6 % (400 * PERIOD_PS)
    mains = (since_ps < 300) | (since_ps > 400 * PERIOD_PS - 300)
    # a detector clicks once, whatever the number of photons
    n_main = -4 * n_frames * math.log1p(-mains.sum() / (4 * n_frames))
    n_echo = np.count_nonzero(np.abs(since_ps - late_ps) < 300)
    assert n_echo > 1500
    share_db = 10 * math.log10(n_main / n_echo)
    assert share_db == pytest.approx(
        near_db + far_db + 2 * 0.2 * 1.0003, abs=4 * 4.34 / n_echo**0.5
    )


def play_a_lone_pulse(made: StubBench) -> None:
    """Let one slot in 400 have light, that of number 100."""
    levels = np.zeros(400)
    levels[100] = V_PI
    made.generator.play(levels.tolist(), [0.25 * V_PI] * 400)


def since_a_lone_pulse(made: StubBench, n_frames: int) -> NDArray[np.int64]:
    """Return by how much clicks come later than the pulse arrives, modulo 4 us."""
    play_a_lone_pulse(made)
    made.run(n_frames * 400 * PERIOD_PS)
    light = made.world.moment.light
    sent_ps = light.delay_ps + (light.first_pulse + 100) * PERIOD_PS
    times: list[NDArray[np.int64]] = [
        (made.tagger.times(number) - way.arrival_ps - sent_ps) % (400 * PERIOD_PS)
        for number, way in enumerate(made.world.ways.detectors, start=1)
    ]
    return np.concatenate(times)


def after_the_mark_ps(length_km: float, delay_ps_per_km: float) -> float:
    """Return when a lone pulse comes after the mark of its frame, modulo 4 us."""
    fibre = {"length_km": length_km, "delay_ps_per_km": delay_ps_per_km}
    made = bench(35.0, fibre=fibre)
    play_a_lone_pulse(made)
    made.run(20_000_000_000)
    marks, clicks = made.tagger.start_times(), made.tagger.times(1)
    clicks = clicks[clicks > marks[0]]
    since_ps = clicks - marks[np.searchsorted(marks, clicks) - 1]
    # of every other slot's a little comes through the modulator
    seen, edges = np.histogram(since_ps, np.arange(0, 400 * PERIOD_PS, 1000))
    brightest_ps = edges[seen.argmax()] + 500.0
    return float(np.median(since_ps[np.abs(since_ps - brightest_ps) < 1500]))


def test_the_delay_of_a_fibre_is_recovered_by_its_length_against_frame_marks() -> None:
    short_ps, long_ps = (after_the_mark_ps(km, 4.6e6) for km in (0.3, 0.8))
    per_km = (long_ps - short_ps) % (400 * PERIOD_PS) / 0.5
    assert per_km == pytest.approx(4.6e6, rel=1e-4)


def test_raman_light_of_a_classical_channel_is_recovered_from_dark_counts() -> None:
    channel = {"launch_dbm": 0.0, "raman_per_km_nm": 2e-9, "isolation_db": 200.0}
    made = bench(fibre={"coexisting": [channel], "filter_nm": 0.5})
    per_s = noise_hz(made, 0.5)
    effective_km = 25.0 * 10 ** (-0.5)
    watts = per_s * photon_energy_j(1550.12)
    assert watts / (1e-3 * effective_km * 0.5) == pytest.approx(2e-9, rel=0.03)


def test_raman_light_against_the_photons_is_recovered_from_dark_counts() -> None:
    channel = {"launch_dbm": 0.0, "raman_per_km_nm": 2e-9, "isolation_db": 200.0}
    channel |= {"forward": False}
    made = bench(fibre={"coexisting": [channel], "filter_nm": 0.5})
    watts = noise_hz(made, 0.1) * photon_energy_j(1550.12)
    # scattered back on the way there and back: 9.8 km, against 7.9 of forward light
    per_km = 0.2 * math.log(10) / 10
    effective_km = (1 - math.exp(-2 * per_km * 25.0)) / (2 * per_km)
    assert watts / (1e-3 * effective_km * 0.5) == pytest.approx(2e-9, rel=0.03)


def test_crosstalk_counts_as_much_as_the_filters_let_through() -> None:
    channel = {"launch_dbm": 3.0, "raman_per_km_nm": 0.0, "isolation_db": 90.0}
    made = bench(fibre={"coexisting": [channel]})
    watts = noise_hz(made, 0.2) * photon_energy_j(1550.12)
    assert 10 * math.log10(watts * 1e3) == pytest.approx(3.0 - 5.0 - 90.0, abs=0.2)


def test_crosstalk_against_the_photons_has_no_fibre_to_pass() -> None:
    channel = {"launch_dbm": 0.0, "raman_per_km_nm": 0.0, "isolation_db": 90.0}
    made = bench(fibre={"coexisting": [channel | {"forward": False}]})
    watts = noise_hz(made, 0.2) * photon_energy_j(1550.12)
    assert 10 * math.log10(watts * 1e3) == pytest.approx(-90.0, abs=0.2)


def test_marks_of_a_fibre_come_by_cable_whatever_its_temperature() -> None:
    made = bench(60.0, fibre={"temperature": {"warming_k_per_s": 1.0}})
    made.run(100_000_000_000)
    gaps = np.diff(made.tagger.start_times())
    assert np.mean(gaps) == pytest.approx(64 * PERIOD_PS, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"length_km": 2000.0}, "less than or equal to 1000"),
        ({"dispersion_ps_per_nm_km": 400.0}, "less than or equal to 300"),
        ({"pmd_ps_per_sqrt_km": -1.0}, "greater than or equal to 0"),
        ({"temperature": {"swing_k": 100.0}}, "less than or equal to 60"),
        ({"reflections": {"near_db": -3.0, "far_db": 50.0}}, "near_db"),
        ({"coexisting": [{"launch_dbm": 40.0}]}, "less than or equal to 30"),
    ],
)
def test_fibres_outside_physics_are_refused_at_load(
    fields: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValidationError, match=match):
        packaged_wiring(fibre=fields)


@pytest.mark.parametrize(
    "fibre",
    [
        {"dispersion_ps_per_nm_km": 17.0},
        {"pmd_ps_per_sqrt_km": 1.0},
        {"reflections": {"near_db": 20.0, "far_db": 20.0}},
    ],
)
def test_what_would_do_nothing_to_the_light_of_a_dot_is_refused(fibre: Any) -> None:
    with pytest.raises(ConfigError, match="not for that of a quantum_dot"):
        bench(fibre=fibre, isolator=DOT | {"brightness": 0.1})


def test_effects_that_eve_would_have_to_know_are_refused() -> None:
    with pytest.raises(ConfigError, match="without an acting eavesdropper"):
        bench(fibre={"pmd_ps_per_sqrt_km": 1.0}, eve={"attack": "intercept_resend"})


def test_polarization_drift_is_recovered_from_counts_by_time() -> None:
    made = bench(46.0, fibre={"drift_rad_per_sqrt_s": 0.6})
    made.generator.play([V_PI] * 64, [0.0] * 64)
    made.run(2_500_000_000_000)
    edges = np.arange(0.01, 2.5, 0.05) * 1e12
    x0, x1, z0, z1 = (
        np.histogram(made.tagger.times(i), edges)[0].astype(float) for i in (1, 2, 3, 4)
    )
    moved = room = 0.0
    for one, other in ((x0, x1), (z0, z1)):
        n = one + other
        seen = (one - other) / n / (1.0 - 2.0 * 10.0**-1.93)
        noise = np.mean((1.0 - seen**2) / n)
        moved += float(np.sum(np.diff(seen) ** 2 - 2.0 * noise))
        # a walk of w about each axis moves a component by w sqrt((1 - x^2) t); of
        # neighbouring means over t two thirds of that, squared, are left
        room += float(np.sum(1.0 - seen[:-1] ** 2)) * 0.05 * 2.0 / 3.0
    # some 100 steps
    assert math.sqrt(moved / room) == pytest.approx(0.6, rel=0.3)
