"""The section ``simulation``."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from qkdlab_experiments.calibration.sequence import STEPS
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


def test_no_state_departs_from_the_mean_by_more_than_the_record_says() -> None:
    parts = packaged()["wiring"]["parts"]
    worse = [10 ** (-parts[name]["pdl_db"] / 10) for name in ("pad", "attenuator")]
    most = sum((1 - w) / (1 + w) for w in worse) + parts["pm"]["residual_am"]
    assert most <= record(packaged(), "state_effect")[0]


def test_the_records_agree_with_the_labels() -> None:
    config = packaged()
    parts = config["wiring"]["parts"]
    tap = parts["tap"]["tap_fraction"]
    after_db = parts["pad"]["loss_db"] + parts["attenuator"]["insertion_loss_db"]
    ratio = (1 - tap) / tap * 10 ** (-after_db / 10)
    assert record(config, "tap_to_output_ratio")[0] == pytest.approx(ratio)


def test_a_run_carries_certificates_only() -> None:
    measured = {q for step in STEPS for gives in step.gives.values() for q in gives}
    carried = {r["quantity"] for r in packaged()["calibration"]}
    assert carried == {
        "tap_to_output_ratio",
        "meter_scale",
        "attenuator_scale",
        "pattern_effect",
        "state_effect",
    }
    assert not carried & measured


def test_every_alignment_of_the_packaged_bench_starts_somewhere() -> None:
    spread = SimulationSection.model_validate(packaged()["simulation"]).spread
    assert all(value > 0 for value in spread.model_dump().values())
    assert spread.modulator_phase_rad > 3.14
