"""Bob's list is taken only if it could be an honest one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link.synthetic import SMALL

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.events import BlockEnded, Detections, MessageIn, SettingsSent, Start
from qkdlab.link.messages import SlotBatch, SlotListEnd
from qkdlab.link.slots import SlotList, outside_header
from qkdlab.protocols.bb84 import Click, Outcomes
from qkdlab.protocols.symbols import CyclicPattern, header_pattern

BODY = SMALL.first_pulse + SMALL.header_symbols
LAST_FRAME = SMALL.end_pulse - SMALL.symbols


def batch(*slots):
    none = BitArray.zeros(len(slots))
    return SlotBatch(np.array(slots, np.int64), none, none)


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
    wanted = [slot for b in batches for slot in b.slots.tolist()]
    found = completed(block, *batches).slots
    assert [slot for part in found for slot in part.tolist()] == wanted


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
    assert slots.basis.tolist() == [0]


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
