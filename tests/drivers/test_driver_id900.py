"""The ID900 driver on its simulator with pulses, and against answers typed by hand."""

import numpy as np
import pytest
from drivers.mounted import mount
from drivers.tagger_at_work import (
    EMPTY,
    MS,
    NEVER_PS,
    PERIOD_PS,
    Pulses,
    TaggerAtWork,
    every,
    running_by,
)

from qkdlab.clock import seconds
from qkdlab.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentTimeout,
)
from qkdlab_drivers.idquantique.spec import SPECS
from qkdlab_sims.instruments.idq_id900 import Simulator

(SPEC,) = SPECS


def make(options=None, faults=(), **sim_options):
    sim_options.setdefault("dead_ps", 0)
    sim_options.setdefault("offset_ppm", 3.0)
    mounted = mount(SPEC, Simulator(**sim_options), options, faults)
    mounted.clock.world = Pulses(mounted.simulator)
    return mounted


class TestConformance(TaggerAtWork):
    spec = SPEC
    make = staticmethod(make)


@pytest.fixture
def running():
    with running_by(make) as make_one:
        yield make_one


# ---- what is on the wire --------------------------------------------------------


def test_the_vendors_order_message_by_message(running):
    mounted = running(options={"n_inputs": 1})
    mounted.driver.stop()
    assert [m.decode() for m in mounted.spies["control"].heard] == [
        "*IDN?",
        "DEVI:RES:BWID?",
        "INPU1:ENAB?;:STAR:ENAB?",
        "REC:TRIG:ARM:MODE MANU",
        "REC:ENAB ON",
        "REC:STOP",
        "REC:NUM 1",
        "REC:DUR 86400000000000000",
        "DELA1:INPO:LINK INPU1",
        "TSCO5:WIND:ENAB OFF",
        "TSCO5:INPO:FIR:LINK DELA1",
        "TSCO5:OPOU ONLYFIR",
        "RAW1:INPO:STOP:LINK TSCO5",
        "RAW1:INPO:REF:LINK STAR",
        "RAW1:ERRORS:CLEAR",
        "RAW1:SEND ON",
        "REC:PLAY",
        "REC:STOP",
        "RAW1:SEND OFF",
    ]
    assert [m.decode() for m in mounted.spies["datalink"].heard] == [
        "list",
        "list",
        "start-stream --channel 1 --address 127.0.0.1 --stream-port 4242"
        " --with-ref-index",
        "stop --id 127.0.0.1:5556",
    ]


# ---- on the simulator -----------------------------------------------------------


def test_streams_that_were_left_open_are_closed_first(running):
    mounted = make()
    driver = mounted.driver
    driver.start(PERIOD_PS, 1e3)
    driver._acquisition = None  # as if the program had crashed
    mounted.clock.world.times = [every(MS, 100 * MS)] * 4
    driver.start(PERIOD_PS, 1e3)
    assert len(driver.read(10 * MS)) == 40
    driver.close()


@pytest.mark.parametrize("resolution", ["hires", "lowres"])
def test_settings_for_opening_are_written_when_it_is_identified(resolution):
    options = {
        "resolution": resolution,
        "sync": "external",
        "inputs": [
            {"threshold_v": 0.2, "edge": "falling", "delay_ps": 1300},
            {"enabled": False},
        ],
        "start": {"threshold_v": 0.5, "delay_ps": 26},
    }
    mounted = make(options)
    driver = mounted.driver
    driver.identify()
    assert driver.resolution() == resolution
    assert driver.sync() == "external"
    first, second = driver.inputs[:2]
    assert first.threshold_v() == 0.2
    assert first.edge() == "falling"
    assert first.delay_ps() == 1300
    assert first.enabled() is True
    assert second.enabled() is False
    assert driver.start_input.threshold_v() == 0.5
    assert driver.start_input.delay_ps() == 26
    bin_ps = {"hires": 13, "lowres": 100}[resolution]
    assert driver.tagger_capabilities().resolution_ps == bin_ps
    driver.close()


PLAIN = {
    "enabled": True,
    "threshold_v": 0.1,
    "edge": "rising",
    "coupling": "dc",
    "select": "unshaped",
    "delay_ps": 0,
}


