"""All messages of a BB84 block, in the order of the protocol.

Phases, one closing tag per direction: hello, detections (Bob), settings (Alice), test
(Bob), reconcile (Alice opens it, then both by turns), verify, amplify. Fields marked
`public` depend on no key bit; the others are charged bit by bit.
"""

from __future__ import annotations

from qkdlab.bits.array import BitArray
from qkdlab.errors import SecurityAbort
from qkdlab.link.codec import (
    Exposure,
    Message,
    decode,
    kind_of,
    message,
    public,
    record_of,
    secret_derived,
)
from qkdlab.link.plan import BlockPlan
from qkdlab.link.varint import Increasing
from qkdlab.link.wire import (
    BITS,
    BLOB,
    FLAG,
    INCREASING,
    MAX_ENTRIES,
    REAL,
    TEXT,
    UINT,
    tuple_of,
)

__all__ = [
    "BATCH_SLOTS",
    "PROTOCOL_VERSION",
    "Amplification",
    "BobTestBits",
    "Done",
    "ErrorCounts",
    "Hello",
    "Parities",
    "ReconciliationEnd",
    "ReconciliationStart",
    "SettingsBatch",
    "SettingsEnd",
    "SlotBatch",
    "SlotListEnd",
    "VerificationAnswer",
    "VerificationTag",
    "is_batch",
    "is_interactive",
]

PROTOCOL_VERSION = 5
BATCH_SLOTS = MAX_ENTRIES
"""Slots that one message of a list carries at most."""


@message(0x01, "hello")
class Hello(Message):
    """What a party is about to do; both must say the same.

    session: 16 bytes; configuration: hash of 32 bytes
    """

    protocol_version: int = public(UINT)
    session: bytes = public(BLOB)
    configuration: bytes = public(BLOB)
    plan: BlockPlan = public(record_of(BlockPlan))


@message(0x10, "detections", batch=True)
class SlotBatch(Message):
    """A stretch of Bob's list of accepted slots.

    slots: pulse indices; basis: 0 = X, 1 = Z, 0 where `cross`
    cross: clicks in both bases. Outcomes stay with Bob, and so does which were doubles.
    """

    slots: Increasing = public(INCREASING)
    basis: BitArray = public(BITS)
    cross: BitArray = public(BITS)


@message(0x11, "detections")
class SlotListEnd(Message):
    """The list is complete and fixed.

    accepted:      slots of all batches
    live_slots:    slots of the block in which a click would have been accepted,
                   header slots included
    double_clicks: accepted slots whose bit came from Bob's random generator
    """

    accepted: int = public(UINT)
    live_slots: int = public(UINT)
    double_clicks: int = public(UINT)


@message(0x20, "settings", batch=True)
class SettingsBatch(Message):
    """Alice's settings of the slots of one batch of Bob's list.

    basis: 0 = X, 1 = Z; intensity class = intensity_low + 2 * intensity_high, 0 the
    brightest
    """

    basis: BitArray = public(BITS)
    intensity_low: BitArray = public(BITS)
    intensity_high: BitArray = public(BITS)


@message(0x21, "settings")
class SettingsEnd(Message):
    """Alice's bits of the test slots and what she knows of her source.

    test_bits: bits of the slots in which both used Z, in order; they never make key
    intensity_lowest, intensity_highest: interval of the mean photon number per class
    """

    test_bits: BitArray = public(BITS)
    intensity_lowest: tuple[float, ...] = public(tuple_of(REAL))
    intensity_highest: tuple[float, ...] = public(tuple_of(REAL))


@message(0x30, "test")
class BobTestBits(Message):
    """Bob's bits of the test slots, in order; they never make key.

    double_key, double_test: double clicks among the sifted slots by intensity
    """

    bits: BitArray = public(BITS)
    double_key: tuple[int, ...] = public(tuple_of(UINT))
    double_test: tuple[int, ...] = public(tuple_of(UINT))


@message(0x40, "reconcile")
class ReconciliationStart(Message):
    """Alice's public seed of all that the method draws, 32 bytes, and the method.

    method: the plan's, or her choice where the plan leaves it to her
    """

    seed: bytes = public(BLOB)
    method: str = public(TEXT)


@message(0x41, "reconcile", interactive=True)
class Parities(Message):
    """One round's parities of a batch of frames of the sender's string.

    batch: follows, like the round, from the parities before
    """

    batch: int = public(UINT)
    bits: BitArray = secret_derived(BITS)


@message(0x42, "reconcile")
class ReconciliationEnd(Message):
    """The sender's string is final after so many rounds."""

    rounds: int = public(UINT)


@message(0x43, "reconcile", batch=True)
class ErrorCounts(Message):
    """How many key bits of each intensity Bob had wrong, where only he knows which."""

    errors: tuple[int, ...] = secret_derived(tuple_of(UINT))


@message(0x50, "verify")
class VerificationTag(Message):
    """A public hash key, drawn now, and the tag of Alice's string under it."""

    key: BitArray = public(BITS)
    tag: BitArray = secret_derived(BITS, Exposure.VERIFICATION)


@message(0x51, "verify")
class VerificationAnswer(Message):
    """Whether Bob's string has the same tag."""

    equal: bool = secret_derived(FLAG)


@message(0x60, "amplify")
class Amplification(Message):
    """The seed of the amplification and all that its length came from.

    seed:   n - 1 uniform bits for n key bits, drawn now
    length: of the key, in bits
    leak_alice_to_bob, leak_bob_to_alice, verification_bits: Alice's ledger
    key_id: of the key to come
    """

    seed: BitArray = public(BITS)
    length: int = public(UINT)
    leak_alice_to_bob: int = public(UINT)
    leak_bob_to_alice: int = public(UINT)
    verification_bits: int = public(UINT)
    key_id: str = public(TEXT)


@message(0x61, "amplify")
class Done(Message):
    """The sender holds the key of this id."""

    key_id: str = public(TEXT)


def is_interactive(data: bytes) -> bool:
    """Say whether a message may be answered before its phase is verified."""
    cls = kind_of(data)
    return cls is not None and cls.INTERACTIVE


def is_batch(data: bytes) -> bool:
    """Say whether a message is whole and may come before the end of its phase.

    Anything else before the end would be waited for by one party and never closed by
    the other.
    """
    cls = kind_of(data)
    if cls is None or not cls.BATCH:
        return False
    try:
        decode(data)
    except SecurityAbort:
        return False
    return True
