"""Clicks outside the gate: what is explained, and what ends a block."""

from __future__ import annotations

import pytest

from qkdlab.config.load import load
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.timetags.slots import SlotCounts
from qkdlab_experiments.gate import check_gate
from qkdlab_experiments.parameters import Bb84Parameters

# 1 s, 4 detectors of at most 1000 dark counts/s, 2 of 10 ns open: 3200 explained
DARK = 3200


@pytest.fixture(scope="module")
def p() -> Bb84Parameters:
    parameters = load("bb84_tiny").parameters
    assert isinstance(parameters, Bb84Parameters)
    return parameters


def counts(inside: int, outside: int) -> SlotCounts:
    return SlotCounts(tags=inside + outside, out_of_gate=outside)


def test_dark_counts_and_a_fiftieth_of_the_clicks_are_explained(
    p: Bb84Parameters,
) -> None:
    check_gate(counts(100_000, DARK + 2000), p, 4)


def test_one_click_more_ends_the_block_with_its_numbers(p: Bb84Parameters) -> None:
    with pytest.raises(SecurityAbort, match="outside the gate") as caught:
        check_gate(counts(100_000, DARK + 2001), p, 4)
    assert caught.value.code is AbortCode.COUNTS_OUTSIDE_LIMITS
    assert caught.value.numbers["out_of_gate"] == DARK + 2001


def test_darkness_alone_is_no_attack(p: Bb84Parameters) -> None:
    check_gate(counts(800, DARK), p, 4)
