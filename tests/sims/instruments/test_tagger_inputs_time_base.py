"""The ID900's own clock keeps its picosecond for a day and never goes back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.instruments.tagger_inputs.ports import TimeBase


def test_times_are_rounded_down_to_the_bin() -> None:
    bins = TimeBase(0.0, 13).bins(np.array([0, 12, 13, 27], np.int64))
    assert bins.tolist() == [0, 0, 1, 2]


@given(st.integers(0, 10**17), st.integers(-20_000, 20_000))
def test_bins_are_within_a_picosecond_of_the_exact_product(
    t_ps: int, milli_ppm: int
) -> None:
    exact = t_ps * (1 + Fraction(milli_ppm, 10**9))
    assert abs(TimeBase(milli_ppm / 1_000, 1).bin_of(t_ps) - exact) <= 1


@given(st.lists(st.integers(0, 10**15), min_size=2), st.floats(-50, 50))
def test_order_is_kept(times: list[int], offset_ppm: float) -> None:
    bins = TimeBase(offset_ppm, 13).bins(np.sort(np.array(times, np.int64)))
    assert np.all(np.diff(bins) >= 0)
