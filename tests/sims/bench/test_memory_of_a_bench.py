"""A bench that runs for long keeps no more than one that runs for a while."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
from raw_bench import ByHand

from qkdlab.clock import seconds


@pytest.fixture
def hand() -> ByHand:
    """A bench with a laser that walks, under bias, and faint light for its wires."""
    made = ByHand(parts={"laser": {"power_walk_per_sqrt_s": 1e-3}})
    made.bias([22.0] * 4)
    made.play(np.full(64, 0.8), np.zeros(64))
    return made


def _run(hand: ByHand) -> None:
    """Let six seconds pass in the dark and a little in faint light; nobody reads."""
    for duration_s, is_open in ((6.0, False), (0.3, True)):
        hand.light(60.0, is_open)
        hand.clock.sleep_until(hand.clock.now_ps() + seconds(duration_s))


def test_memory_does_not_grow_with_the_time_that_passes(hand: ByHand) -> None:
    _run(hand)
    left: list[int] = []
    peaks: list[int] = []
    tracemalloc.start()
    try:
        for _ in range(3):
            tracemalloc.reset_peak()
            _run(hand)
            gc.collect()
            now, peak = tracemalloc.get_traced_memory()
            left.append(now)
            peaks.append(peak)
    finally:
        tracemalloc.stop()
    # a row of counts a tick for ever would be 300 kB more each time
    assert left[2] < left[1] + 100_000
    assert peaks[2] < 1.02 * peaks[1]
