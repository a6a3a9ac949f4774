"""Benches that characterise a source, from photons to figures with uncertainties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qkdlab.config.load import load
from qkdlab.errors import ConfigError, UsageError
from qkdlab.runfile.reader import open_run
from qkdlab.session.run import run
from qkdlab.wiring.rules import check

pytestmark = [pytest.mark.xdist_group("runs"), pytest.mark.timeout(600)]


def result(folder: Path, name: str, *overrides: str) -> dict[str, Any]:
    config = load(name, overrides=["seed=7", *overrides])
    return run(config, folder / name, lambda what, done, total: None).result


def within(figures: dict[str, Any], name: str, expected: float, extra: float) -> bool:
    sigma = figures[f"{name}_uncertainty"]
    return bool(abs(figures[name] - expected) < 4.5 * sigma + extra * expected)


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


def test_the_dot_counts_as_often_as_brightness_and_losses_say(dot) -> None:
    per_pulse = (0.1 * 2 / 3 + 0.0005) * 10**-0.3 * 0.5 * 0.35
    for rate_hz in dot["click_rate_hz"]:
        # dead for 40 ns, while the dot shines half as often again
        assert rate_hz == pytest.approx(80e6 * per_pulse, rel=0.07)


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
        ("heralding", "wiring.parts.crystal.pair_rate_hz=1e6", "or pairs_per_pulse"),
    ],
)
def test_sources_outside_physics_are_refused_at_load(bench, change, match) -> None:
    with pytest.raises(ConfigError, match=match):
        load(bench, overrides=[change])


def test_detectors_of_two_photons_are_no_two_values_of_a_bit(dot, pairs) -> None:
    for figures in (dot, pairs):
        assert "efficiency_mismatch" not in figures["truth"]["records"]["bob"]
