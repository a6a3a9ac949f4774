"""The double of MHLib, call by call."""

import json

import numpy as np
import pytest
from plain_t2 import decode_plainly

from qkdlab_sims.instruments.picoquant_multiharp import Simulator

MS = 1_000_000_000


class Bench:
    def __init__(self, **options):
        options.setdefault("jitter_rms_ps", 0.0)
        self.sim = Simulator(**options)
        self.now_ps = 0

    def raw(self, *call):
        self.sim.feed(json.dumps(call).encode(), self.now_ps)
        self.now_ps = self.sim.next_wake_ps()
        (answer,) = self.sim.take(self.now_ps)
        head, _, data = answer.partition(b"\n")
        return json.loads(head), data

    def call(self, *call):
        return self.raw(*call)[0]

    def ready(self):
        assert self.call("MH_OpenDevice", 0) == [0, "1044272"]
        assert self.call("MH_Initialize", 0, 2, 0) == [0]
        for channel in range(4):
            assert self.call("MH_SetInputEdgeTrg", 0, channel, 100, 1) == [0]
        assert self.call("MH_SetSyncEdgeTrg", 0, 500, 1) == [0]

    def records(self):
        (code, n), data = self.raw("MH_ReadFiFo", 0)
        assert (code, n) == (0, len(data) // 4)
        return np.frombuffer(data, "<u4").tolist()


@pytest.fixture
def bench():
    bench = Bench()
    bench.ready()
    return bench


def test_before_it_is_opened_it_does_nothing():
    bench = Bench()
    assert bench.call("MH_GetFlags", 0) == [-10, "MH_ERROR_DEVICE_NOT_OPEN"]
    assert bench.call("MH_OpenDevice", 1) == [-1, "MH_ERROR_DEVICE_OPEN_FAIL"]
    bench.call("MH_OpenDevice", 0)
    assert bench.call("MH_GetFlags", 0) == [-22, "MH_ERROR_NOT_INITIALIZED"]


def test_it_says_what_it_is(bench):
    assert bench.call("MH_GetLibraryVersion") == [0, "3.1"]
    assert bench.call("MH_GetHardwareInfo", 0)[:2] == [0, "MultiHarp 150 4P"]
    assert bench.call("MH_GetBaseResolution", 0) == [0, 5.0, 24]
    assert bench.call("MH_GetNumOfInputChannels", 0) == [0, 4]
    assert bench.call("MH_GetErrorString", -17) == [0, "MH_ERROR_INVALID_ARGUMENT"]


@pytest.mark.parametrize(
    "call",
    [
        ("MH_SetSyncDiv", 0, 4),
        ("MH_SetSyncEdgeTrg", 0, 1300, 1),
        ("MH_SetInputEdgeTrg", 0, 4, 100, 1),
        ("MH_SetInputEdgeTrg", 0, 0, 100, 2),
        ("MH_SetInputChannelOffset", 0, 0, 100_000),
        ("MH_SetInputDeadTime", 0, 0, 1, 700),
        ("MH_StartMeas", 0, 0),
        ("MH_Unknown", 0),
        ("MH_StartMeas", 0),
        ("MH_GetFlags", "zero"),
        None,
    ],
)
def test_wrong_calls_give_their_code(bench, call):
    answer = bench.call(*call) if isinstance(call, tuple) else None
    if answer is None:
        bench.sim.feed(b"what", 0)
        answer = json.loads(bench.sim.take(1 << 60)[0])
    assert answer == [-17, "MH_ERROR_INVALID_ARGUMENT"]


def test_pulses_become_records_from_the_start_of_the_measurement_on(bench):
    bench.call("MH_StartMeas", 0, 1000)
    begin_ps = bench.now_ps - 100_000_000
    bench.sim.push_start(np.array([begin_ps + 10_000], np.int64))
    bench.sim.push(3, np.array([begin_ps - 50, begin_ps + 20_007], np.int64))
    bench.sim.advance(begin_ps + MS)
    times, channels = decode_plainly(bench.records(), 5, 0)
    assert channels == [2]
    assert times[0] == pytest.approx(20_005, abs=5)


def test_bins_follow_its_own_clock():
    bench = Bench(offset_ppm=10.0)
    bench.ready()
    bench.call("MH_StartMeas", 0, 1000)
    begin_ps = bench.now_ps - 100_000_000
    bench.sim.push(1, begin_ps + np.array([MS, 11 * MS], np.int64))
    bench.sim.advance(begin_ps + 12 * MS)
    times, _ = decode_plainly(bench.records(), 5, 0)
    assert times[1] - times[0] == pytest.approx(10 * MS * (1 + 10e-6), abs=10)


def test_edges_nearer_than_the_dead_time_are_missed(bench):
    bench.call("MH_StartMeas", 0, 1000)
    begin_ps = bench.now_ps - 100_000_000
    bench.sim.push(1, begin_ps + np.array([1000, 1600, 1700], np.int64))
    bench.sim.advance(begin_ps + MS)
    assert len(decode_plainly(bench.records(), 5, 0)[0]) == 2


def test_a_full_buffer_ends_the_measurement_with_a_flag():
    bench = Bench(fifo_records=100)
    bench.ready()
    bench.call("MH_StartMeas", 0, 1000)
    begin_ps = bench.now_ps - 100_000_000
    bench.sim.push(1, begin_ps + np.arange(1, 201, dtype=np.int64) * 10_000)
    bench.sim.advance(begin_ps + MS)
    assert bench.call("MH_GetFlags", 0) == [0, 0x2]
    assert bench.call("MH_CTCStatus", 0) == [0, 1]
    assert len(bench.records()) == 100
    assert bench.records() == []


def test_a_measurement_is_not_started_twice(bench):
    bench.call("MH_StartMeas", 0, 1000)
    assert bench.call("MH_StartMeas", 0, 1000) == [-16, "MH_ERROR_INSTANCE_RUNNING"]
    bench.call("MH_StopMeas", 0)
    assert bench.call("MH_StartMeas", 0, 1000) == [0]


def test_count_rates_are_those_of_the_last_100_ms(bench):
    for k in range(3):
        t = k * 100 * MS + np.arange(500, dtype=np.int64) * 200_000_000
        bench.sim.push(2, t + 1000)
    bench.sim.push_start(np.arange(300, dtype=np.int64) * MS)
    bench.now_ps = 250 * MS
    assert bench.call("MH_GetCountRate", 0, 1) == [0, 5000]
    assert bench.call("MH_GetSyncRate", 0) == [0, 1000]


def test_one_call_gives_no_more_records_than_it_may():
    bench = Bench(records_a_call=64)
    bench.ready()
    bench.call("MH_StartMeas", 0, 1000)
    begin_ps = bench.now_ps - 100_000_000
    bench.sim.push(1, begin_ps + np.arange(1, 101, dtype=np.int64) * 10_000)
    bench.sim.advance(begin_ps + MS)
    assert [len(bench.records()) for _ in range(3)] == [64, 37, 0]
