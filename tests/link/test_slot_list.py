"""Bob's list is taken only if it could be an honest one."""

from __future__ import annotations

import dataclasses
import hashlib
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link.synthetic import SMALL

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.codec import encode
from qkdlab.link.events import BlockEnded, Detections, MessageIn, SettingsSent, Start
from qkdlab.link.messages import SlotBatch, SlotListEnd
from qkdlab.link.slots import SlotList, Stretches, outside_header
from qkdlab.link.varint import Increasing
from qkdlab.protocols.bb84 import Click, Outcomes
from qkdlab.protocols.symbols import CyclicPattern, header_pattern

BODY = SMALL.first_pulse + SMALL.header_symbols
LAST_FRAME = SMALL.end_pulse - SMALL.symbols


def batch(*slots):
    none = BitArray.zeros(len(slots))
    return SlotBatch(Increasing.of(np.array(slots, np.int64)), none, none)


def completed(block, *batches):
    count = sum(len(b.slots) for b in batches)
    end = SlotListEnd(accepted=count, live_slots=SMALL.n_pulses, double_clicks=0)
    return SlotList.complete(block.alice()._context, list(batches), end)


@pytest.mark.parametrize(
    "batches",
    [
        [],
        [batch()],
        [batch(BODY, BODY + 1)],
        [batch(BODY, BODY + 1), batch(BODY + 2, SMALL.end_pulse - 1)],
    ],
)
def test_an_honest_list_is_taken(block, batches):
    wanted = [b.slots for b in batches]
    assert list(completed(block, *batches).stretches) == wanted


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param([batch(BODY - SMALL.symbols)], id="before the block"),
        pytest.param([batch(SMALL.end_pulse + SMALL.header_symbols)], id="after it"),
        pytest.param([batch(SMALL.first_pulse)], id="first symbol of a header"),
        pytest.param(
            [batch(BODY, LAST_FRAME + SMALL.header_symbols - 1)],
            id="last symbol of a header",
        ),
        pytest.param([batch(BODY + 5), batch(BODY + 5)], id="one slot twice"),
        pytest.param([batch(BODY + 5), batch(BODY + 4)], id="backwards"),
    ],
)
def test_any_other_list_is_refused(block, batches):
    with pytest.raises(SecurityAbort) as caught:
        completed(block, *batches)
    assert caught.value.code is AbortCode.PROTOCOL_VIOLATION


def test_a_batch_whose_columns_differ_in_length_is_refused(block):
    one, two = BitArray.zeros(1), BitArray.zeros(2)
    slots = [Increasing.of(np.array(s)) for s in ([BODY], [BODY + 1, BODY + 2])]
    crooked = [SlotBatch(slots[0], two, two), SlotBatch(slots[1], one, one)]
    with pytest.raises(SecurityAbort):
        completed(block, *crooked)


def test_two_lists_that_differ_in_anything_have_different_digests(block):
    ones = BitArray.from_bools([1, 1])
    lists = [
        [batch(BODY, BODY + 1)],
        [batch(BODY, BODY + 2)],
        [batch(BODY), batch(BODY + 1)],
        [dataclasses.replace(batch(BODY, BODY + 1), basis=ones)],
        [dataclasses.replace(batch(BODY, BODY + 1), cross=ones)],
    ]
    assert len({completed(block, *listed).digest() for listed in lists}) == len(lists)


def test_the_digest_is_that_of_the_messages(block):
    batches = [batch(BODY, BODY + 1), batch(BODY + 200)]
    wanted = hashlib.sha256(b"".join(encode(b).data for b in batches)).digest()
    assert completed(block, *batches).digest() == wanted


@given(st.lists(st.integers(0, 7), max_size=9))
def test_stretches_are_full_but_the_last_whatever_came_at_once(sizes):
    with mock.patch("qkdlab.link.slots.BATCH_SLOTS", 5):
        joined = Stretches()
    slots = np.arange(sum(sizes)) * 3
    for part in np.split(slots, np.cumsum(sizes)):
        joined.add(part)
    parts = [stretch.values().tolist() for stretch in joined.all()]
    assert [slot for part in parts for slot in part] == slots.tolist()
    assert all(len(part) == 5 for part in parts[:-1])


def test_a_cross_click_is_listed_without_a_basis(block):
    bob = block.bob()
    outcomes = Outcomes(
        np.array([BODY]),
        np.array([1], np.uint8),
        np.array([1], np.uint8),
        np.array([Click.CROSS], np.uint8),
    )
    bob.handle(Detections(outcomes, 1))
    slots, _, _ = bob._state.collection.fix()
    assert slots.basis.to_bools().tolist() == [0]


def test_settings_of_a_pattern_with_stray_header_symbols_stay_with_alice(
    block, finished
):
    """A header symbol is public before the block: it can never be a secret setting."""
    stray = header_pattern(SMALL.symbols, "test")
    alice = block.alice(source=CyclicPattern(stray))
    events = [Start(), SettingsSent(((1.0, 1.0), (0.4, 0.4), (0.0, 0.0)))]
    from_bob = [data for way, data in finished.transcript if way == "bob-to-alice"]
    events += [MessageIn(data, phase_verified=True) for data in from_bob[:2]]
    for event in events:
        alice.handle(event)
    with pytest.raises(UsageError, match="outside its header"):
        alice.handle(MessageIn(from_bob[2], phase_verified=True))
    assert alice.finished
    assert alice.handle(BlockEnded()) == []


@settings(max_examples=60)
@given(st.sets(st.integers(SMALL.first_pulse, SMALL.end_pulse - 1), max_size=300))
def test_headers_are_found_as_by_remainders(chosen: set[int]) -> None:
    near = {s - (s - SMALL.first_pulse) % SMALL.symbols for s in chosen}
    edges = {frame + step for frame in near for step in (0, 39, 40)}
    slot = np.array(sorted(chosen | edges), np.int64)
    plain = (slot - SMALL.first_pulse) % SMALL.symbols >= SMALL.header_symbols
    assert np.array_equal(outside_header(SMALL, slot), plain)
