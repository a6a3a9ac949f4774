"""Backflash parameters come back from what an observer counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.spad.backflash import Backflash

KEY = stream_key(1, "d_x0", "backflash")
CLICKS = np.arange(200_000) * 5_000_000
LAW = Backflash(
    probability=0.06, delay_ps=400, duration_ps=700, centre_nm=1450.0, width_nm=235.482
)


def test_probability_comes_from_coincidences_with_clicks():
    n = len(LAW.flashes(CLICKS, KEY).t_ps)
    expected = 0.06 * len(CLICKS)
    assert abs(n - expected) < 4.0 * math.sqrt(expected)


def test_loss_on_the_way_out_takes_its_share():
    lossy = Backflash(probability=0.06, path_db=10.0)
    expected = 0.006 * len(CLICKS)
    assert abs(len(lossy.flashes(CLICKS, KEY).t_ps) - expected) < 4 * expected**0.5


def test_delay_and_duration_come_from_the_times_since_the_click():
    since = LAW.flashes(CLICKS, KEY).t_ps % 5_000_000
    assert since.mean() == pytest.approx(400.0, abs=4 * 202 / len(since) ** 0.5)
    assert np.ptp(since) == pytest.approx(700.0, abs=3.0)


def test_spectrum_comes_from_the_wavelengths():
    nm = LAW.flashes(CLICKS, KEY).wavelength_nm
    assert nm.mean() == pytest.approx(1450.0, abs=4.0 * 100.0 / len(nm) ** 0.5)
    assert nm.std() == pytest.approx(100.0, rel=4.0 / (2 * len(nm)) ** 0.5)


def test_flashes_do_not_depend_on_how_clicks_are_cut():
    whole = LAW.flashes(CLICKS, KEY)
    parts = [LAW.flashes(CLICKS[:777], KEY), LAW.flashes(CLICKS[777:], KEY, 777)]
    assert np.array_equal(whole.t_ps, np.concatenate([p.t_ps for p in parts]))


def test_a_probability_above_one_is_refused():
    with pytest.raises(ValueError, match=r"probability is 1\.5, but must be"):
        Backflash(probability=1.5)
