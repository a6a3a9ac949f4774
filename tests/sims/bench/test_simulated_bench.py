"""Opening a bench: names, lines, overrides, faults."""

from __future__ import annotations

from typing import Any

import pytest
from raw_bench import ByHand, config
from world_stubs import packaged_bench

from qkdlab.errors import ConfigError, InstrumentDisconnected
from qkdlab.station.bench import Bench
from qkdlab.transport.base import ByteTransport, MessageTransport
from qkdlab_sims.plugin import open_bench


def test_it_is_a_bench() -> None:
    bench: Bench = open_bench(config(), 1)
    assert isinstance(bench.connect("alice", "awg", "control"), ByteTransport)
    assert isinstance(bench.connect("bob", "tagger", "stream1"), MessageTransport)
    bench.close()


def test_without_seed_each_bench_is_another() -> None:
    one, two = open_bench(config()), open_bench(config())
    assert one.truth()["drawn"] != two.truth()["drawn"]


def test_users_of_a_bus_share_one_line() -> None:
    bench = open_bench(config(), 1)
    first = bench.connect("bob", "plates", "control")
    assert bench.connect("bob", "plates", "control") is first


def test_a_closed_line_can_be_opened_again() -> None:
    hand = ByHand()
    hand.line("alice", "awg").close()
    assert hand.scpi("alice", "awg", "*IDN?").startswith("Keysight")


def test_closing_the_bench_closes_its_lines() -> None:
    bench = open_bench(config(), 1)
    line = bench.connect("alice", "awg", "control")
    bench.close()
    bench.close()
    assert isinstance(line, ByteTransport)
    with pytest.raises(InstrumentDisconnected):
        line.write(b"*IDN?\n")


@pytest.mark.parametrize(
    ("party", "connection", "endpoint", "match"),
    [
        ("alice", "agw", "control", "did you mean 'alice.awg'"),
        ("bob", "awg", "control", "no instrument or bus 'awg'"),
        ("bob", "qwp1", "control", "no instrument or bus 'qwp1'"),
        ("bob", "websq", "count", "did you mean 'counts'"),
    ],
)
def test_an_unknown_connection_is_refused(
    party: str, connection: str, endpoint: str, match: str
) -> None:
    bench = open_bench(config(), 1)
    with pytest.raises(ConfigError, match=match):
        bench.connect(party, connection, endpoint)


def test_a_simulator_takes_options_of_the_configuration() -> None:
    hand = ByHand(
        is_on=False, instruments={"alice.awg": {"options": {"serial": "MY1"}}}
    )
    assert ",MY1," in hand.scpi("alice", "awg", "*IDN?")


def test_a_silent_instrument_gives_nothing() -> None:
    hand = ByHand(
        is_on=False, faults={"alice.awg": [{"kind": "silent", "after_bytes": 5}]}
    )
    line = hand.line("alice", "awg")
    line.write(b"*IDN?\n")
    assert line.read(100, 0.5) == b"Keysi"
    assert line.read(100, 0.5) == b""


def test_a_line_can_be_cut_at_its_time() -> None:
    faults = {"bob.tagger": [{"kind": "drop_line", "at_s": 0.2, "endpoint": "control"}]}
    hand = ByHand(is_on=False, faults=faults)
    assert "Controller" in hand.say("control", "*IDN?")
    line = hand.line("bob", "tagger")
    with pytest.raises(InstrumentDisconnected, match=r"bob\.tagger"):
        line.receive(1.0)
    assert hand.say("datalink", "list") == "[]"


def test_fragments_do_not_matter_to_a_reader_of_whole_lines() -> None:
    hand = ByHand(
        is_on=False, faults={"alice.awg": [{"kind": "fragment", "piece_bytes": 3}]}
    )
    assert hand.scpi("alice", "awg", "*IDN?").startswith("Keysight")


def broken(**simulation: Any) -> Any:
    return config(**simulation)


@pytest.mark.parametrize(
    ("simulation", "match"),
    [
        (
            {"faults": {"alice.awg": [{"kind": "silent", "endpoint": "contrl"}]}},
            "did you mean 'control'",
        ),
        ({"faults": {"bob.tagger": [{"kind": "fragment"}]}}, "whole messages"),
        ({"buses": {}}, r"simulation\.buses: no entry for 'bob\.plates'"),
        (
            {"instruments": {"alice.awg": {"simulator": "keysight.33622"}}},
            r"did you mean 'keysight\.33622a'",
        ),
        (
            {"instruments": {"alice.awg": {"options": {"seriall": "1"}}}},
            "did you mean 'serial'",
        ),
    ],
)
def test_a_wrong_section_is_refused(simulation: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        open_bench(config(**simulation), 1)


def test_a_part_that_is_no_partys_instrument_is_refused() -> None:
    data = packaged_bench()
    data["wiring"]["parts"]["tap_meter"]["instrument"] = "alice.meter"
    with pytest.raises(ConfigError, match=r"no party has an instrument 'alice\.meter'"):
        open_bench(config(data), 1)


def test_a_driver_without_simulator_is_refused() -> None:
    data = packaged_bench()
    data["parties"]["alice"]["instruments"]["wavemeter"] = {"driver": "bristol.228"}
    with pytest.raises(ConfigError, match=r"no simulated 'bristol\.228'"):
        open_bench(config(data), 1)
