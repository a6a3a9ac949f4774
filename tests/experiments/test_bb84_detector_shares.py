"""A detector that falls silent ends the block, whatever the error rate says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qkdlab.config.load import load
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab_experiments.detector_shares import DetectorShares
from qkdlab_experiments.parameters import Bb84Parameters

X0, X1, Z0, Z1 = 1, 2, 4, 8


@pytest.fixture(scope="module")
def p() -> Bb84Parameters:
    parameters = load("bb84_tiny").parameters
    assert isinstance(parameters, Bb84Parameters)
    return parameters


def piece(**counts: int) -> NDArray[np.uint8]:
    masks = [m for name, n in counts.items() for m in [globals()[name]] * n]
    return np.array(masks, np.uint8)


def test_detectors_that_count_alike_pass(p: Bb84Parameters) -> None:
    DetectorShares(p).take(piece(X0=4000, X1=4100, Z0=900, Z1=880))


@pytest.mark.parametrize("lost", ["X0", "X1", "Z0", "Z1"])
def test_a_silent_detector_ends_the_block_within_a_piece(
    p: Bb84Parameters, lost: str
) -> None:
    shares = DetectorShares(p)
    shares.take(piece(X0=4000, X1=4000, Z0=900, Z1=900))
    counts = {"X0": 4000, "X1": 4000, "Z0": 900, "Z1": 900, lost: 0}
    with pytest.raises(SecurityAbort, match=f"basis {lost[0]} do not") as caught:
        shares.take(piece(**counts))
    assert caught.value.code is AbortCode.COUNTS_OUTSIDE_LIMITS
    assert caught.value.numbers[f"counts_{lost[1]}"] == 0


def test_dim_light_is_judged_over_the_block(p: Bb84Parameters) -> None:
    shares = DetectorShares(p)
    for _ in range(4):
        shares.take(piece(X0=10))
    with pytest.raises(SecurityAbort, match="basis X"):
        shares.take(piece(X0=10))


def test_both_detectors_of_a_basis_at_once_say_nothing(p: Bb84Parameters) -> None:
    DetectorShares(p).take(np.full(5000, X0 | X1, np.uint8))


def test_counting_noise_ends_no_block(p: Bb84Parameters) -> None:
    rng = np.random.default_rng(1)
    shares = DetectorShares(p)
    for _ in range(2000):
        shares.take(rng.choice(np.array([X0, X1, Z0, Z1], np.uint8), 50))
