"""The slow walk of the laser's power, found again in readings of the tap's meter."""

from __future__ import annotations

import numpy as np
import pytest
from raw_bench import ByHand


def test_the_walk_of_the_power_is_recovered_from_the_tap() -> None:
    made = ByHand(parts={"laser": {"power_walk_per_sqrt_s": 0.01}})
    made.play(np.full(8000, 0.8), np.zeros(8000))
    made.light(60.0, is_open=False)
    readings_w = []
    for _ in range(200):
        readings_w.append(made.tap_power_w())
        tenths = made.clock.now_ps() // 10**11
        made.clock.sleep_until((tenths + 1) * 10**11)
    steps = np.diff(np.log(readings_w))
    assert np.std(steps) / np.sqrt(0.1) == pytest.approx(0.01, rel=0.2)
    # a walk, not noise about a mean: steps do not take each other back
    assert np.corrcoef(steps[1:], steps[:-1])[0, 1] == pytest.approx(0.0, abs=0.3)
