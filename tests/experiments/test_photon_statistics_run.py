"""Benches that characterise a source, from photons to figures with uncertainties."""

from __future__ import annotations

import math
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured
from qkdlab.config.load import load
from qkdlab.errors import ConfigError, UsageError
from qkdlab.runfile.reader import open_run
from qkdlab.session.run import run
from qkdlab.wiring.rules import check
from qkdlab_experiments.characterisation.blinking import Blinking, fit_blinking
from qkdlab_experiments.characterisation.jitter import fit_jitter

pytestmark = [pytest.mark.xdist_group("runs"), pytest.mark.timeout(600)]


def result(folder: Path, name: str, *overrides: str) -> dict[str, Any]:
    config = load(name, overrides=["seed=7", *overrides])
    return run(config, folder / "run", lambda what, done, total: None).result


def within(figures: dict[str, Any], name: str, expected: float, extra: float) -> bool:
    sigma = figures[f"{name}_uncertainty"]
    return bool(abs(figures[name] - expected) < 4.5 * sigma + extra * expected)


def near(found: Measured, expected: float, sharp: float) -> bool:
    """Whether it lies within 4.5 of its own uncertainties, themselves below a share."""
    off = abs(found.value - expected)
    return off < 4.5 * found.uncertainty and found.uncertainty < sharp * expected


@pytest.fixture(scope="module")
def dot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return result(tmp_path_factory.mktemp("runs"), "hbt", "parameters.duration_s=0.5")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("runs")
    return result(folder, "heralding", "parameters.duration_s=0.5")


def test_g2_of_the_dot_is_that_of_its_photons_and_the_noise_among_them(dot) -> None:
    brightness, noise, emitter = 0.1, 0.0005, 0.03
    both = emitter * brightness**2 + 2 * brightness * noise + noise**2
    assert within(dot, "g2_zero", both / (brightness + noise) ** 2, 0.03)


def clicks(figures: dict[str, Any]) -> list[NDArray[np.int64]]:
    """Return the tags of both detectors in light."""
    with open_run(Path(figures["run_files"]["bob"])) as file:
        blocks = list(file.blocks())
    t, ch = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("t", "ch"))
    return [t[ch == number] for number in (0, 1)]


@pytest.fixture(scope="module")
def blinking(dot) -> Blinking:
    return fit_blinking(*clicks(dot), 500_000, 120)


def test_brightness_is_recovered_from_rates(dot) -> None:
    """Of a dot that is on two thirds of the time, seen through filter and splitter."""
    for rate_hz in dot["click_rate_hz"]:
        per_pulse = (rate_hz - 300.0) / 80e6
        # dead for three pulses after a click, all but all of them while it is on
        seen = per_pulse / (1 - 3 * per_pulse * 3 / 2)
        photons = seen / (10**-0.3 * 0.5 * 0.35) - 0.0005
        # the share of half a second in which it was on: 0.4 % by chance
        assert photons * 3 / 2 == pytest.approx(0.1, rel=0.017)


def test_times_of_blinking_are_recovered_from_the_envelope_of_g2(blinking) -> None:
    # what is no light of the dot lowers the swing
    swing = (0.2 / 3 / (0.2 / 3 + 0.0005)) ** 2 / 2
    assert near(blinking.swing, swing, 0.02)
    assert near(blinking.time_ps, 2e7 / 3, 0.03)
    assert near(blinking.on_time_ps, 2e7, 0.04)
    assert near(blinking.off_time_ps, 1e7, 0.04)


def test_lifetime_is_recovered_from_the_instants_after_the_trigger(dot) -> None:
    for tags in clicks(dot):
        found = fit_jitter(tags, 12_500, 50)
        assert near(found.tail_ps, 600.0, 0.01)
        # diode, pump, and 45 ps of the tagger
        assert near(found.fwhm_ps, math.hypot(350.0, 30.0, 2.3548 * 45.0), 0.02)


def test_blinking_wants_clicks_and_a_long_run(dot) -> None:
    one, two = clicks(dot)
    with pytest.raises(ValueError, match="10000 clicks"):
        fit_blinking(one[:9000], two, 500_000, 120)
    with pytest.raises(ValueError, match="ten times as long"):
        fit_blinking(one, two, 5_000_000, 700)


def test_a_source_that_does_not_blink_has_no_times_of_blinking() -> None:
    rng = np.random.default_rng(4)
    steady = [np.sort(rng.integers(0, 10**12, 20_000)) for _ in range(2)]
    with pytest.raises(ValueError, match="no swing"):
        fit_blinking(steady[0], steady[1], 50_000_000, 120)


