"""Ways of flashes on a small bench: isolators, and more than one way to an observer."""

from __future__ import annotations

from typing import Any

import pytest
from world_stubs import packaged_bench

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Wiring
from qkdlab_sims.bench.backflash_ways import flash_ways, to_channel

BOB = {"owner": "bob"}
SPLITTER = BOB | {"kind": "beam_splitter", "x_fraction": 0.5}
DIODE = BOB | {
    "kind": "spad",
    "efficiency": 0.25,
    "dark_rate_hz": 100.0,
    "dead_time_ps": 1_000_000,
    "jitter_fwhm_ps": 50.0,
}
ISOLATOR = BOB | {"kind": "loss", "loss_db": 0.5}
CIRCULATOR = BOB | {"kind": "circulator", "loss_db": 0.8}


def graph_of(parts: dict[str, Any], *cables: str) -> Graph:
    """Return the graph of laser, tagger and `parts`, cables as 'from to delay_ps'."""
    packaged = packaged_bench()["wiring"]["parts"]
    ends_of_bench = {name: packaged[name] for name in ("laser", "tagger")}
    ends = [cable.split() for cable in cables]
    joined = [
        {"from": a, "to": b, "kind": "optical", "delay_ps": int(ps)}
        for a, b, ps in ends
    ]
    wiring = {"parts": ends_of_bench | parts, "cables": joined}
    return Graph(Wiring.model_validate(wiring))


@pytest.mark.parametrize(
    ("isolation", "loss_db"),
    [({}, 0.5), ({"isolation_db": 30.0}, 30.0), ({"isolation_db": 0.0}, 0.0)],
)
def test_flashes_meet_the_isolation_of_an_isolator(
    isolation: dict[str, float], loss_db: float
) -> None:
    parts = {"isolator": ISOLATOR | isolation, "diode": DIODE}
    graph = graph_of(parts, "laser.out isolator.in 0", "isolator.out diode.in 0")
    (path,) = graph.optical_paths("laser")
    assert to_channel(path) == pytest.approx(10 ** (-0.1 * loss_db))
    assert path.loss_db == 0.5


def test_an_observer_is_spared_by_an_isolator_before_the_diode() -> None:
    parts = {
        "circulator": CIRCULATOR,
        "isolator": ISOLATOR | {"isolation_db": 30.0},
        "after": ISOLATOR | {"isolation_db": 30.0},
        "diode": DIODE,
        "observer": DIODE,
    }
    graph = graph_of(
        parts,
        "laser.out circulator.in 0",
        "circulator.out isolator.in 0",
        "isolator.out diode.in 0",
        "circulator.back after.in 0",
        "after.out observer.in 0",
    )
    (way,) = flash_ways(graph, graph.optical_paths("laser"))
    # what comes after the circulator passes forwards
    assert way.share == pytest.approx(10 ** -(3.0 + 0.08 + 0.05))


@pytest.fixture(scope="module")
def forked() -> Graph:
    """Light parts and meets before the circulator, and behind its `back`."""
    parts = dict.fromkeys(("part_1", "meet_1", "part_2", "meet_2"), SPLITTER)
    return graph_of(
        parts | {"circulator": CIRCULATOR, "diode": DIODE, "observer": DIODE},
        "laser.out part_1.in 0",
        "part_1.x meet_1.in 0",
        "part_1.z meet_1.in2 500",
        "meet_1.x circulator.in 0",
        "circulator.out diode.in 0",
        "circulator.back part_2.in 0",
        "part_2.x meet_2.in 0",
        "part_2.z meet_2.in2 60000",
        "meet_2.x observer.in 0",
    )


def test_each_way_back_counts_once_however_light_comes(forked: Graph) -> None:
    paths = forked.optical_paths("laser")
    assert sum(path.end == "diode" for path in paths) == 2
    ways = flash_ways(forked, paths)
    assert sorted(way.lag_ps for way in ways) == [0, 60_000]
    for way in ways:
        assert way.share == pytest.approx(0.25 * 10**-0.08)
