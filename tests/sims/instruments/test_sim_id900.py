"""The simulated Time Controller: language, timestamps, limits, service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qkdlab.clock import seconds
from qkdlab_sims.instruments.idq_id900 import Simulator

MS = seconds(0.001)
FRAME_PS = 800_000_000


def unit(**options: Any) -> Simulator:
    options.setdefault("jitter_rms_ps", 0.0)
    options.setdefault("dead_ps", 0)
    return Simulator(**options)


def ask(sim: Simulator, text: str, now_ps: int = 0, endpoint: str = "control") -> str:
    machine = sim.endpoints[endpoint]
    machine.feed(text.encode(), now_ps)
    (reply,) = machine.take(now_ps + MS)
    return reply.decode()


def service(sim: Simulator, text: str, now_ps: int = 0) -> Any:
    return json.loads(ask(sim, text, now_ps, "datalink"))


def record(sim: Simulator, channels: Sequence[int] = (1,), now_ps: int = 0) -> None:
    for n in channels:
        ask(sim, f"RAW{n}:REF:LINK STAR;:RAW{n}:SEND ON", now_ps)
        service(
            sim,
            f"start-stream --channel {n} --address 127.0.0.1"
            f" --stream-port {4241 + n} --with-ref-index",
            now_ps,
        )
    ask(sim, "REC:TRIG:ARM:MODE MANU;:REC:ENAB ON;NUM INF;PLAY", now_ps)


def tags(sim: Simulator, channel: int, now_ps: int) -> list[tuple[int, int]]:
    data = b"".join(sim.streams[channel].take(now_ps))
    return [(int(a), int(b)) for a, b in np.frombuffer(data, "<u8").reshape(-1, 2)]


def times(*t: int) -> np.ndarray:
    return np.array(t, np.int64)


# ---- language -------------------------------------------------------------------

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


# ---- timestamps -----------------------------------------------------------------


def test_timestamps_count_from_the_last_reference_byte_for_byte() -> None:
    sim = unit()
    record(sim)
    sim.push(1, times(100 * 13, 3 * MS + 26))
    sim.push_start(times(200 * 13, 3 * MS))
    sim.advance(10 * MS)
    (block,) = sim.streams[1].take(11 * MS)
    before = 3 * MS // 13 * 13
    since = (3 * MS + 26) // 13 * 13 - before
    assert block == bytes.fromhex("14050000000000000000000000000000") + since.to_bytes(
        8, "little"
    ) + (2).to_bytes(8, "little")


def test_blocks_come_at_the_end_of_each_flush_period() -> None:
    sim = unit(latency_ps=2 * MS)
    record(sim)
    port = sim.streams[1]
    assert port.next_wake_ps() == 12 * MS
    sim.push(1, times(MS))
    sim.advance(10 * MS)
    assert port.take(12 * MS - 1) == []
    assert len(port.take(12 * MS)) == 1
    assert port.next_wake_ps() == 22 * MS


def test_no_tags_no_message() -> None:
    sim = unit()
    record(sim)
    sim.advance(50 * MS)
    assert sim.streams[1].take(60 * MS) == []


@pytest.mark.parametrize(("mode", "bin_ps"), [("HIRES", 13), ("LOWRES", 100)])
def test_timestamps_are_whole_bins(mode: str, bin_ps: int) -> None:
    sim = unit()
    ask(sim, f"DEVI:RES {mode}")
    record(sim)
    sim.push_start(times(1005))
    sim.push(1, times(7 * MS + 5))
    sim.advance(10 * MS)
    ((stamp, _),) = tags(sim, 1, 11 * MS)
    assert stamp == ((7 * MS + 5) // bin_ps - 1005 // bin_ps) * bin_ps


def test_timestamps_can_be_in_bins() -> None:
    sim = unit(timestamp_unit="bins")
    record(sim)
    sim.push(1, times(1300))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == [(100, 0)]


def test_with_first_index_zero_nothing_is_sent_before_the_first_reference() -> None:
    sim = unit(first_ref_index=0)
    record(sim)
    sim.push_start(times(1300))
    sim.push(1, times(130, 1300 + 26))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == [(26, 0)]


def test_without_reference_time_runs_from_the_start_of_the_recording() -> None:
    sim = unit()
    record(sim, now_ps=13 * MS)
    ask(sim, "RAW1:REF:LINK NONE", 13 * MS)
    sim.push_start(times(14 * MS))
    sim.push(1, times(15 * MS))
    sim.advance(20 * MS)
    assert tags(sim, 1, 21 * MS) == [(15 * MS // 13 * 13 - 13 * MS, 0)]


def test_the_own_time_base_runs_fast_unless_synchronised() -> None:
    for sync, ahead in (("INTERNAL", 20_000), ("EXTERNAL", 0)):
        sim = unit(offset_ppm=20.0)
        ask(sim, f"DEVI:SYNC {sync}")
        record(sim)
        sim.push_start(times(2 * MS))
        sim.push(1, times(3 * MS))
        sim.advance(10 * MS)
        ((stamp, _),) = tags(sim, 1, 11 * MS)
        assert abs(stamp - MS - ahead) <= 13


def test_delays_of_all_blocks_on_the_way_add_up() -> None:
    sim = unit()
    ask(sim, "INPU2:DELA 130;:DELA2:VALU 1300")
    record(sim, channels=(2,))
    sim.push(2, times(13_000))
    sim.advance(10 * MS)
    assert tags(sim, 2, 11 * MS) == [(13_000 + 1430, 0)]


def test_a_delayed_reference_belongs_to_later_tags() -> None:
    sim = unit()
    ask(sim, "STAR:DELA 1300")
    record(sim)
    sim.push_start(times(1300))
    sim.push(1, times(1300, 2600))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == [(1300, 0), (0, 1)]


def test_a_long_delay_holds_tags_back_until_their_time() -> None:
    sim = unit()
    ask(sim, f"DELA1:VALU {15 * MS}")
    record(sim)
    sim.push(1, times(13 * 10))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == []
    sim.advance(20 * MS)
    ((stamp, _),) = tags(sim, 1, 21 * MS)
    assert abs(stamp - 15 * MS - 130) <= 13


@pytest.mark.parametrize(
    ("setting", "n_tags"),
    [
        ("INPU1:THRE 0.3V", 1),
        ("INPU1:THRE 0.5V", 0),
        ("INPU1:THRE -0.1V", 0),
        ("INPU1:ENAB OFF", 0),
        ("TSCO5:OPOU MUTE", 0),
        ("RAW1:STOP:LINK NONE", 0),
        ("DELA1:INPO:LINK INPU2", 0),
        ("TSCO5:INPO:FIRS:LINK TSCO5", 0),
    ],
)
def test_a_pulse_needs_threshold_and_links(setting: str, n_tags: int) -> None:
    sim = unit(pulse_height_v=0.4)
    ask(sim, setting)
    record(sim)
    sim.push(1, times(MS))
    sim.advance(10 * MS)
    assert len(tags(sim, 1, 11 * MS)) == n_tags


def test_the_falling_edge_comes_a_pulse_width_later() -> None:
    sim = unit(pulse_width_ps=13 * 500)
    ask(sim, "INPU1:EDGE FALL")
    record(sim)
    sim.push(1, times(13_000))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == [(13_000 + 6_500, 0)]


def test_negative_pulses_begin_with_the_falling_edge() -> None:
    sim = unit(pulse_height_v=-0.5)
    ask(sim, "INPU1:EDGE FALL;THRE -0.2")
    record(sim)
    sim.push(1, times(13_000))
    sim.advance(10 * MS)
    assert tags(sim, 1, 11 * MS) == [(13_000, 0)]


def test_the_dead_time_is_not_extended() -> None:
    sim = unit(dead_ps=1000)
    record(sim)
    sim.push(1, times(0, 600, 1200, 1800, 2300))
    sim.advance(10 * MS)
    kept = [0, 1200, 2300]
    assert [t for t, _ in tags(sim, 1, 11 * MS)] == [t // 13 * 13 for t in kept]


def test_jitter_has_the_given_width() -> None:
    sim = unit(jitter_rms_ps=100.0, rng=np.random.default_rng(3))
    record(sim)
    at = np.arange(20_000, dtype=np.int64) * 100_100 + 13_000
    sim.push(1, at)
    sim.advance(10 * MS)
    noise = np.array([t for t, _ in tags(sim, 1, 11 * MS)]) - at
    # 20 000 draws: 0.5 % on the width, 0.7 ps on the mean; the bin adds 6.5 ps
    assert np.std(noise) == pytest.approx(np.hypot(100, 13 / 12**0.5), rel=0.025)
    assert abs(np.mean(noise) + 6) < 3.5


def slow_timestamps(
    stops: list[int], refs: list[int], ppm: float, delay_bins: int
) -> list[tuple[int, int]]:
    """One event after the other, in whole bins."""

    def bin_of(t: int) -> int:
        return (t + round(t * ppm * 1e-6)) // 13

    out = []
    for stop in stops:
        at = bin_of(stop) + delay_bins
        before = [bin_of(r) for r in refs if bin_of(r) <= at]
        out.append(((at - (before[-1] if before else 0)) * 13, len(before)))
    return out


@settings(max_examples=60, deadline=None)
@given(
    stops=st.lists(st.integers(0, 29 * MS), max_size=40, unique=True).map(sorted),
    refs=st.lists(st.integers(0, 29 * MS), max_size=12, unique=True).map(sorted),
    cuts=st.lists(st.integers(1, 30 * MS - 1), max_size=12).map(sorted),
)
def test_any_split_gives_the_timestamps_of_the_slow_reference(
    stops: list[int], refs: list[int], cuts: list[int]
) -> None:
    sim = unit(offset_ppm=17.0)
    ask(sim, "DELA1:VALU 260")
    record(sim)
    begin = 0
    for end in [*cuts, 30 * MS, 40 * MS]:
        sim.push(1, times(*(t for t in stops if begin <= t < end)))
        sim.push_start(times(*(t for t in refs if begin <= t < end)))
        sim.advance(end)
        begin = end
    assert tags(sim, 1, 50 * MS) == slow_timestamps(stops, refs, 17.0, 20)


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


# ---- service --------------------------------------------------------------------


def test_the_life_of_a_stream() -> None:
    sim = unit()
    assert ask(sim, "list", 0, "datalink") == "[]"
    started = ask(
        sim,
        "start-stream --channel 2 --address 169.254.99.1 --stream-port 4243"
        " --with-ref-index",
        0,
        "datalink",
    )
    assert started == '{"id": "169.254.99.1:5557"}'
    assert ask(sim, "list", 0, "datalink") == '["169.254.99.1:5557"]'
    ask(sim, "RAW2:REF:LINK STAR;:RAW2:SEND ON;:REC:ENAB ON;NUM INF;PLAY")
    sim.push(2, times(13, 26))
    sim.advance(10 * MS)
    status = service(sim, "status --id 169.254.99.1:5557", 11 * MS)
    assert status == {
        "acquisitions_count": 0,
        "inactivity": 0.0,
        "timestamps_count": 2,
    }
    ask(sim, "REC:STOP", 12 * MS)
    stopped = service(sim, "stop --id 169.254.99.1:5557", 13 * MS)
    assert stopped["status"]["acquisitions_count"] == 1
    assert len(sim.streams[2].take(14 * MS)[0]) == 32
    assert sim.streams[2].take(14 * MS) == []
    assert service(sim, "list", 14 * MS) == []


def test_an_empty_message_ends_a_stream() -> None:
    sim = unit()
    record(sim)
    sim.push(1, times(13))
    sim.advance(10 * MS)
    service(sim, "stop --id 127.0.0.1:5556", 10 * MS)
    assert [len(m) for m in sim.streams[1].take(12 * MS)] == [16, 0]


def test_what_is_not_heard_yet_is_not_counted_yet() -> None:
    sim = unit(latency_ps=5 * MS)
    record(sim)
    sim.push(1, times(13))
    sim.advance(10 * MS)
    identity = "127.0.0.1:5556"
    assert service(sim, f"status --id {identity}", 11 * MS)["timestamps_count"] == 0
    assert service(sim, f"status --id {identity}", 15 * MS)["timestamps_count"] == 1


@pytest.mark.parametrize(
    "command",
    [
        "explode",
        "status --id nobody",
        "stop",
        "start-stream --channel 5 --address a --stream-port 4242",
        "start-stream --channel 1 --address a",
        "start-stream --channel 1 --address a --stream-port 70000",
        "start-save --channel 1 --address a --filename f --format wav",
        'start-save "unclosed',
        "",
    ],
)
def test_the_service_describes_what_it_refuses(command: str) -> None:
    answer = service(unit(), command)
    assert isinstance(answer["error"]["description"], str)


def test_a_channel_cannot_be_started_twice() -> None:
    sim = unit()
    record(sim)
    again = "start-stream --channel 1 --address 127.0.0.1 --stream-port 4242"
    assert "error" in service(sim, again)


@pytest.mark.parametrize(
    ("style", "content"),
    [
        ("bin", (26).to_bytes(8, "little") + bytes(8)),
        ("ascii", b"26;0\n"),
    ],
)
def test_saved_timestamps_stay_in_memory(style: str, content: bytes) -> None:
    sim = unit()
    service(
        sim,
        "start-save --channel 1 --address 127.0.0.1 --filename 'C:/Temp/c1.bin'"
        f" --format {style} --with-ref-index",
    )
    ask(sim, "RAW1:SEND ON;:REC:ENAB ON;PLAY")
    sim.push(1, times(26))
    sim.advance(10 * MS)
    assert sim.datalink.saved == {"C:/Temp/c1.bin": content}
