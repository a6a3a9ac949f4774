"""The simulated Time Controller: language, timestamps, limits, service."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

# ---- language -------------------------------------------------------------------
from id900_at_hand import MS, ask, record, tags, times, unit

GOLDEN = [
    ("DEVI:RES:BWID?", "13"),
    ("DEVIce:RESolution LOWRES", "LOWRES"),
    ("devi:reso lowr", "LOWRES"),
    ("INPUT1:THRESHOLD 0.5V", "0.5V"),
    ("INPU4:THRE -2", "-2V"),
    ("INPUt2:EDGE FALLING", "FALLING"),
    ("DELAY1:VALUE 100", "100TB"),
    ("DELA1:VALU 100TB", "100TB"),
    ("DELAY2:INPORT:LINK START", "STAR"),
    ("DELA3:INPO:LINK INPUT4", "INPU4"),
    ("DELA3:INPO:LINK NONE", "NONE"),
    ("DEVI:CONFI:LOAD HISTO", "HISTO"),
    ("INPU1:COUN:MODE ACCUM", "ACCUM"),
    ("STAR:COUNTER:INTEGRATIONTIME 500", "500"),
    ("INPUT1:COUNTER:RESET", "Counter value set to 0 "),
    ("INPUT1:HIRES:ERROR:CLEAR", "Cleared Highres errors"),
    ("INPUT1:HIRES:ERROR?", "0"),
    ("HIST1:FLUSH", "Flushed Histogram!"),
    ("HIST1:BCOUNT 4;DATA?", "4\n[0, 0, 0, 0]"),
    ("TSGE8:ENABLE ON", "ON"),
    ("TSCO5:OPOU MUTE", "MUTE"),
    ("RAW1:INPOrt:REF:LINK STAR", "STAR"),
    ("RAW2:REF:LINK STAR", "STAR"),
    ("RAW1:ERRORS?", "0"),
    ("REC:DURation 1000000000000.0", "1000000000000TB"),
    ("REC:NUM?", "1"),
    ("REC:NUM INF", "INF"),
    ("REC:STAGe?", "STOPPED"),
    ("REC:PLAY", "RECORDER DISABLED"),
    (
        "INPUT1:STATE?;:DELAY1:VALUE?",
        "INPU1:ENAB ON;COUP DC;EDGE RISING;THRE 0.1V;SELE UNSHAPED;RESY AUTO"
        ";:INPU1:COUNTER:INTEGRATIONTIME 1000;MODE CYCLE\n0TB",
    ),
    ("DEVICE:STATE?", "DEVICE:SYNC INTERNAL;RES HIRES"),
]


@pytest.mark.parametrize(("sent", "expected"), GOLDEN)
def test_exchange_as_with_public_clients(sent: str, expected: str) -> None:
    assert ask(unit(), sent) == expected


def test_states_read_where_a_public_client_cuts_them() -> None:
    sim = unit(separator=";")
    ask(sim, "DELA2:VALU 1300;:HIST3:BWID 26;BCOU 50;MIN 7;:DEVI:SYNC EXTERNAL")
    fields = ask(sim, "INPUT2:STATE?;:DELAY2:VALUE?").upper().split(";")
    enabled, coupling, edge, threshold, select, resync, time, mode, delay = fields
    assert enabled.endswith("ON")
    assert [f[5:] for f in (coupling, edge, select, resync, mode)] == [
        "DC",
        "RISING",
        "UNSHAPED",
        "AUTO",
        "CYCLE",
    ]
    assert float(threshold[5:].rstrip("V")) == 0.1
    assert float(time[30:].rstrip("TB")) == 1000
    assert float(delay.rstrip("TB")) == 1300
    value, address = ask(sim, "DELAY2:STATE?").rstrip(";").split(";")
    assert (value[12:].rstrip("TB"), address[10:]) == ("1300", "INPU2")
    stop, ref, gate, least, width, count = ask(sim, ":HIST3:STATE?").split(";")
    assert (stop[23:], ref[23:], gate[24:]) == ("TSCO7", "STAR", "TSGE8")
    assert (least[11:], width[5:], count[7:]) == ("7TB", "26TB", "50")
    sync, resolution = ask(sim, "DEVICE:STATE?").split(";")
    assert (sync[12:], resolution[4:]) == ("EXTERNAL", "HIRES")
    *_, delay, time, mode = ask(sim, "START:STATE?").split(";")
    assert (delay[5:], float(time[30:]), mode[5:]) == ("0TB", 1000, "CYCLE")


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        ("NONSENSE", "SCPI_ERR_INVALID_CMD"),
        ("INPU5:EDGE?", "SCPI_ERR_INVALID_CMD"),
        ("INPU1:ED RISING", "SCPI_ERR_INVALID_CMD"),
        ("INPUTT1:EDGE?", "SCPI_ERR_INVALID_CMD"),
        ("HIST1:FLUSH?", "SCPI_ERR_INVALID_CMD"),
        ("INPU1:EDGE UP", "SCPI_ERR_PARAM_TYPE"),
        ("INPU1:THRE high", "SCPI_ERR_PARAM_TYPE"),
        ("INPU1:EDGE", "SCPI_ERR_PARAM_CNT"),
        ("INPU1:THRE 2.1", "SCPI_ERR_PARAM_OVERFLOW"),
        ("HIST1:BWID 100", "SCPI_ERR_PARAM_OVERFLOW"),
        ("", "SCPI_ERR_NO_COMMAND"),
    ],
)
def test_a_wrong_command_ends_in_its_error(sent: str, ending: str) -> None:
    assert ask(unit(), sent).endswith(ending)


def test_a_link_to_a_block_that_does_not_fit_is_no_connection() -> None:
    assert ask(unit(), "RAW1:REF:LINK HIST1").startswith("No connection")


def test_a_semicolon_goes_on_at_the_node_and_a_colon_at_the_root() -> None:
    sim = unit(separator=";")
    sent = "INPU1:ENAB OFF;EDGE FALL;COUN:MODE ACCUM;INTE 20;:DELA1:VALU 7"
    assert ask(sim, sent) == "OFF;FALLING;ACCUM;20;7TB"
    assert ask(sim, "INPU1:ENAB?;EDGE?;:INPU2:EDGE?") == "OFF;FALLING;RISING"


def test_counter_integration_can_be_in_nanoseconds() -> None:
    sim = unit(counter_unit="ns")
    assert ask(sim, "INPU1:COUN:INTE?") == "1000000000"


# ---- recorder, limits -----------------------------------------------------------


def test_a_recording_ends_after_its_duration() -> None:
    sim = unit()
    record(sim)
    ask(sim, f"REC:STOP;NUM 1;DUR {5 * MS};PLAY")
    sim.push(1, times(4 * MS, 6 * MS))
    assert sim.recording()
    sim.advance(10 * MS)
    assert not sim.recording()
    assert len(tags(sim, 1, 11 * MS)) == 1
    assert ask(sim, "REC:STAG?", 10 * MS) == "STOPPED"


def test_stopping_sends_the_rest() -> None:
    sim = unit()
    record(sim)
    sim.push(1, times(MS))
    sim.advance(2 * MS)
    assert ask(sim, "REC:STAG?", 2 * MS) == "PLAYING"
    ask(sim, "REC:STOP", 2 * MS)
    assert len(tags(sim, 1, 3 * MS)) == 1


def test_settings_act_on_pulses_after_them() -> None:
    sim = unit()
    record(sim)
    sim.push(1, times(MS))
    ask(sim, "INPU1:ENAB OFF", 2 * MS)
    sim.push(1, times(3 * MS))
    sim.advance(10 * MS)
    assert len(tags(sim, 1, 11 * MS)) == 1


def test_above_ten_million_timestamps_a_second_the_unit_hangs() -> None:
    sim = unit()
    record(sim, channels=(1, 2))
    half = np.arange(50_000, dtype=np.int64) * 200_000 + 50_000
    sim.push(1, half)
    sim.push(2, half)
    sim.advance(10 * MS)
    assert len(tags(sim, 1, 11 * MS)) == 50_000
    sim.push(1, half + 10 * MS)
    sim.push(2, np.append(half, half[-1] + 50_000) + 10 * MS)
    sim.advance(20 * MS)
    assert tags(sim, 1, 21 * MS) == []
    control = sim.endpoints["control"]
    control.feed(b"*IDN?", 20 * MS)
    assert control.take(40 * MS) == []
    sim.restart()
    assert "ID900" in ask(sim, "*IDN?", 50 * MS)


def test_what_the_link_does_not_carry_is_counted_as_errors() -> None:
    sim = unit(link_rate_hz=1000.0)
    record(sim)
    sim.push(1, np.arange(25, dtype=np.int64) * 100_000)
    sim.advance(10 * MS)
    assert len(tags(sim, 1, 11 * MS)) == 10
    assert ask(sim, "RAW1:ERRORS?", 10 * MS) == "15"
    assert ask(sim, "RAW1:ERRORS:CLEAR;:RAW1:ERRORS?").endswith("\n0")


# ---- counters, histograms -------------------------------------------------------


def test_the_counter_shows_the_last_whole_cycle() -> None:
    sim = unit()
    ask(sim, "INPU1:COUN:INTE 5")
    sim.push(1, np.arange(10, dtype=np.int64) * MS + 1)
    sim.advance(7 * MS)
    assert ask(sim, "INPU1:COUN?", 7 * MS) == "5"
    ask(sim, "INPU1:COUN:MODE ACCUM", 10 * MS)
    assert ask(sim, "INPU1:COUN?", 10 * MS) == "10"


@given(st.lists(st.integers(1, 59), max_size=10).map(sorted))
def test_the_counter_does_not_depend_on_when_it_is_asked(cuts: list[int]) -> None:
    sim = unit()
    ask(sim, "INPU1:COUN:INTE 7")
    at = np.cumsum(np.arange(1, 200, dtype=np.int64)) * 3_000_000
    begin = 0
    for end in [*cuts, 60]:
        sim.push(1, at[(at >= begin * MS) & (at < end * MS)])
        sim.advance(end * MS)
        ask(sim, "INPU1:COUN?", end * MS)
        begin = end
    inside = np.sum((at >= 49 * MS) & (at < 56 * MS))
    assert ask(sim, "INPU1:COUN?", 60 * MS) == str(inside)


def test_a_histogram_fills_while_its_gate_is_open() -> None:
    sim = unit()
    ask(sim, "HIST1:BWID 130;BCOU 5;MIN 0")
    sim.push_start(times(0, 5 * MS))
    sim.push(1, times(MS))
    sim.advance(2 * MS)
    ask(sim, "TSGE8:ENAB ON", 2 * MS)
    first = 5 * MS // 13 * 13
    sim.push(1, times(first + 26, first + 260, first + 270, first + 5000))
    sim.advance(10 * MS)
    assert ask(sim, "HIST1:DATA?", 10 * MS) == "[1, 0, 2, 0, 0]"
    ask(sim, "HIST1:FLUS", 10 * MS)
    assert ask(sim, "HIST1:DATA?", 10 * MS) == "[0, 0, 0, 0, 0]"
