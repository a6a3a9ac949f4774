"""Backflash: who takes a photon, and how clicks may be cut; sizes: see the bench."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.spad.backflash import Backflash

KEY = stream_key(1, "d_x0", "backflash")
CLICKS = np.arange(100_000) * 5_000_000
LAW = Backflash(0.5, delay_ps=400, decay_ps=700.0)
SHARES = np.array([0.3, 0.0, 0.7])


def test_observers_share_the_photons_of_a_click() -> None:
    seen = LAW.flashes(CLICKS, KEY, 0, SHARES)
    assert len(np.unique(seen.t_ps // 5_000_000)) == len(seen.t_ps)
    counts = np.bincount(seen.observer, minlength=3)
    for count, share in zip(counts, SHARES, strict=True):
        expected = 0.5 * share * len(CLICKS)
        assert abs(count - expected) <= 4.0 * math.sqrt(expected)


def test_flashes_do_not_depend_on_how_clicks_are_cut() -> None:
    whole = LAW.flashes(CLICKS, KEY, 0, SHARES)
    parts = [
        LAW.flashes(CLICKS[:777], KEY, 0, SHARES),
        LAW.flashes(CLICKS[777:], KEY, 777, SHARES),
    ]
    for name in ("t_ps", "observer", "chance"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(whole, name), joined)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"probability is 1\.5, but must be"):
        Backflash(1.5)
