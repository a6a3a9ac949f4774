"""Timestamps of the simulated ID900: bins, references, delays, edges, any split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from id900_at_hand import MS, ask, record, tags, times, unit

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
