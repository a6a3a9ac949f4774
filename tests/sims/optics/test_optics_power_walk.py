"""The slow walk of a laser's power."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from qkdlab_sims.optics.power_walk import PowerWalk

S = 10**12
LEAST_P = 1e-4


def walk(seed: int = 1, width: float = 1e-3) -> PowerWalk:
    return PowerWalk(seed, "laser", width, S // 10)


def test_it_begins_at_one_and_rests_within_a_step() -> None:
    assert walk().factor(0) == walk().factor(S // 10 - 1) == 1.0
    assert walk().factor(S // 10) != 1.0


def test_its_width_grows_with_the_root_of_time() -> None:
    for seconds in (1, 25):
        ends = np.array([walk(seed).factor(seconds * S) - 1 for seed in range(400)])
        total = float(np.sum(ends**2)) / (1e-6 * seconds)
        assert LEAST_P < chi2.sf(total, 400) < 1 - LEAST_P
        # a mutant a tenth wider
        assert chi2.sf(1.21 * total, 400) < 0.05


def test_who_asked_before_does_not_matter() -> None:
    asked = walk()
    asked.factor(1000 * S)
    assert asked.factor(3 * S) == walk().factor(3 * S)


def test_a_steady_laser_stays() -> None:
    assert walk(width=0.0).factor(10**6 * S) == 1.0


def test_a_long_walk_keeps_no_more_than_a_short_one() -> None:
    walked = walk()
    sizes = []
    for seconds in range(10, 1000, 10):
        walked.factor(seconds * S)
        sizes.append(len(walked._walked))
    assert len(set(sizes)) == 1