THERMAL = (
    "{kind: pair_source, owner: channel, wavelength_nm: 1560.0, pairs_per_pulse: 0.4, "
    "schmidt_number: 2.0, heralding_signal: 0.5, emission_fwhm_ps: 30.0}"
)


def one_arm_g2(modes: float) -> float:
    """Return g2(0) of threshold detectors behind a splitter in one arm."""
    mean = 0.4 * 0.5 * 0.5 * 0.35
    silent = [(1 + n * mean / modes) ** -modes for n in (1, 2)]
    return (1 - 2 * silent[0] + silent[1]) / (1 - silent[0]) ** 2


def test_schmidt_number_is_recovered_from_g2_of_one_arm(tmp_path) -> None:
    text = files("qkdlab_configs").joinpath("hbt.yaml").read_text()
    text = re.sub(r"dot: \{.*\}", f"crystal: {THERMAL}", text)
    text = text.replace("dot.out", "crystal.signal").replace("dot.in", "crystal.in")
    bench = tmp_path / "modes.yaml"
    bench.write_text(text.replace("loss_db: 3.0", "loss_db: 0.0"))
    alive = [f"wiring.parts.{d}.dead_time_ps=5000" for d in ("d_1", "d_2")]
    times = ("parameters.duration_s=0.25", "parameters.dark_s=0.2")
    found = result(tmp_path, str(bench), *times, *alive)
    assert within(found, "g2_zero", one_arm_g2(2.0), 0.0)
    for wrong in (1.8, 2.25):
        assert not within(found, "g2_zero", one_arm_g2(wrong), 0.0)


def test_klyshko_gives_the_efficiencies_from_crystal_to_click(pairs) -> None:
    assert within(pairs, "klyshko_signal", 0.5 * 10**-0.3 * 0.6, 0.01)
    assert within(pairs, "klyshko_idler", 0.4 * 10**-0.1 * 0.6, 0.01)


def test_heralding_is_less_by_dark_counts(pairs) -> None:
    for arm in ("signal", "idler"):
        assert pairs[f"heralding_{arm}"] < pairs[f"klyshko_{arm}"]


def test_coincidences_over_accidentals_follow_pairs_per_pulse(pairs) -> None:
    # thermal in four modes
    assert within(pairs, "car", 1 / 0.01 + 1 + 1 / 4, 0.01)


def test_a_delay_of_a_whole_period_too_much_is_told(tmp_path) -> None:
    # as a metre of cable between the detectors that nobody counted
    with pytest.raises(UsageError, match=r"add 12500 to parameters\.detector_delay_ps"):
        result(
            tmp_path,
            "heralding",
            "parameters.duration_s=0.1",
            "parameters.detector_delay_ps=-12500",
        )


def test_a_pump_photon_without_the_energy_of_a_pair_is_refused() -> None:
    config = load("heralding", overrides=["wiring.parts.laser.wavelength_nm=775.0"])
    (problem,) = check(config)
    assert "a photon of it makes two of about 1550 nm" in problem.message
    assert check(load("heralding")) == []


def test_the_tags_that_were_counted_are_on_record(dot, pairs) -> None:
    for figures in (dot, pairs):
        counted = sum(figures["click_rate_hz"]) * figures["duration_s"]
        assert figures["clicks"] == pytest.approx(counted)
        with open_run(Path(figures["run_files"]["bob"])) as file:
            assert file.n_tags == figures["clicks"]


def test_no_key_is_made_or_claimed(dot, pairs) -> None:
    for figures in (dot, pairs):
        assert figures["secret_bits"] == figures["claimable_secret_bits"] == 0
        assert figures["aborted"] is None


@pytest.mark.parametrize(
    ("bench", "change", "match"),
    [
        ("hbt", "wiring.parts.dot.brightness=1.2", "less than or equal to 1"),
        ("hbt", "wiring.parts.dot.lifetime_ps=-1", "greater than or equal to 0"),
        ("heralding", "wiring.parts.crystal.schmidt_number=0.5", "or equal to 1"),
        ("heralding", "wiring.parts.crystal.pair_rate_hz=1e6", "exclude each other"),
    ],
)
def test_sources_outside_physics_are_refused_at_load(bench, change, match) -> None:
    with pytest.raises(ConfigError, match=match):
        load(bench, overrides=[change])


def test_detectors_of_two_photons_are_no_two_values_of_a_bit(dot, pairs) -> None:
    for figures in (dot, pairs):
        assert "efficiency_mismatch" not in figures["truth"]["records"]["bob"]
