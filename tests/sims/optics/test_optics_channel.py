from __future__ import annotations

import math

import numpy as np
import pytest

from qkdlab_sims.optics.channel import FibreDrift, random_su2
from qkdlab_sims.optics.polarization import mueller_matrix
from qkdlab_sims.optics.rng import stream_key

RAD = 0.5


def matrices(seed, ticks, rad=RAD):
    fibre = FibreDrift(seed, rad, ticks_per_step=160)
    return [fibre.at(t) for t in ticks]


def test_fibre_is_unitary_with_unit_determinant():
    matrix = matrices(1, [20_000])[0]
    assert matrix @ matrix.conj().T == pytest.approx(np.eye(2), abs=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_fibre_does_not_depend_on_which_ticks_were_asked_for():
    ticks = [0, 159, 160, 1_000, 5_000]
    alone = [matrices(2, [t])[0] for t in ticks]
    backwards = matrices(2, ticks[::-1])[::-1]
    for one, two, three in zip(alone, matrices(2, ticks), backwards, strict=True):
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)


def test_fibre_holds_still_within_a_step():
    fibre = FibreDrift(3, RAD, ticks_per_step=16)
    assert np.array_equal(fibre.at(32), fibre.at(47))
    assert not np.array_equal(fibre.at(47), fibre.at(48))


def test_fibre_without_drift_stays():
    first, last = matrices(4, [0, 100_000], rad=0.0)
    assert np.array_equal(first, last)


def mean_overlaps(rad, seeds):
    """Overlap of output states with themselves one second later, by starting axis."""
    tick_s = 65536 * 10_000e-12
    ticks = [0, round(1 / tick_s / 160) * 160]
    out = []
    for seed in range(seeds):
        first, last = matrices(seed, ticks, rad)
        turn = mueller_matrix(last @ first.conj().T)
        out.append(np.diag(turn)[1:])
    return np.array(out), ticks[1] * tick_s


def test_overlap_falls_as_the_variance_law_says():
    overlaps, seconds = mean_overlaps(RAD, 500)
    by_seed = overlaps.mean(axis=1)
    error = by_seed.std() / math.sqrt(len(by_seed))
    assert abs(by_seed.mean() - math.exp(-(RAD**2) * seconds)) < 3.9 * error
    mutant = math.exp(-((1.2 * RAD) ** 2) * seconds)
    assert abs(by_seed.mean() - mutant) > 3.9 * error


def test_random_su2_covers_the_sphere_evenly():
    key = stream_key(5, "test", "su2")
    turns = [mueller_matrix(random_su2(key, n))[1:, 1:] for n in range(2_000)]
    images = np.array(turns)[:, :, 0]
    # components of a uniform direction: mean 0, variance 1/3
    assert np.abs(images.mean(axis=0)).max() < 4.0 * math.sqrt(1 / 3 / 2_000)
    spread = math.sqrt((1 / 5 - 1 / 9) / 2_000)
    assert np.abs((images**2).mean(axis=0) - 1 / 3).max() < 4.0 * spread
