"""What detectors remember of a click, from the slots after it."""

from __future__ import annotations

import math
from functools import partial
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


def decaying(tau, slots):
    return 1.0 - np.exp(-slots / tau)


def left(*stretches, n=1e6):
    """Return detectors that a click of either parts by so much in so many slots."""
    expected = np.full((2, 2, LAGS + 1), n)
    grown = expected.copy()
    for first, end, difference in stretches:
        grown[0, 0, first:end] *= np.exp(difference)
    return ClickMemory(grown, expected, FAR)


def context():
    return SimpleNamespace(parameters=P, calibration=records_of("bob"))


def judged(*stretches, **changes):
    return judge(context(), left(*stretches, **changes))


# 60 slots are masked; windows of 10 slots begin every 5, the last counts from 50 on


def test_a_click_is_forgotten_behind_the_last_window_that_tells_of_it():
    assert judged().figures["recovery_ps"] == 5_000
    assert judged((0, 25, 0.2)).figures["recovery_ps"] == 25_000
    outcome = judged((0, 45, 0.2))
    assert outcome.accepted
    assert outcome.figures["recovery_ps"] == 45_000
    assert outcome.figures["memory_mismatch"] < 0.004
    assert [r.quantity for r in outcome.records] == ["recovery_ps", "memory_mismatch"]


@pytest.mark.parametrize("first", [50, 61, 68, 85, 130, 133, 186, 225])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_left_anywhere_behind_the_mask_is_in_the_record(first, sign):
    """Also far behind it, where an echo of the cable may come."""
    found = judged((first, first + 15, 0.05 * sign)).figures["memory_mismatch"]
    assert 0.05 < found < 0.054


def erf(slots):
    """Return the recovery of a wire whose current returns, near its threshold."""
    current = 22.0 * (1.0 - np.exp(-slots / 47.0))
    return np.array([0.5 * (1.0 + math.erf((i - 14.0) / 1.5)) for i in current])


RECOVERIES = {
    **{f"{tau:g}": partial(decaying, tau) for tau in (5.0, 10.0, 15.0, 20.0)},
    "erf": erf,
}


@pytest.mark.parametrize("name", RECOVERIES)
def test_the_slot_that_opens_is_in_the_record(name):
    slots = np.arange(LAGS + 1)
    efficiency = np.maximum(RECOVERIES[name](slots), 1e-9)
    expected = np.full((2, 2, LAGS + 1), 1e7)
    seen = expected.copy()
    seen[0, 0] *= efficiency
    outcome = judge(context(), ClickMemory(seen, expected, FAR))
    assert outcome.figures["memory_mismatch"] > -math.log(efficiency[60])


@pytest.mark.parametrize("stretch", [(0, 65, 0.2), (130, 142, 0.08), (190, 230, 0.1)])
def test_a_click_remembered_behind_the_mask_rejects_the_step(stretch):
    outcome = judged(stretch)
    assert not outcome.accepted
    assert " ns after a click" in outcome.problem
    assert "detection.blank_ps" in outcome.problem


def test_too_few_clicks_to_tell_reject_it_too():
    outcome = judged(n=100.0)
    assert not outcome.accepted
    assert "memory_clicks" in outcome.problem


@pytest.mark.parametrize("blank_ps", [0, 4_000, 50_000, 61_500])
def test_masked_times_of_any_length_are_judged_from_their_end_on(blank_ps):
    detection = P.detection.model_copy(update={"blank_ps": blank_ps})
    parameters = P.model_copy(update={"detection": detection})
    ctx = SimpleNamespace(parameters=parameters, calibration=records_of("bob"))
    outcome = judge(ctx, left((0, max(0, blank_ps // 1000 - 12), 0.3)))
    assert outcome.accepted
    assert outcome.figures["recovery_ps"] <= blank_ps
