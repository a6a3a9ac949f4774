"""`hom`, from photons to visibility and dip, and the closed forms beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qkdlab.config.load import load
from qkdlab.errors import ConfigError
from qkdlab.runfile.reader import open_run
from qkdlab.session.run import run
from qkdlab.wiring.rules import check
from qkdlab_experiments.interference.dip import fit_dip
from qkdlab_experiments.interference.expected import expected_coincidences

pytestmark = [pytest.mark.xdist_group("runs"), pytest.mark.timeout(600)]

DIP_FWHM_PS = 60.0 * 2**0.5
"""Of two Gaussian pulses of 60 ps."""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    quick = (
        "seed=7",
        "parameters.duration_s=0.06",
        "parameters.dark_s=0.2",
        "parameters.delays_ps=[-150, -100, -50, -25, 0, 0, 25, 50, 100, 150]",
    )
    folder = tmp_path_factory.mktemp("runs")
    return run(load("hom", overrides=quick), folder / "hom", lambda *_: None).result


@pytest.mark.parametrize("name", ["visibility", "dip_visibility"])
def test_the_run_finds_what_threshold_detectors_should(figures, name) -> None:
    off = figures[name] - figures[f"expected_{name}"]
    assert abs(off) < 4 * figures[f"{name}_uncertainty"] < 0.2
    assert figures[f"expected_{name}"] == pytest.approx(0.497, abs=0.004)


def test_the_scan_tells_the_width_of_the_pulses(figures) -> None:
    off = figures["dip_fwhm_ps"] - DIP_FWHM_PS
    assert abs(off) < 4 * figures["dip_fwhm_ps_uncertainty"] < 60


def test_the_delay_between_the_senders_was_found_from_their_clicks(figures) -> None:
    assert abs(figures["dip_centre_ps"]) < 4 * figures["dip_centre_ps_uncertainty"] + 3


def test_both_senders_are_brought_to_one_mean(figures) -> None:
    means = np.array(figures["mean_photons"])
    assert means.mean(axis=1) == pytest.approx([0.01, 0.01], rel=0.04)


def test_the_tags_that_were_counted_are_on_record(figures) -> None:
    pairs = [sum(point["coincidences"]) for point in figures["scan"]]
    with open_run(Path(figures["run_files"]["bob"])) as file:
        assert file.n_tags == figures["clicks"] > min(pairs) > 0


@pytest.mark.parametrize(
    ("mean", "dip"),
    [(0.01, 0.4999990), (0.1, 0.4998959), (0.5, 0.4974174), (1.0, 0.4899197)],
)
def test_the_dip_of_equal_lights_is_that_of_the_reference(mean, dip) -> None:
    # theory.md section 13 [C]: mean photons of each sender, half at either detector
    found = expected_coincidences("coherent", np.full((2, 2), mean / 2)).dip
    assert found == pytest.approx(dip, abs=1e-7)


def test_a_narrower_dip_is_told_from_a_wider_one() -> None:
    x = np.arange(-160.0, 161.0, 20.0)
    shape = 1 - 0.5 * np.exp(-4 * np.log(2) * (x - 7.0) ** 2 / 60.0**2)
    dip = fit_dip(x.tolist(), np.rint(1e5 * shape).astype(int).tolist())
    assert dip.fwhm_ps.value == pytest.approx(60.0, abs=0.1)
    assert dip.centre_ps.value == pytest.approx(7.0, abs=0.1)
    assert dip.depth.value == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("parameters.half_gate_ps=5000", "below half of symbol_period_ps"),
        ("parameters.near_lags=5", "none of the lags"),
        ("parameters.delays_ps=[0, 0, 10, 20, 30]", "5 different delays"),
        ("parameters.delays_ps=[0, 10, 20, 30, 5001]", "within half of symbol_period"),
        ("parameters.thermistor_ohm=[1e4, 0]", "greater than 0"),
        ("parameters.start_attenuation_db=[-1, 0]", "or equal to 0"),
        ("parameters.mean_photons=0", "greater than 0"),
        ("wiring.parts.splitter.x_fraction=1.5", "less than 1"),
    ],
)
def test_what_no_scan_can_have_is_refused_at_load(change, match) -> None:
    with pytest.raises(ConfigError, match=match):
        load("hom", overrides=[change])


def test_lasers_of_two_colours_are_pointed_out() -> None:
    config = load("hom", overrides=["wiring.parts.laser_b.wavelength_nm=1550.5"])
    (problem,) = check(config)
    assert problem.severity == "warning"
    assert "would hardly interfere" in problem.message
    assert check(load("hom")) == []
