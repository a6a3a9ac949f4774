"""What detectors remember of a click, from the slots after it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from active_parameters_at_hand import P, records_of

from qkdlab.timetags.slots import SlotClicks
from qkdlab_experiments.calibration.memory import judge
from qkdlab_experiments.click_memory import ClickMemory, click_memory

FRAME, HEADER, KINDS = 8192, 192, 8
FAR, LAGS = 240, 720
SHARES = np.array([0.02, 0.008, 0.0005, 0.0002, 0.01, 0.004, 0.01, 0.004])
"""Chance of a click by kind of symbol, of either detector in turn."""
TAU = 15.0


def forgotten(lag, own):
    return 1.0


def own_click(lag, own):
    """Return what is left of the efficiency: only a detector's own click tells."""
    return 1.0 - math.exp(-lag / TAU) if own else 1.0


def any_click(lag, own):
    return 1.0 - math.exp(-lag / TAU)


def seen(remembers, n_slots=5_000_000, seed=5):
    """Visit, slot by slot, those where detectors that remember nothing might click."""
    rng = np.random.default_rng(seed)
    chances = np.stack([SHARES, np.roll(SHARES, 2)])
    slots, masks = [], []
    last, lag_from = -1, -(10**6)
    maybe = np.flatnonzero(rng.random(n_slots) < chances.max(axis=0).sum())
    draw = rng.random((maybe.size, 2)) * chances.max(axis=0).sum()
    for slot, u in zip(maybe.tolist(), draw.tolist(), strict=True):
        place = slot % FRAME - HEADER
        if place < 0:
            continue
        mask = 0
        for detector in (0, 1):
            left = remembers(slot - lag_from, own=detector == last)
            if u[detector] < chances[detector, place % KINDS] * left:
                mask |= 1 << detector
        if mask:
            slots.append(slot)
            masks.append(mask)
            last, lag_from = (mask >> 1, slot) if mask < 3 else (2, slot)
    clicks = SlotClicks(np.array(slots, np.int64), np.array(masks, np.uint8))
    return click_memory(
        clicks,
        frame_slots=FRAME,
        header_slots=HEADER,
        kinds=KINDS,
        far=FAR,
        lags=LAGS,
    )


@pytest.fixture(scope="module")
def own():
    return seen(own_click, n_slots=9_000_000)


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("detector", [0, 1])
def test_an_efficiency_comes_back_as_it_does(own, last, detector):
    for first in (3, 10, 20, 30, 45):
        found = own.efficiency(last, detector, first, first + 5)
        lags = np.arange(first, first + 5)
        true = np.mean([own_click(lag, detector == last) for lag in lags])
        assert abs(found.value - true) < 4.5 * found.uncertainty
        assert found.uncertainty < 0.05


def test_a_click_parts_the_detectors(own):
    """A mutant that took one detector for the other would find the wrong sign."""
    first, second = (own.difference(last, 20, 30) for last in (0, 1))
    true = math.log(np.mean([own_click(lag, own=True) for lag in range(20, 30)]))
    assert abs(first.value - true) < 4.5 * first.uncertainty
    assert abs(second.value + true) < 4.5 * second.uncertainty


@pytest.mark.parametrize("remembers", [forgotten, any_click])
def test_what_both_lose_alike_parts_nothing(remembers):
    memory = seen(remembers, seed=6)
    for last in (0, 1):
        for first in (10, 20, 30, 60):
            apart = memory.difference(last, first, first + 10)
            assert abs(apart.value) < 4.5 * apart.uncertainty


def test_uncertainties_are_those_of_the_scatter():
    memory = seen(forgotten, seed=7)
    pulls = [
        (memory.efficiency(i, d, first, first + 6)[0] - 1.0)
        / memory.efficiency(i, d, first, first + 6)[1]
        for i in (0, 1)
        for d in (0, 1)
        for first in range(1, 121, 6)
    ]
    # chi-square of 80: 0.01 % on either side
    assert 40.0 < np.square(pulls).sum() < 135.0


def test_nothing_to_see_is_told():
    nothing = ClickMemory(np.zeros((2, 2, 9)), np.zeros((2, 2, 9)), 4)
    with pytest.raises(ValueError, match="no clicks"):
        nothing.difference(0, 1, 3)


def flat(difference, n=1e6):
    """Return detectors of which the first clicks more after its own click, in slots."""
    expected = np.full((2, 2, LAGS + 1), n)
    grown = expected.copy()
    grown[0, 0, : len(difference)] *= np.exp(difference)
    return ClickMemory(grown, expected, FAR)


def context():
    return SimpleNamespace(parameters=P, calibration=records_of("bob"))


def test_a_click_is_forgotten_behind_the_last_third_that_tells_of_it():
    # thirds of 20 slots of the 60 masked: 1 at a time up to slot 45
    outcome = judge(context(), flat(np.full(45, 0.2)), 20)
    assert outcome.accepted
    assert outcome.figures["recovery_ps"] == 60_000
    assert abs(outcome.figures["memory_mismatch"]) < 1e-12
    assert [r.quantity for r in outcome.records] == ["recovery_ps", "memory_mismatch"]


def test_a_click_remembered_behind_the_mask_rejects_the_step():
    outcome = judge(context(), flat(np.full(65, 0.2)), 20)
    assert not outcome.accepted
    assert "80 ns after a click" in outcome.problem
    assert "detection.blank_ps" in outcome.problem


def test_too_few_clicks_to_tell_reject_it_too():
    outcome = judge(context(), flat(np.zeros(1), n=100.0), 20)
    assert not outcome.accepted
    assert "memory_clicks" in outcome.problem
