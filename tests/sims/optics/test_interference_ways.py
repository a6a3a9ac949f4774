"""Kernels of two interfering lights beside plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab_sims.optics.interference._intrinsics import LANES, N_PARTS
from qkdlab_sims.optics.interference._kernels import _find_ways
from qkdlab_sims.optics.interference.two_lights import _table


@pytest.mark.parametrize("n_det", [1, 2, 4, 5, 9])
def test_ways_are_where_the_pick_falls_among_the_sums_over_detectors(n_det):
    rng = np.random.default_rng(n_det)
    a, b = rng.normal(size=(2, 3, n_det)) + 1j * rng.normal(size=(2, 3, n_det))
    phase = np.exp(2j * np.pi * rng.random(200))
    row = rng.integers(0, 9, 200).astype(np.int32)
    powers = rng.random((200, 2))
    cross = np.sqrt(powers.prod(axis=1)) * 2 * phase
    common = np.stack([*powers.T, cross.real, cross.imag], axis=1).ravel()
    field = np.sqrt(powers[:, :1]) * a[row // 3]
    other = np.sqrt(powers[:, 1:]) * b[row % 3]
    means = np.abs(field * phase.conj()[:, None] + other) ** 2
    sums = np.cumsum(means, axis=1)
    picks = rng.random(200) * 1.2 * sums[:, -1]
    ways, kept = np.empty(200, np.int32), np.arange(200, dtype=np.int32)
    table = _table(a, b)
    assert table.shape == (9, -(-n_det // LANES), N_PARTS, LANES)
    _find_ways(table, row, common, kept, picks, ways)
    assert np.array_equal(ways, (sums <= picks[:, None]).sum(axis=1))
