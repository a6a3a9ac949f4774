from __future__ import annotations

import pytest

from qkdlab.bits.array import BitArray
from qkdlab.errors import SecurityAbort
from qkdlab.link.codec import encode
from qkdlab.link.direction import Direction
from qkdlab.link.ledger import LeakEntry, LeakLedger, ledger_from_transcript
from qkdlab.link.messages import (
    Done,
    Parities,
    VerificationAnswer,
    VerificationTag,
)

FORTH, BACK = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
TALK = [
    (BACK, Parities(0, BitArray.zeros(30))),
    (FORTH, Parities(0, BitArray.zeros(30))),
    (FORTH, VerificationTag(BitArray.zeros(128), BitArray.zeros(64))),
    (BACK, VerificationAnswer(True)),
    (FORTH, Done("key")),
]


@pytest.fixture
def ledger():
    ledger = LeakLedger()
    for direction, message in TALK:
        ledger.record(direction, message)
    return ledger


def test_directions_are_counted_apart(ledger):
    assert (ledger.leak(FORTH), ledger.leak(BACK)) == (30, 31)


def test_both_directions_are_charged(ledger):
    assert ledger.leak_bits == 61


def test_verification_is_kept_apart(ledger):
    assert ledger.verification_bits == 64


def test_an_entry_says_what_leaked_where(ledger):
    assert ledger.entries[0] == LeakEntry("reconcile", BACK, "Parities", 30, 0)


def test_public_messages_leave_no_entry(ledger):
    assert len(ledger.entries) == 4


def test_the_messages_alone_give_the_same_ledger(ledger):
    recorded = [(way, encode(message).data) for way, message in TALK]
    assert ledger_from_transcript(recorded) == ledger


def test_a_record_that_is_no_message_is_refused():
    with pytest.raises(SecurityAbort):
        ledger_from_transcript([(FORTH, b"{}")])
