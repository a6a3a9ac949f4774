"""Start phases and START edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.typing import NDArray

from qkdlab.clock import VirtualClock
from qkdlab_sims.bench.paths import TriggerChain
from qkdlab_sims.bench.start import MAX_START_PHASE_PS, StartEdges, StartPhase

FRAME_PS = 640_000


def edges(
    start_ps: int = 0, jitter_rms_ps: float = 20.0, period_ps: int | None = FRAME_PS
) -> StartEdges:
    made = StartEdges(TriggerChain("awg", 85_000, jitter_rms_ps, 10e6), seed=1)
    made.set_comb(start_ps, period_ps)
    return made


def test_edges_come_once_a_frame_after_the_delay() -> None:
    made = edges(jitter_rms_ps=0.0)
    made.run(0, 3 * FRAME_PS)
    assert made.until(10 * FRAME_PS).tolist() == [
        85_000,
        85_000 + FRAME_PS,
        85_000 + 2 * FRAME_PS,
    ]


def test_no_edge_before_the_waveform_began() -> None:
    made = edges(start_ps=FRAME_PS + 300, jitter_rms_ps=0.0)
    made.run(0, 3 * FRAME_PS)
    assert made.until(10 * FRAME_PS)[0] == FRAME_PS + 300 + 85_000


def test_each_edge_jitters_by_itself() -> None:
    made = edges()
    made.run(0, 5000 * FRAME_PS)
    errors = made.until(6000 * FRAME_PS) - 85_000 - np.arange(5000) * FRAME_PS
    # 5000 draws: the standard deviation is known to 1 % (k = 1).
    assert np.std(errors) == pytest.approx(20.0, rel=0.05)
    assert abs(np.corrcoef(errors[1:], errors[:-1])[0, 1]) < 0.07


@given(st.lists(st.integers(0, 100 * FRAME_PS), max_size=8))
def test_edges_do_not_depend_on_when_they_are_asked_for(cuts: list[int]) -> None:
    def run(times: list[int]) -> NDArray[np.int64]:
        made = edges()
        made.run(0, 50 * FRAME_PS)
        made.run(50 * FRAME_PS, 100 * FRAME_PS)
        return np.concatenate([made.until(t) for t in times])

    last = 101 * FRAME_PS
    assert np.array_equal(run([last]), run([*sorted(cuts), last]))


def test_a_new_start_gives_a_new_comb() -> None:
    made = edges(jitter_rms_ps=0.0)
    made.run(0, 2 * FRAME_PS)
    made.set_comb(2 * FRAME_PS + 5_000, FRAME_PS)
    made.run(2 * FRAME_PS, 3 * FRAME_PS)
    expected = [0, FRAME_PS, 2 * FRAME_PS + 5_000]
    assert (made.until(9 * FRAME_PS) - 85_000).tolist() == expected


def test_a_resting_generator_gives_none() -> None:
    made = edges(period_ps=None)
    made.run(0, 10 * FRAME_PS)
    assert made.until(11 * FRAME_PS).size == 0


def test_triggers_that_come_too_fast_are_missed() -> None:
    made = edges(jitter_rms_ps=0.0, period_ps=30_000)
    made.run(0, 1_200_000)
    assert np.diff(made.until(2_000_000)).tolist() == [120_000] * 9


@pytest.mark.parametrize("now_ps", [0, 1, 9_999, 10_000, 123_456_789])
def test_a_generator_starts_near_an_edge_of_the_pulse_clock(now_ps: int) -> None:
    clock = VirtualClock()
    clock.sleep_until(now_ps)
    phase = StartPhase(clock, 10_000, 300.0, default_rng(1))
    for _ in range(100):
        start_ps = now_ps + phase()
        off_ps = (start_ps + 5_000) % 10_000 - 5_000
        assert start_ps >= now_ps
        assert abs(off_ps) <= MAX_START_PHASE_PS


def test_the_start_phase_is_new_each_time() -> None:
    phase = StartPhase(VirtualClock(), 10_000, 300.0, default_rng(1))
    drawn = [phase() for _ in range(1000)]
    # Cut at 700 ps the standard deviation is 0.94 of 300 ps.
    assert np.std(drawn) == pytest.approx(283.0, rel=0.1)
