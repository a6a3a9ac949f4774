"""The section ``simulation``."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from qkdlab_sims.sections import SimulationSection


def packaged() -> dict[str, Any]:
    text = files("qkdlab_configs").joinpath("bb84.yaml").read_text()
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def test_the_reference_bench_has_a_valid_section() -> None:
    section = SimulationSection.model_validate(packaged()["simulation"])
    assert section.buses["bob.plates"].addresses == [0, 1, 2]


def test_all_may_be_left_out() -> None:
    section = SimulationSection.model_validate({})
    assert not any(section.spread.model_dump().values())


@pytest.mark.parametrize(
    "section",
    [
        {"spread": {"meter_scale": 0.01}},
        {"spread": {"loss_db": -0.1}},
        {"faults": {"alice.awg": [{"kind": "fire"}]}},
        {"buses": {"bob.plates": {"simulator": "thorlabs.ell14_bus", "addresses": []}}},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SimulationSection.model_validate(section)


def test_it_names_the_connections_that_no_station_has() -> None:
    section = SimulationSection.model_validate(
        {
            "faults": {"alice.agw": [{"kind": "silent"}], "alice.awg": []},
            "instruments": {"alice.laser": {}},
        }
    )
    unknown = list(section.unknown_names({"alice.awg", "bob.plates"}))
    assert unknown == [("instruments", "alice.laser"), ("faults", "alice.agw")]


def record(config: dict[str, Any], quantity: str) -> tuple[float, float]:
    (found,) = [r for r in config["calibration"] if r["quantity"] == quantity]
    return found["value"], found["uncertainty"]


def test_the_spread_lies_within_the_records_that_the_parties_carry() -> None:
    config = packaged()
    spread = SimulationSection.model_validate(config["simulation"]).spread
    parts = config["wiring"]["parts"]
    tap_fraction = parts["tap"]["tap_fraction"]

    ratio, ratio_sd = record(config, "tap_to_output_ratio")
    assert spread.tap_fraction_rel / (1 - tap_fraction) <= ratio_sd / ratio
    assert spread.meter_scale_rel <= record(config, "meter_scale")[1]
    assert spread.attenuator_scale_rel <= record(config, "attenuator_scale")[1]
    v_pi_rel = (spread.v_pi_rel**2 + spread.amplifier_gain_rel**2) ** 0.5
    for quantity in ("intensity_v_pi", "polarization_v_pi"):
        value, sd = record(config, quantity)
        assert v_pi_rel <= sd / value
    assert spread.extinction_db <= record(config, "modulator_extinction")[1]
    assert spread.detector_efficiency_rel <= record(config, "efficiency_mismatch")[1]


def test_the_records_agree_with_the_labels() -> None:
    config = packaged()
    parts = config["wiring"]["parts"]
    tap = parts["tap"]["tap_fraction"]
    after_db = parts["pad"]["loss_db"] + parts["attenuator"]["insertion_loss_db"]
    ratio = (1 - tap) / tap * 10 ** (-after_db / 10)
    assert record(config, "tap_to_output_ratio")[0] == pytest.approx(ratio)
    v_pi_v = parts["mzm"]["v_pi_v"] / parts["amplifier_im"]["gain"]
    assert record(config, "intensity_v_pi")[0] == pytest.approx(v_pi_v)
