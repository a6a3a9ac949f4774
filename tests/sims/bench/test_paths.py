"""Ways of light and signals as the reference bench is cabled."""

from __future__ import annotations

from typing import Any

import pytest
from world_stubs import packaged_bench, packaged_wiring

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import Laser, Wiring
from qkdlab_sims.bench.paths import (
    find_part,
    light_paths,
    rf_chain,
    start_chain,
    tagger_inputs,
)


def wiring_with(edit: Any) -> Wiring:
    data = packaged_bench()["wiring"]
    edit(data)
    return Wiring.model_validate(data)


def test_light_ends_at_the_meter_and_at_four_detectors() -> None:
    paths = light_paths(packaged_wiring(), "laser")
    assert set(paths) == {"tap_meter", "d_x0", "d_x1", "d_z0", "d_z1"}


def test_the_way_to_a_detector_passes_the_parts_in_order() -> None:
    path = light_paths(packaged_wiring(), "laser")["d_z1"]
    assert [(s.name, s.port) for s in path.steps] == [
        ("isolator", "out"),
        ("mzm", "out"),
        ("pm", "out"),
        ("tap", "out"),
        ("pad", "out"),
        ("attenuator", "out"),
        ("fibre", "out"),
        ("eve", "out"),
        ("receiver_loss", "out"),
        ("qwp1", "out"),
        ("hwp", "out"),
        ("qwp2", "out"),
        ("splitter", "z"),
        ("plate_z", "out"),
        ("pbs_z", "v"),
        ("d_z1", ""),
    ]


def test_the_fibre_and_the_cables_delay_the_light() -> None:
    paths = light_paths(packaged_wiring(), "laser")
    assert paths["d_x0"].delay_ps() == 122_500_000
    assert paths["d_z0"].delay_ps() == 122_500_740


def test_the_delay_to_a_part_leaves_out_what_follows() -> None:
    path = light_paths(packaged_wiring(), "laser")["d_x0"]
    at = next(i for i, step in enumerate(path.steps) if step.name == "fibre")
    assert path.delay_ps(at + 1) == 0


def test_a_modulator_is_driven_through_its_amplifier() -> None:
    chain = rf_chain(packaged_wiring(), "pm")
    assert chain is not None
    assert (chain.awg, chain.channel) == ("awg", 2)
    assert [name for name, _ in chain.amplifiers] == ["amplifier_pm"]


def test_a_modulator_without_cable_is_driven_by_nothing() -> None:
    def edit(data: Any) -> None:
        data["cables"] = [c for c in data["cables"] if c["to"] != "mzm.rf"]

    assert rf_chain(wiring_with(edit), "mzm") is None


def test_start_comes_from_the_sync_output_through_the_delay_generator() -> None:
    chain = start_chain(packaged_wiring())
    assert chain is not None
    assert (chain.awg, chain.tagger, chain.delay_ps) == ("awg", "tagger", 85_000)
    assert chain.jitter_rms_ps == pytest.approx(20.0)


def test_detectors_are_found_at_the_taggers_inputs() -> None:
    inputs = tagger_inputs(packaged_wiring())
    assert inputs == {"d_x0": (1, 0), "d_x1": (2, 0), "d_z0": (3, 0), "d_z1": (4, 0)}


def test_light_in_a_circle_is_refused() -> None:
    def edit(data: Any) -> None:
        for cable in data["cables"]:
            if cable["from"] == "pm.out":
                cable["to"] = "isolator.in"

    with pytest.raises(ConfigError, match="circle through isolator"):
        light_paths(wiring_with(edit), "laser")


def test_a_bench_without_laser_is_refused() -> None:
    def edit(data: Any) -> None:
        data["parts"].pop("laser")
        data["cables"] = [c for c in data["cables"] if "laser" not in str(c)]

    with pytest.raises(ConfigError, match="one Laser, found 0"):
        find_part(wiring_with(edit), Laser)


def rewired(target: str, source: str) -> Wiring:
    def edit(data: Any) -> None:
        data["cables"] = [c for c in data["cables"] if c["to"] != target]
        data["cables"].append({"from": source, "to": target, "kind": "rf"})

    return wiring_with(edit)


def test_a_modulator_driven_by_a_wrong_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"clock\.out cannot drive mzm"):
        rf_chain(rewired("mzm.rf", "clock.out"), "mzm")


def test_start_triggered_by_a_wrong_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"d_x0\.out cannot trigger tagger"):
        start_chain(rewired("tagger.start", "d_x0.out"))
