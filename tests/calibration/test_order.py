"""The order of a sweep's points."""

import pytest

from qkdlab.calibration.order import interleaved


@pytest.mark.parametrize("n", [1, 2, 3, 8, 15, 16, 25, 100])
def test_every_point_is_taken_once(n):
    assert sorted(interleaved(n)) == list(range(n))


@pytest.mark.parametrize("n", [15, 16, 25])
def test_neighbours_are_far_apart_in_time(n):
    order = interleaved(n)
    when = {point: k for k, point in enumerate(order)}
    assert min(abs(when[k + 1] - when[k]) for k in range(n - 1)) > 1
