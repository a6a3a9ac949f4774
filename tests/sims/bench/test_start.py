"""Start phases and START edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.typing import NDArray
from world_stubs import DelayStub, PulseStub

from qkdlab.clock import VirtualClock
from qkdlab_sims.bench.paths import TriggerChain
from qkdlab_sims.bench.start import StartEdges, StartPhase

FRAME_PS = 640_000


CHAIN = TriggerChain("awg", 3.0, ("unit", "ab"), 0, 0, 10e6)


def edges(
    start_ps: int = 0,
    jitter_rms_ps: float = 20.0,
    period_ps: int | None = FRAME_PS,
    **unit: Any,
) -> StartEdges:
    made = StartEdges(CHAIN, 1, DelayStub(jitter_rms_ps=jitter_rms_ps, **unit))
    made.set_comb(start_ps, period_ps)
    return made


def times(made: StartEdges, n_frames: int = 3) -> list[int]:
    made.run(0, n_frames * FRAME_PS)
    return made.until((n_frames + 2) * FRAME_PS).tolist()


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
    # Busy for delay and width, 185 ns: every seventh edge is taken.
    assert np.diff(made.until(2_000_000)).tolist() == [210_000] * 5


def test_delay_and_cables_add_up() -> None:
    chain = TriggerChain("awg", 3.0, ("unit", "ab"), 5_000, 7_000)
    made = StartEdges(
        chain, 1, DelayStub(ab=PulseStub(delay_ps=90_000), jitter_rms_ps=0)
    )
    made.set_comb(0, FRAME_PS)
    assert times(made)[0] == 102_000


@pytest.mark.parametrize(
    "unit",
    [
        {"threshold_v": 3.1},
        {"threshold_v": -0.1},
        {"source": "internal"},
        {"ab": PulseStub(width_ps=0)},
    ],
)
def test_a_unit_that_does_not_trigger_gives_no_edge(unit: dict[str, Any]) -> None:
    assert times(edges(**unit)) == []


def test_a_negative_pulse_ends_with_the_edge() -> None:
    made = edges(jitter_rms_ps=0.0, ab=PulseStub(positive=False))
    assert times(made)[0] == 185_000


def test_a_unit_set_anew_acts_from_the_next_stretch() -> None:
    unit = DelayStub(jitter_rms_ps=0.0)
    made = StartEdges(CHAIN, 1, unit)
    made.set_comb(0, FRAME_PS)
    made.run(0, FRAME_PS)
    unit.set(ab=PulseStub(delay_ps=90_000))
    made.run(FRAME_PS, 2 * FRAME_PS)
    assert made.until(9 * FRAME_PS).tolist() == [85_000, FRAME_PS + 90_000]


def test_the_pulses_have_the_height_that_the_unit_gives() -> None:
    made = edges(ab=PulseStub(amplitude_v=0.5, offset_v=0.2))
    made.run(0, FRAME_PS)
    assert made.height_v == pytest.approx(0.7)


def test_the_unit_hears_how_often_it_is_triggered() -> None:
    unit = DelayStub()
    made = StartEdges(CHAIN, 1, unit)
    assert unit.trigger_rate(0) == 0.0
    made.set_comb(0, FRAME_PS)
    assert unit.trigger_rate(0) == pytest.approx(1e12 / FRAME_PS)
    unit.threshold_v = 3.5
    assert unit.trigger_rate(0) == 0.0


def test_a_start_lies_anywhere_within_its_width_around_an_edge() -> None:
    clock = VirtualClock()
    clock.sleep_until(123_456_789)
    phase = StartPhase(clock, 10_000, 2_500.0, default_rng(1))
    starts = np.array([123_456_789 + phase() for _ in range(1000)])
    off_ps = (starts + 5_000) % 10_000 - 5_000
    assert np.all(starts >= 123_456_789)
    assert -2_500 <= off_ps.min() < -2_400
    assert 2_400 < off_ps.max() <= 2_500
    # Even: a standard deviation of 2500 / sqrt 3 ps.
    assert np.std(off_ps) == pytest.approx(1443.0, rel=0.05)
