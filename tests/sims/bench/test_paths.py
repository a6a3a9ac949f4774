"""Ways of light and signals as the reference bench is cabled."""

from __future__ import annotations

from typing import Any

import pytest
from world_stubs import packaged_bench, packaged_wiring

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Laser, Wiring
from qkdlab_sims.bench.paths import (
    find_part,
    light_paths,
    rf_chain,
    start_chain,
    tagger_inputs,
)
from qkdlab_sims.bench.ways import LightWays


def graph_with(edit: Any) -> Graph:
    data = packaged_bench()["wiring"]
    edit(data)
    return Graph(Wiring.model_validate(data))


def rewired(target: str, *sources: str) -> Graph:
    def edit(data: Any) -> None:
        data["cables"] = [c for c in data["cables"] if c["to"] != target]
        for source in sources:
            data["cables"].append({"from": source, "to": target, "kind": "rf"})

    return graph_with(edit)


GRAPH = Graph(packaged_wiring())


def test_light_ends_at_the_meter_and_at_four_detectors() -> None:
    assert set(light_paths(GRAPH)) == {"tap_meter", "d_x0", "d_x1", "d_z0", "d_z1"}


def test_light_to_an_open_port_is_lost() -> None:
    assert "d_z1" not in light_paths(rewired("d_z1.in"))


def test_a_modulator_is_driven_through_its_amplifier() -> None:
    chain = rf_chain(GRAPH, "pm")
    assert chain is not None
    assert (chain.awg, chain.channel) == ("awg", 2)
    assert [amplifier.gain for amplifier in chain.amplifiers] == [5.0]


def test_a_modulator_without_cable_is_driven_by_nothing() -> None:
    assert rf_chain(rewired("mzm.rf"), "mzm") is None


def test_start_comes_from_the_sync_output_through_the_delay_generator() -> None:
    chain = start_chain(GRAPH)
    assert chain is not None
    assert (chain.awg, chain.unit) == ("awg", ("sync_delay", "ab"))
    assert (chain.before_ps, chain.after_ps) == (0, 0)
    assert (chain.sync_v, chain.max_rate_hz) == (3.0, 10e6)


def test_a_tagger_without_start_is_triggered_by_nothing() -> None:
    assert start_chain(rewired("tagger.start")) is None


def test_detectors_are_found_at_the_taggers_inputs() -> None:
    inputs = tagger_inputs(GRAPH)
    assert inputs == {"d_x0": (1, 0), "d_x1": (2, 0), "d_z0": (3, 0), "d_z1": (4, 0)}


def test_a_click_comes_after_fibre_and_cables() -> None:
    arrivals = {way.name: way.arrival_ps for way in LightWays(GRAPH).detectors}
    assert arrivals == {
        "d_x0": 122_500_000,
        "d_x1": 122_500_310,
        "d_z0": 122_500_740,
        "d_z1": 122_500_150,
    }


def test_a_bench_without_laser_is_refused() -> None:
    def edit(data: Any) -> None:
        data["parts"].pop("laser")

    with pytest.raises(ConfigError, match="one Laser, found 0"):
        find_part(graph_with(edit), Laser)


def test_a_modulator_driven_by_a_wrong_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"clock\.out cannot drive mzm"):
        rf_chain(rewired("mzm.rf", "clock.out"), "mzm")


def test_start_triggered_by_a_wrong_part_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"d_x0\.out cannot trigger tagger"):
        start_chain(rewired("tagger.start", "d_x0.out"))


def test_light_that_meets_no_detector_is_refused() -> None:
    with pytest.raises(ConfigError, match="meets a detector"):
        LightWays(rewired("fibre.in"))


def test_a_tap_before_the_last_modulator_is_refused() -> None:
    def edit(data: Any) -> None:
        for cable in data["cables"]:
            if cable["to"] == "pm.in":
                cable["to"] = "tap.in"
            elif cable["from"] == "pm.out":
                cable.update({"from": "tap.out", "to": "pm.in"})
            elif cable["from"] == "tap.out":
                cable["from"] = "pm.out"

    with pytest.raises(ConfigError, match="all modulators first"):
        LightWays(graph_with(edit))
