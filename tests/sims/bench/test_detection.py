"""The queue in front of the detectors and the counters behind them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab_sims.bench.detection import Conditions, CountHistory, Detection
from qkdlab_sims.optics import engine
from qkdlab_sims.optics.arrivals import ArrivalSource
from qkdlab_sims.optics.attacks.photons import PhotonAttack
from qkdlab_sims.optics.collection import Collection
from qkdlab_sims.optics.detector import DetectorBank, DetectorParameters
from qkdlab_sims.optics.light import Light

TICK_PS = 655_360_000
WIRE = DetectorParameters(
    efficiency_max=0.8,
    i_half_ua=14.0,
    width_ua=3.0,
    switching_current_ua=28.0,
    dark_floor_hz=100.0,
    dark_i0_ua=22.0,
    dark_slope_per_ua=1.6,
    recovery_tau_ps=12_000.0,
    jitter_fwhm_ps=50.0,
)


def detection(n_ticks: int, seed: int = 1) -> Detection:
    bank = DetectorBank((WIRE, WIRE), (7_500, 8_000), 10_000, seed)
    made = Detection(bank)
    light = Light(jones=np.full((1, 2), math.sqrt(0.02 / 2), complex), wavelength_nm=1)
    analysers = np.array([[0.4, 0, 0, 0], [0.6, 0, 0, 0]])
    conditions = Conditions(light, analysers, (22.0, 22.0))
    for tick in range(n_ticks):
        made.append(tick, conditions)
    return made


def all_clicks(made: Detection, cuts: list[int]) -> list[NDArray[np.int64]]:
    pieces = [made.clicks_until(t) for t in cuts]
    return [np.concatenate([p[d] for p in pieces]) for d in (0, 1)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 4 * TICK_PS), max_size=6))
def test_clicks_do_not_depend_on_when_they_are_asked_for(cuts: list[int]) -> None:
    whole = all_clicks(detection(5), [4 * TICK_PS])
    parts = all_clicks(detection(5), [*sorted(cuts), 4 * TICK_PS])
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one, other)


def test_a_long_stretch_uses_all_cores_and_gives_the_clicks_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[int, list[NDArray[np.int64]]] = {}
    used: list[int] = []
    share = engine._detect_on_threads

    def shared(made: Collection, source: ArrivalSource, threads: int) -> None:
        used.append(threads)
        share(made, source, threads)

    monkeypatch.setattr(engine, "_detect_on_threads", shared)
    for n_cores in (1, 2):
        monkeypatch.setattr(engine, "_n_cores", lambda n=n_cores: n)
        made[n_cores] = all_clicks(detection(400), [399 * TICK_PS])
    assert used == [2]
    for one, other in zip(made[1], made[2], strict=True):
        assert np.array_equal(one, other)


def test_clicks_are_given_up_to_the_time_asked() -> None:
    made = detection(5)
    first = made.clicks_until(TICK_PS + 12_345)
    second = made.clicks_until(3 * TICK_PS)
    for one, other in zip(first, second, strict=True):
        assert one.max() < TICK_PS + 12_345 <= other.min()


def test_asking_for_counts_loses_no_click() -> None:
    asked, plain = detection(5), detection(5)
    asked.counts_until(3 * TICK_PS)
    one = asked.clicks_until(4 * TICK_PS)[0]
    assert np.array_equal(one, plain.clicks_until(4 * TICK_PS)[0])


def test_counts_at_the_end_of_a_tick_are_exact() -> None:
    made = detection(5)
    counts = made.counts_until(3 * TICK_PS)
    clicks = made.clicks_until(3 * TICK_PS)
    assert counts == [len(times) for times in clicks]


def test_counts_inside_a_tick_do_not_depend_on_how_far_it_was_simulated() -> None:
    early, late = detection(5), detection(5)
    late.clicks_until(4 * TICK_PS)
    t_ps = TICK_PS + TICK_PS // 3
    assert early.counts_until(t_ps) == late.counts_until(t_ps)


def test_counts_never_fall() -> None:
    made = detection(5)
    asked = [made.counts_until(t)[0] for t in range(0, 4 * TICK_PS, TICK_PS // 7)]
    assert all(a <= b for a, b in pairwise(asked))


def test_counts_of_the_past_stay_known() -> None:
    made = detection(5)
    early = made.counts_until(TICK_PS)
    made.counts_until(4 * TICK_PS)
    assert made.counts_until(TICK_PS) == early


def test_the_rate_is_that_of_the_light() -> None:
    made = detection(60)
    n_clicks = np.array([len(t) for t in made.clicks_until(60 * TICK_PS)])
    efficiency = 0.4 * (1 + math.erf(8 / 3))
    pulses = 60 * 65536
    expected = pulses * -np.expm1(-np.array([0.4, 0.6]) / 2 * 0.02 * efficiency)
    # Recovery takes about 30 ns of every click: less than 2 %.
    assert np.all(n_clicks < expected + 5 * np.sqrt(expected))
    assert np.all(n_clicks > 0.98 * expected - 5 * np.sqrt(expected))


def test_the_history_interpolates_between_ticks() -> None:
    history = CountHistory(1, 100)
    history.add([np.array([10, 20, 30, 150])], 150)
    history.add([np.array([160, 250])], 300)
    assert [history.at(t)[0] for t in (0, 50, 100, 150, 200, 300)] == [
        0,
        1,
        3,
        4,
        5,
        6,
    ]


@pytest.mark.parametrize("n_ticks", [63, 64, 200])
def test_the_history_grows(n_ticks: int) -> None:
    history = CountHistory(1, 10)
    for tick in range(n_ticks):
        history.add([np.array([10 * tick])], 10 * (tick + 1))
    assert history.at(10 * n_ticks) == [n_ticks]


def test_counts_that_are_forgotten_cost_no_memory_and_change_no_later_ones() -> None:
    kept, whole = CountHistory(2, 100, 30), CountHistory(2, 100, 30)
    sizes: list[int] = []
    for end in range(250, 100_000, 250):
        clicks = [np.arange(end - 250, end, step) for step in (3, 7)]
        for history in (kept, whole):
            history.add(clicks, end)
        assert kept.at(end - 90) == whole.at(end - 90)
        kept.forget_before(end - 1000)
        sizes.append(len(kept._table))
        assert kept.at(max(0, end - 1000)) == whole.at(max(0, end - 1000))
    assert max(sizes) == max(sizes[:40])
    with pytest.raises(LookupError, match="forgotten"):
        kept.at(1000)


def test_light_too_bright_for_eves_meter_is_a_fault_of_the_configuration() -> None:
    made = Detection(DetectorBank((WIRE, WIRE), (7_500, 8_000), 10_000, 1))
    light = Light(jones=np.full((1, 2), 8.0, complex), wavelength_nm=1550.0)
    analysers = np.array([[0.4, 0, 0, 0], [0.6, 0, 0, 0]])
    made.append(0, Conditions(light, analysers, (22.0, 22.0), PhotonAttack("split")))
    with pytest.raises(ConfigError, match=r"128: attenuate the light before her"):
        made.clicks_until(1)
