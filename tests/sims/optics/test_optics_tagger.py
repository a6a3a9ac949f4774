from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qkdlab_sims.optics.tagger import TimeBase


def test_an_exact_clock_of_one_picosecond_changes_nothing():
    t = np.array([0, 1, 10**15], np.int64)
    assert np.array_equal(TimeBase().stamp(t), t)


def test_a_fast_clock_gains_its_ppm():
    t = np.array([10**12], np.int64)
    assert TimeBase(offset_ppm=3.0).stamp(t).tolist() == [10**12 + 3_000_000]


def test_times_are_rounded_down_to_the_bin():
    stamps = TimeBase(bin_ps=13).stamp(np.array([0, 12, 13, 27], np.int64))
    assert stamps.tolist() == [0, 0, 13, 26]


@given(st.integers(0, 10**17), st.integers(-20_000, 20_000))
def test_stamps_are_within_a_picosecond_of_the_exact_product(t, milli_ppm):
    stamp = int(TimeBase(milli_ppm / 1_000).stamp(np.array([t], np.int64))[0])
    exact = t * (1 + Fraction(milli_ppm, 10**9))
    assert abs(stamp - exact) <= 1


@given(st.lists(st.integers(0, 10**15), min_size=2), st.floats(-50, 50))
def test_order_is_kept(times, offset_ppm):
    stamps = TimeBase(offset_ppm, bin_ps=13).stamp(np.sort(np.array(times, np.int64)))
    assert np.all(np.diff(stamps) >= 0)
