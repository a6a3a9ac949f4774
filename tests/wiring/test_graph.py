from __future__ import annotations

import fake_bench
import pytest

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import VariableAttenuator, Wiring


@pytest.fixture
def graph(monkeypatch):
    fake_bench.install(monkeypatch)
    return Graph(fake_bench.bench().wiring)


def paths(graph):
    return {path.end: path for path in graph.optical_paths("laser")}


def test_light_reaches_the_meter_and_all_detectors(graph):
    assert set(paths(graph)) == {"tap_meter", "d_x0", "d_x1", "d_z0", "d_z1"}


def test_the_loss_to_the_meter_is_the_sum_of_its_parts(graph):
    # isolator 0.5, Mach-Zehnder 4, phase modulator 3, tenth of the light 10
    assert paths(graph)["tap_meter"].loss_db == pytest.approx(17.5)


def test_the_loss_to_a_detector_counts_every_splitter(graph):
    # 7.5, tap 0.4576, pad 30, fibre 5, receiver 3.5, 80 % 0.969, polarization 3.0103
    assert paths(graph)["d_x0"].loss_db == pytest.approx(50.4370, abs=1e-3)


def test_delays_of_cables_and_fibre_add_up(graph):
    assert paths(graph)["d_x1"].delay_ps == 25 * 4_900_000 + 310


def test_a_path_lists_its_attenuators(graph):
    found = paths(graph)["d_x0"].of_kind(VariableAttenuator)
    assert [name for name, _ in found] == ["attenuator", "line_attenuator"]


def test_a_path_can_be_cut_before_a_part(graph):
    assert paths(graph)["d_x0"].before("fibre").end == "line_attenuator"


def test_a_drive_line_is_followed_to_its_generator(graph):
    chain = graph.chain("pm", "rf")
    assert chain.source == ("awg", "ch2")
    assert chain.parts == ("amplifier_pm",)


def test_a_trigger_is_followed_through_the_delay_generator(graph):
    chain = graph.chain("tagger", "start")
    assert chain.source == ("awg", "sync")
    assert chain.parts == ("sync_delay",)


def test_the_laser_is_followed_to_its_clock(graph):
    chain = graph.chain("laser", "clock")
    assert chain.source == ("clock", "out")
    assert chain.parts == ("pulse_former",)


def test_an_open_input_has_no_chain(graph):
    assert graph.chain("awg", "ref_in") is not None
    assert graph.chain("tagger", "input9") is None


def test_a_circle_of_light_ends():
    wiring = Wiring.model_validate(
        {
            "parts": {
                "laser": {
                    "kind": "laser",
                    "owner": "a",
                    "instrument": "a.laser",
                    "wavelength_nm": 1550,
                    "mean_power_dbm": 0,
                    "pulse_fwhm_ps": 50,
                },
                "ring": {"kind": "tap", "owner": "a", "tap_fraction": 0.5},
                "pad": {"kind": "loss", "owner": "a", "loss_db": 1},
            },
            "cables": [
                {"from": "laser.out", "to": "ring.in", "kind": "optical"},
                {"from": "ring.out", "to": "pad.in", "kind": "optical"},
                {"from": "pad.out", "to": "ring.in", "kind": "optical"},
            ],
        }
    )
    assert len(Graph(wiring).optical_paths("laser")) == 1


def test_cables_to_nowhere_are_not_followed():
    cable = {"from": "x.out", "to": "y.in", "kind": "optical"}
    assert Graph(Wiring.model_validate({"parts": {}, "cables": [cable]})).links == ()
