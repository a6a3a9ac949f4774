"""Plates find their place by trying, with no model of what they do."""

from __future__ import annotations

import numpy as np
import pytest

from qkdlab.calibration.coordinate_search import coordinate_search
from qkdlab.calibration.polarization import stack_rotation

STATES = np.array([[0.0, 1, 0], [0, 0, 1]])
AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
ODD_RETARDANCES = (0.31, 0.44, 0.22)
"""Far from what a model of quarter and half waves expects."""


def error_rate(seed: int, noise: float = 0.0):
    rng = np.random.default_rng(seed)
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q @ np.diag(np.sign(np.diag(r)))
    fibre = q * np.sign(np.linalg.det(q))

    def cost(angles):
        images = STATES @ fibre.T @ stack_rotation(angles, ODD_RETARDANCES).T
        ideal = float(np.mean((1 - np.sum(images * AXES, axis=1)) / 2))
        return ideal + noise * rng.standard_normal()

    return cost


@pytest.mark.parametrize("seed", range(12))
def test_the_error_becomes_small_behind_any_fibre(seed):
    starts = [(0.0, 0.0, 0.0), (30.0, 22.5, 0.0), (75.0, 60.0, 60.0)]
    found = min(
        (
            coordinate_search(error_rate(seed, 0.002), start, wanted=0.01)
            for start in starts
        ),
        key=lambda one: one.cost,
    )
    assert error_rate(seed)(found.angles_deg) < 0.04


def test_it_stops_where_it_stands_when_that_is_good_enough():
    found = coordinate_search(lambda angles: 0.001, (1.0, 2.0, 3.0), wanted=0.01)
    assert found.angles_deg == (1.0, 2.0, 3.0)
    assert found.measurements == 1


def test_a_parabola_is_followed_to_its_least_point():
    found = coordinate_search(
        lambda angles: (angles[0] - 40.0) ** 2 * 1e-4, (50.0,), wanted=1e-9
    )
    assert found.angles_deg[0] == pytest.approx(40.0, abs=0.01)


def test_measurements_are_limited():
    found = coordinate_search(
        lambda angles: 1.0, (0.0, 0.0, 0.0), wanted=0.1, most_measurements=20
    )
    assert found.measurements <= 29
