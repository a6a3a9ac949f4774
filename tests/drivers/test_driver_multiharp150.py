"""The MultiHarp 150 driver on its double: T2 records, references, overruns."""

import ctypes

import numpy as np
import pytest
from drivers.mounted import mount
from drivers.tagger_at_work import (
    MS,
    NEVER_PS,
    PERIOD_PS,
    Pulses,
    TaggerAtWork,
    every,
    running_by,
)
from plain_t2 import decode_plainly

from qkdlab.clock import VirtualClock
from qkdlab.errors import InstrumentDisconnected, InstrumentError, InstrumentTimeout
from qkdlab.transport.open import open_transport
from qkdlab_drivers.picoquant.library import NativeLibrary
from qkdlab_drivers.picoquant.multiharp150 import PicoQuantMultiHarp150
from qkdlab_drivers.picoquant.spec import SPECS, MultiHarpOptions
from qkdlab_sims.instruments.picoquant_multiharp import Simulator

(SPEC,) = SPECS


def make(options=None, faults=(), **sim_options):
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


def test_references_may_begin_long_after_the_acquisition(running):
    mounted = running([every(MS, 60 * MS)] * 4)
    mounted.driver.stop()
    mounted.clock.world.references_from_ps = mounted.clock.now_ps() + 500 * MS
    mounted.driver.start(PERIOD_PS, 1e6)
    block = mounted.driver.read(50 * MS)
    assert block.t_begin == 0
    assert np.bincount(block.ch).tolist() == [50] * 4
    assert abs(int(block.t[0]) - 50_000) < 2000


def test_a_reference_that_never_comes_is_told(running):
    mounted = running([every(MS, 60 * MS)] * 4, {"first_reference_s": 0.3})
    mounted.driver.stop()
    mounted.clock.world.references_from_ps = NEVER_PS
    mounted.driver.start(PERIOD_PS, 1e6)
    with pytest.raises(InstrumentTimeout, match="SYNC"):
        mounted.driver.read(50 * MS)


def test_a_reference_that_is_missing_is_told(running):
    mounted = running([every(MS, 60 * MS)] * 4)
    mounted.driver.read(10 * MS)
    mounted.clock.world.references_from_ps = mounted.clock.now_ps() + 5 * MS
    with pytest.raises(InstrumentError, match=r"apart from every 800 us"):
        mounted.driver.read(50 * MS)


def test_a_trigger_level_that_pulses_do_not_cross_shows_as_silence(running):
    mounted = running(
        [every(MS, 60 * MS)] * 4, {"inputs": [{"trigger_mv": 500}]}, pulse_height_v=0.4
    )
    block = mounted.driver.read(50 * MS)
    assert np.bincount(block.ch, minlength=4).tolist() == [0, 50, 50, 50]


def test_offsets_and_dead_times_are_those_of_the_options(running):
    times = np.sort(np.concatenate([every(MS, 60 * MS), every(MS, 60 * MS, 51_000)]))
    options = {"inputs": [{"offset_ps": 700}, {"dead_ps": 5000}]}
    mounted = running([times] * 4, options, jitter_rms_ps=0.0, offset_ppm=0.0)
    block = mounted.driver.read(50 * MS)
    assert np.bincount(block.ch).tolist() == [100, 50, 100, 100]
    assert int(block.t[block.ch == 0][0]) == 50_700
    assert int(block.t[block.ch == 2][0]) == 50_000


