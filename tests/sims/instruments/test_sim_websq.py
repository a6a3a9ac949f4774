"""The simulated WebSQ: exchanges typed from the client's protocol, scans, counts."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab.clock import seconds
from qkdlab_sims.instruments.singlequantum_websq import Simulator

LATER = seconds(10)


def say(rack: Simulator, data: bytes, now_ps: int = 0) -> list[dict[str, Any]]:
    control = rack.endpoints["control"]
    control.feed(data, now_ps)
    return messages(control.take(now_ps + seconds(0.01)))  # type: ignore[arg-type]


def messages(data: bytes) -> list[dict[str, Any]]:
    assert data == b"" or data.endswith(b"\x17")
    return [json.loads(part) for part in data.split(b"\x17")[:-1]]


def lines(rack: Simulator, now_ps: int) -> list[list[float]]:
    data = rack.endpoints["counts"].take(now_ps)
    assert isinstance(data, bytes)
    return [[float(f) for f in line.split(b",")] for line in data.split(b"\n")[:-1]]


def test_a_bias_vector_is_answered_byte_for_byte() -> None:
    rack = Simulator(n_detectors=2)
    control = rack.endpoints["control"]
    control.feed(
        b'{"command": "SetAllBiasCurrents", "label": "BiasCurrent",'
        b' "value": [12.5, 0.25]}',
        0,
    )
    assert control.take(LATER) == b'{"label": "BiasCurrent", "value": [12.5, 0.25]}\x17'


@pytest.mark.parametrize(
    ("sent", "label", "value"),
    [
        (
            '{"command":"SetMeasurementPeriod","label":"InptMeasurementPeriod",'
            '"value":50}',
            "InptMeasurementPeriod",
            50,
        ),
        (
            '{"command":"SetAllTriggerLevels","label":"TriggerLevel",'
            '"value":[1,2,3,4]}',
            "TriggerLevel",
            [1, 2, 3, 4],
        ),
        (
            '{"command":"DetectorEnable","label":"DetectorEnable","value":true}',
            "DetectorEnable",
            True,
        ),
        ('{"label":"IVScanEnd","value":31.5}', "IVScanEnd", 31.5),
        ('{"request":"StartAutoIV"}', "StartAutoIV", False),
    ],
)
def test_a_command_updates_its_label(sent: str, label: str, value: object) -> None:
    assert say(Simulator(), sent.encode()) == [{"label": label, "value": value}]


def test_the_first_snapshot_gives_every_label_with_its_properties() -> None:
    answer = say(Simulator(), b'{"request":"labelProps","value":"None"}')
    labels = {m["label"]: m["value"] for m in answer}
    assert labels["NumberOfDetectors"] == {"value": 4}
    assert labels["BiasCurrent"]["value"] == [0.0] * 4
    assert labels["InptMeasurementPeriod"]["min"] == 10
    assert {"TriggerLevel", "BiasVoltage", "DetectorEnable", "StartAutoIV"} <= set(
        labels
    )


@given(st.lists(st.integers(1, 120), max_size=8))
def test_any_split_of_the_bytes_gives_the_same_messages(cuts: list[int]) -> None:
    stream = (
        b'{"request":"BiasVoltage"}{"label":"IVScanEnd","value":1.5}'
        b'{"request":"a}{\\"b"}{"request":"StartAutoIV"}'
    )
    edges = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    split = Simulator()
    control = split.endpoints["control"]
    for begin, end in pairwise(edges):
        control.feed(stream[begin:end], 0)
    whole = say(Simulator(), stream)
    assert messages(control.take(LATER)) == whole  # type: ignore[arg-type]
    assert len(whole) == 4


@pytest.mark.parametrize(
    "sent",
    [
        b"{nonsense}",
        b'{"command":"SetAllBiasCurrents","value":[1,2]}',
        b'{"command":"SetAllBiasCurrents","value":[1,2,3,91.0]}',
        b'{"command":"SetMeasurementPeriod","value":9}',
        b'{"command":"DetectorEnable","value":1}',
        b'{"command":"Explode","value":1}',
    ],
)
def test_nonsense_is_answered_by_a_label_with_error_in_its_name(sent: bytes) -> None:
    rack = Simulator()
    (answer,) = say(rack, sent)
    assert "Error" in answer["label"]
    assert rack.bias_ua() == [0.0] * 4


def test_the_wires_carry_current_only_while_enabled() -> None:
    rack = Simulator(n_detectors=2)
    changes: list[int] = []
    rack.on_change = changes.append
    say(rack, b'{"command":"SetAllBiasCurrents","value":[20,21]}', 5)
    assert rack.bias_ua() == [0.0, 0.0]
    say(rack, b'{"command":"DetectorEnable","value":true}', 7)
    assert rack.bias_ua() == [20.0, 21.0]
    assert changes == [5, 7]


def test_a_wire_above_its_switching_current_stays_latched_until_reset() -> None:
    rack = Simulator(n_detectors=1)
    say(rack, b'{"command":"DetectorEnable","value":true}')

    def voltage_at(bias: float) -> float:
        say(rack, b'{"command":"SetAllBiasCurrents","value":[%f]}' % bias)
        return float(say(rack, b'{"request":"BiasVoltage"}')[0]["value"][0])

    assert 0 < voltage_at(27.0) < 20
    assert voltage_at(28.2) > 2000
    assert voltage_at(20.0) > 1000
    assert voltage_at(0.0) == 0.0
    assert 0 < voltage_at(20.0) < 20


def test_the_world_can_supply_the_voltages() -> None:
    rack = Simulator(n_detectors=2)
    rack.voltages_mv = lambda t_ps: [t_ps, 2.0]
    assert say(rack, b'{"request":"BiasVoltage"}', 3)[0]["value"] == [3.0, 2.0]


def test_a_line_of_counts_per_period_with_the_differences() -> None:
    rack = Simulator(n_detectors=2, epoch_unix_s=1000.0)
    rack.counts = lambda t_ps: [t_ps // seconds(0.001), 2 * (t_ps // seconds(0.001))]
    assert lines(rack, seconds(0.35)) == [
        [1000.1, 100, 200],
        [1000.2, 100, 200],
        [1000.3, 100, 200],
    ]


def test_the_counts_line_is_plain_ascii() -> None:
    rack = Simulator(n_detectors=2, epoch_unix_s=1000.0)
    rack.counts = lambda t_ps: [7, 8]
    assert rack.endpoints["counts"].take(seconds(0.1)) == b"1000.100,7,8\n"


def test_a_new_period_begins_when_it_is_set() -> None:
    rack = Simulator(n_detectors=1, epoch_unix_s=0.0)
    rack.counts = lambda t_ps: [t_ps // seconds(0.001)]
    say(rack, b'{"command":"SetMeasurementPeriod","value":20}', seconds(0.13))
    counts = rack.endpoints["counts"]
    assert lines(rack, seconds(0.14)) == [[0.1, 100]]
    assert counts.next_wake_ps() == seconds(0.15)
    assert lines(rack, seconds(0.17)) == [[0.15, 20], [0.17, 20]]


def test_lines_are_made_on_time_though_nobody_reads_them() -> None:
    rack = Simulator(n_detectors=1)
    asked: list[int] = []
    rack.counts = lambda t_ps: [asked.append(t_ps) or 0]  # type: ignore[func-returns-value]
    rack.settle(seconds(0.2))
    assert asked == [seconds(0.1), seconds(0.2)]


def test_lines_are_the_same_whether_made_early_or_late() -> None:
    early, late = Simulator(n_detectors=1), Simulator(n_detectors=1)
    for rack in (early, late):
        rack.counts = lambda t_ps: [t_ps // 7]
    for tenths in range(1, 30):
        early.settle(seconds(0.07 * tenths))
    assert lines(early, seconds(3)) == lines(late, seconds(3))


def test_of_lines_that_nobody_reads_only_the_last_are_kept() -> None:
    rack = Simulator(n_detectors=1, epoch_unix_s=0.0)
    for end_s in range(0, 2000, 10):
        rack.settle(seconds(end_s))
    kept = lines(rack, seconds(2000))
    assert len(kept) == 1024
    assert kept[-1][0] == 2000.0


def test_auto_iv_finds_the_bias_for_the_wanted_dark_counts() -> None:
    rack = Simulator(auto_iv_s=2.0)
    say(rack, b'{"command":"DetectorEnable","value":true}')
    say(rack, b'{"command":"DarkCountsAutoIV","value":[20,20,300,100]}')
    started = say(rack, b'{"command":"AutoCaliBiasCurrents","value":true}')
    assert started == [{"label": "StartAutoIV", "value": True}]
    assert say(rack, b'{"request":"StartAutoIV"}', seconds(1))[0]["value"] is True
    done = say(rack, b'{"request":"StartAutoIV"}', seconds(3))
    assert done[0] == {"label": "StartAutoIV", "value": False}
    rates = [
        wire.dark_rate_at(bias)
        for wire, bias in zip(rack.rack.wires, rack.bias_ua(), strict=True)
    ]
    assert rates == pytest.approx([20, 20, 300, 100], rel=0.05)


def test_a_scan_shows_the_exponential_and_the_latch() -> None:
    rack = Simulator(rng=np.random.default_rng(1))
    say(rack, b'{"label":"IVScanStart","value":25}{"label":"IVScanEnd","value":33}')
    say(rack, b'{"command":"IVScanEnable","label":"IVScanEnable","value":true}')
    done = say(rack, b'{"request":"IVHistory"}', seconds(9))
    history = {m["label"]: m["value"] for m in done}
    counts, volts = history["ic_scan_history"], history["iv_scan_history"]
    assert [c["biasCurrent"] for c in counts[:2]] == [25, 25.1]
    assert len(counts) == 81
    at_28 = next(c for c in counts if c["biasCurrent"] == 28.0)
    assert at_28["y1"] > 500
    assert counts[-1]["y1"] == 0
    assert volts[-1]["v1"] > 2000
    assert set(volts[0]) == {"biasCurrent", "v1", "v2", "v3", "v4"}


def test_the_temperature_history_has_the_clients_columns() -> None:
    (answer,) = say(Simulator(), b'{"request":"TemperatureHistory"}')
    assert answer["label"] == "temperature_long_memory"
    assert set(answer["value"]) == {
        "x",
        "T",
        "T2",
        "V_avrg",
        "BoardTemp1",
        "BoardTemp2",
    }