@pytest.mark.parametrize(
    "left_set",
    [
        "INPU{n}:ENAB OFF",
        "INPU{n}:THRE -0.4V;EDGE FALLING",
        "INPU{n}:COUP AC",
        "INPU{n}:SELE OUTPUT",
        "DELA{n}:VALU 30000",
        "TSCO{combiner}:WIND:ENAB ON",
        "TSCO{combiner}:OPOU MUTE",
        "RAW{n}:STOP:LINK NONE",
        "STAR:ENAB OFF;THRE -1V;SELE LOOP",
    ],
)
def test_a_unit_that_others_used_gives_the_same_tags(left_set):
    stated = {"inputs": [PLAIN] * 4, "start": {**PLAIN, "threshold_v": 0.5}}
    mounted = make(stated, jitter_rms_ps=0.0)
    unit = mounted.simulator.endpoints["control"]
    for n in (1, 2, 3, 4):
        unit.feed(left_set.format(n=n, combiner=n + 4).encode(), 0)
    unit.feed(b"REC:ENAB ON;PLAY", 0)
    assert all(b"ERR" not in reply for reply in unit.take(MS))
    assert mounted.simulator.recording()
    mounted.driver.identify()
    mounted.clock.world.times = [every(MS, 10 * MS)] * 4
    mounted.driver.start(PERIOD_PS, 1e3)
    block = mounted.driver.read(10 * MS)
    assert np.bincount(block.ch).tolist() == [10] * 4
    assert np.abs(block.t - np.repeat(every(MS, 10 * MS), 4)).max() < 5_000
    mounted.driver.close()


def test_without_options_opening_writes_nothing():
    mounted = make()
    mounted.driver.identify()
    assert all(b"?" in m for m in mounted.spies["control"].heard)
    mounted.driver.close()


def test_an_input_that_is_switched_off_is_named():
    mounted = make({"inputs": [{}, {"enabled": False}]})
    mounted.driver.identify()
    with pytest.raises(InstrumentError, match="INPU2 switched off"):
        mounted.driver.start(PERIOD_PS, 1e3)
    mounted.driver.close()


def test_delays_shift_the_tags_of_their_input():
    options = {"inputs": [{}, {"delay_ps": 13_000}]}
    mounted = make(options, jitter_rms_ps=0.0, offset_ppm=0.0)
    mounted.driver.identify()
    mounted.clock.world.times = [every(MS, 10 * MS)] * 4
    mounted.driver.start(PERIOD_PS, 1e3)
    block = mounted.driver.read(10 * MS)
    shift = block.t[block.ch == 1] - block.t[block.ch == 0]
    assert shift.tolist() == [13_000] * 10
    mounted.driver.close()


def test_tags_across_a_reference_come_in_order_in_a_fast_time_base(running):
    # 50 ppm: the last tag of a period has a later tag time than the next one's first
    times = np.sort(
        np.concatenate(
            [
                every(PERIOD_PS, 50 * MS, PERIOD_PS - 1000),
                every(PERIOD_PS, 50 * MS, 1000),
            ]
        )
    )
    mounted = running([times] * 4, offset_ppm=50.0)
    blocks = [mounted.driver.read(5_700_000_000) for _ in range(7)]
    t = np.concatenate([b.t for b in blocks])
    assert t.size == 4 * np.sum(times < 39_900_000_000)
    assert np.all(np.diff(t) >= 0)


def test_without_reference_time_runs_from_the_start():
    mounted = make()
    mounted.clock.world.times = [every(MS, 50 * MS)] * 4
    mounted.driver.start(0, 1e3)
    block = mounted.driver.read(20 * MS)
    assert len(block) in (76, 80)
    assert np.all(np.diff(block.t[block.ch == 0]) > 0.99 * MS)
    mounted.driver.close()


def test_missing_references_are_told(running):
    mounted = running([every(100_000_000, 200 * MS)] * 4)
    mounted.driver.read(5 * MS)
    mounted.clock.world.references_from_ps = NEVER_PS
    with pytest.raises(InstrumentError, match="no reference for"):
        mounted.driver.read(50 * MS)


