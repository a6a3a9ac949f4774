"""The history that a power meter averages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.bench.power import PowerHistory


def history() -> PowerHistory:
    power = PowerHistory()
    power.set(0, 1.0)
    power.set(10, 3.0)
    power.set(30, 0.0)
    return power


def test_within_a_step_the_power_is_that_of_the_step() -> None:
    assert history().average_w(12, 20) == 3.0


def test_an_average_weighs_by_time() -> None:
    assert history().average_w(5, 25) == (5 * 1.0 + 15 * 3.0) / 20


def test_the_last_step_goes_on() -> None:
    assert history().average_w(20, 60) == 10 * 3.0 / 40


def test_an_empty_interval_gives_the_power_then() -> None:
    assert history().average_w(10, 10) == 3.0


def test_before_the_first_entry_it_is_dark() -> None:
    power = PowerHistory()
    power.set(10, 2.0)
    assert power.average_w(0, 20) == 1.0


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 10)), max_size=20),
    st.integers(0, 400),
    st.integers(1, 400),
)
def test_it_agrees_with_a_sum_over_single_picoseconds(
    steps: list[tuple[int, float]], t0: int, length: int
) -> None:
    power, t = PowerHistory(), 0
    levels: list[float] = []
    last = 0.0
    for wait, watts in steps:
        levels += [last] * wait
        t += wait
        power.set(t, watts)
        last = watts
    levels += [last] * (1000 - len(levels) if len(levels) < 1000 else 0)
    expected = sum(levels[t0 : t0 + length]) / length
    assert abs(power.average_w(t0, t0 + length) - expected) < 1e-9


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 10)), max_size=20),
    st.integers(0, 400),
    st.integers(1, 400),
    st.floats(5.0, 100.0),
)
def test_behind_a_low_pass_it_agrees_with_picosecond_after_picosecond(
    steps: list[tuple[int, float]], t0: int, length: int, lag_ps: float
) -> None:
    power, t = PowerHistory(), 0
    levels: list[float] = []
    last = 0.0
    for wait, watts in steps:
        levels += [last] * wait
        t += wait
        power.set(t, watts)
        last = watts
    levels += [last] * max(0, 1000 - len(levels))
    kept = math.exp(-1.0 / lag_ps)
    level, total = 0.0, 0.0
    for k in range(t0 + length):
        after = levels[k] + (level - levels[k]) * kept
        if k >= t0:
            # the integral of the exponential over one picosecond
            total += levels[k] - lag_ps * (after - level)
        level = after
    found = power.lagging_w(t0, t0 + length, lag_ps)
    assert abs(found - total / length) < 1e-9


def test_no_low_pass_is_no_lag() -> None:
    assert history().lagging_w(5, 25, 0.0) == history().average_w(5, 25)
    assert history().level_w(12, 0.0) == 3.0


def test_what_is_forgotten_changes_no_later_reading() -> None:
    kept, whole = PowerHistory(), PowerHistory()
    sizes: list[int] = []
    lag_ps = 10.0
    for t in range(0, 20_000, 7):
        for power in (kept, whole):
            power.set(t, 1.0 + math.sin(t))
        kept.forget_before(t - 200 - round(35 * lag_ps))
        for begin in (max(0, t - 200), t):
            shown = [one.lagging_w(begin, t + 5, lag_ps) for one in (kept, whole)]
            assert shown[0] == shown[1]
        sizes.append(len(kept._watts))
    assert sizes[-1] == max(sizes[:200])


def test_the_power_of_a_time_that_is_forgotten_is_not_made_up() -> None:
    power = PowerHistory()
    for t in range(100):
        power.set(t, float(t))
    power.forget_before(90)
    assert power.average_w(90, 91) == 90.0
    with pytest.raises(LookupError, match="forgotten"):
        power.average_w(50, 60)