def test_a_buffer_that_overran_is_a_gap_to_the_blocks_end(running):
    times = every(MS // 100, 200 * MS)
    mounted = running([times] * 4, fifo_records=2000)
    mounted.clock.sleep_until(mounted.clock.now_ps() + 30 * MS)
    block = mounted.driver.read(10 * MS)
    (lost,) = block.lost
    assert 3 * MS < lost[0] < 6 * MS
    assert lost[1] == block.t_end == 10 * MS
    kept = times[times < lost[0] - MS]
    assert abs(int((block.t < lost[0] - MS).sum()) - 4 * kept.size) <= 4
    with pytest.raises(InstrumentError, match="no acquisition"):
        mounted.driver.read(10 * MS)


def test_an_external_time_base_does_not_drift(running):
    times = every(97 * MS // 100, 100 * MS)
    mounted = running(
        [times] * 4,
        {"reference": "external"},
        period_ps=0,
        offset_ppm=50.0,
        jitter_rms_ps=0.0,
    )
    block = mounted.driver.read(90 * MS)
    t = block.t[block.ch == 0]
    assert int(np.ptp(np.diff(t))) <= 5


def test_without_references_time_runs_from_the_start(running):
    mounted = running([every(MS, 60 * MS)] * 4, period_ps=0)
    block = mounted.driver.read(40 * MS)
    assert block.t_end == 40 * MS
    assert np.all(np.abs(np.diff(block.t[block.ch == 0]) - MS) < 10_000)


def test_another_device_is_refused():
    mounted = make(model="HydraHarp 400")
    with pytest.raises(InstrumentError, match="HydraHarp"):
        mounted.driver.identify()
    mounted.driver.close()


def test_more_inputs_than_there_are_is_refused():
    mounted = make({"n_inputs": 8})
    with pytest.raises(InstrumentError, match="has 4 inputs, 8 are in use"):
        mounted.driver.identify()
    mounted.driver.close()


def test_without_the_makers_library_that_is_told():
    line = open_transport("library:mhlib")
    with pytest.raises(InstrumentDisconnected, match="maker's library"):
        PicoQuantMultiHarp150(
            "multiharp_alone", {"api": line}, MultiHarpOptions(), VirtualClock()
        )


def test_the_device_says_what_it_was_asked_in_the_librarys_words(running):
    mounted = running()
    with pytest.raises(InstrumentError, match="-17 MH_ERROR_INVALID_ARGUMENT"):
        mounted.driver._call("MH_SetSyncEdgeTrg", 5000, 1)


def test_records_on_the_line_decode_plainly_to_the_same_tags(running):
    rng = np.random.default_rng(3)
    times = [np.sort(rng.integers(50_000, 90 * MS, 5000)) for _ in range(4)]
    mounted = running(times)
    records = []
    read = mounted.driver._library.read_fifo

    def spy(device):
        records.append(read(device))
        return records[-1]

    mounted.driver._library.read_fifo = spy
    block = mounted.driver.read(80 * MS)
    t, ch = decode_plainly(np.concatenate(records).tolist(), 5, PERIOD_PS)
    wanted = sorted((a, b) for a, b in zip(t, ch, strict=True) if a < 80 * MS)
    assert sorted(zip(block.t.tolist(), block.ch.tolist(), strict=True)) == wanted


class MakersLibrary:
    """What ctypes would load: functions that write through pointers."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def function(*arguments):
            plain = [a.value for a in arguments if hasattr(a, "value")]
            self.calls.append((name, plain))
            if name == "MH_GetErrorString":
                arguments[0].value = b"MH_ERROR_INVALID_ARGUMENT"
            if name == "MH_SetSyncDiv":
                return -17
            if name == "MH_GetBaseResolution":
                arguments[1]._obj.value, arguments[2]._obj.value = 5.0, 24
            if name == "MH_ReadFiFo":
                arguments[1][0], arguments[1][1] = 7, 0x80000001
                arguments[2]._obj.value = 2
            return 0

        return function


def test_the_makers_library_is_called_with_pointers(monkeypatch):
    makers = MakersLibrary()
    monkeypatch.setattr(ctypes, "CDLL", lambda file: makers)
    library = NativeLibrary("multiharp")
    assert library.call("MH_GetBaseResolution", 0) == [5.0, 24]
    assert library.read_fifo(0).tolist() == [7, 0x80000001]
    with pytest.raises(InstrumentError, match="-17 MH_ERROR_INVALID_ARGUMENT"):
        library.call("MH_SetSyncDiv", 0, 4)
    assert ("MH_SetSyncDiv", [0, 4]) in makers.calls