def test_references_that_never_came_are_told():
    mounted = make()
    mounted.clock.world.references_from_ps = NEVER_PS
    mounted.driver.start(PERIOD_PS, 1e3)
    now_ps = mounted.clock.now_ps()
    mounted.simulator.push(1, now_ps + every(100_000_000, 200 * MS))
    with pytest.raises(InstrumentError, match="cable to START"):
        mounted.driver.read(50 * MS)
    mounted.driver.close()


def test_a_unit_that_hangs_is_told_and_what_to_do(running):
    mounted = running(
        [every(500_000, 100 * MS)] * 4, hang_rate_hz=7e6, options={"grace_s": 0.02}
    )
    with pytest.raises(InstrumentTimeout, match="switch the unit off and on"):
        mounted.driver.read(50 * MS)


def test_tags_that_the_unit_dropped_are_marked_as_lost(running):
    crowd = every(1_000_000, 15 * MS)
    mounted = running([crowd, EMPTY, EMPTY, EMPTY], link_rate_hz=500_000.0)
    blocks = [mounted.driver.read(5 * MS) for _ in range(30)]
    lost = [interval for b in blocks for interval in b.lost]
    assert lost
    assert min(begin for begin, _ in lost) <= 5 * MS
    assert max(end for _, end in lost) >= 15 * MS
    assert blocks[-1].lost == ()
    for block in blocks:
        for begin, end in block.lost:
            assert block.t_begin <= begin < end <= block.t_end


def test_an_acquisition_that_ended_by_itself_is_told(running):
    mounted = running(options={"max_acquisition_s": 0.03})
    with pytest.raises(InstrumentError, match="ended the acquisition by itself"):
        mounted.driver.read(50 * MS)


def read_on(driver):
    for _ in range(50):
        driver.read(20 * MS)


@pytest.mark.parametrize("endpoint", ["stream2", "datalink", "control"])
def test_a_connection_that_falls_silent_in_the_middle_is_told(running, endpoint):
    fault = {"kind": "silent", "after_s": 0.3, "endpoint": endpoint}
    clicks = every(MS, 900 * MS)
    mounted = running([clicks, clicks, EMPTY, EMPTY], faults=[fault])
    with pytest.raises(InstrumentTimeout) as caught:
        read_on(mounted.driver)
    assert 0.3 < mounted.now_s() < 3.0
    assert mounted.driver.name in str(caught.value)
    assert caught.value.hint


def test_a_cut_stream_is_told(running):
    fault = {"kind": "drop_line", "at_s": 0.3, "endpoint": "stream3"}
    mounted = running([every(MS, 900 * MS)] * 4, faults=[fault])
    with pytest.raises(InstrumentDisconnected):
        read_on(mounted.driver)


def test_a_hundred_dark_counts_a_second_are_all_found(running):
    rng = np.random.default_rng(8)
    times = [np.sort(rng.integers(0, seconds(1.9), 190)) for _ in range(4)]
    mounted = running(times)
    blocks = [mounted.driver.read(100 * MS) for _ in range(20)]
    assert sum(len(b) for b in blocks) == 760
    # the host waits for a silent input's grace once, not once a block
    assert mounted.now_s() < 2.2


def test_a_busy_stream_keeps_pace_with_time(running):
    rng = np.random.default_rng(9)
    times = [np.sort(rng.integers(0, seconds(0.5), 20_000)) for _ in range(4)]
    mounted = running(times)
    begin_s = mounted.now_s()
    for _ in range(20):
        mounted.driver.read(20 * MS)
    assert mounted.now_s() - begin_s < 0.42


def test_the_same_pulses_give_the_same_tags_whatever_is_read_at_once(running):
    rng = np.random.default_rng(10)
    times = [np.sort(rng.integers(0, 95 * MS, 2000)) for _ in range(4)]

    def tags(steps):
        mounted = running(times)
        blocks = [mounted.driver.read(step) for step in steps]
        return [np.concatenate([getattr(b, f) for b in blocks]) for f in ("t", "ch")]

    whole = tags([100 * MS])
    parts = tags([7 * MS, 1 * MS, 33 * MS, 29 * MS, 30 * MS])
    assert whole[0].tolist() == parts[0].tolist()
    assert whole[1].tolist() == parts[1].tolist()
