"""Our parties talk with the plain ones and end with the same key, bit for bit."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from link.driver import drive
from link.reference_codec import Line
from link.reference_party import reference_alice, reference_bob
from link.synthetic import CONFIGURATION, INTERVALS, SESSION, SMALL, make_block

from qkdlab.clock import VirtualClock
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.events import BlockEnded, SettingsSent, Start
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel
from qkdlab.protocols.bb84 import Click

SECRET = random.Random(5).randbytes(pool_bytes(20))
PLAN = {f.name: getattr(SMALL, f.name) for f in dataclasses.fields(SMALL)}
PLAN["composition"] = list(SMALL.composition)


def sealed(channel, direction):
    return SealedChannel(
        channel,
        direction=direction,
        session=SESSION,
        configuration=CONFIGURATION,
        pool=PadPool.memory(SECRET),
    )


def line(channel, way):
    return Line(channel, way, SESSION, CONFIGURATION, SECRET)


def bobs_lists(block):
    outcomes = [d.outcomes for d in block.detections]
    slot = np.concatenate([o.slot for o in outcomes])
    keep = slot % SMALL.symbols >= SMALL.header_symbols
    click = np.concatenate([o.click for o in outcomes])[keep]
    return {
        "slots": slot[keep].tolist(),
        "basis": np.concatenate([o.basis for o in outcomes])[keep].tolist(),
        "value": np.concatenate([o.value for o in outcomes])[keep].tolist(),
        "cross": (click == Click.CROSS).astype(int).tolist(),
        "double": (click == Click.DOUBLE).astype(int).tolist(),
        "live_slots": sum(d.live_slots for d in block.detections),
    }


def with_reference_bob(block):
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)
    alice = block.alice()
    bob_line = line(b, "bob-to-alice")
    clock.spawn(
        "alice",
        lambda: drive(
            alice,
            sealed(a, Direction.ALICE_TO_BOB),
            [Start(), SettingsSent(INTERVALS)],
        ),
    )
    clock.spawn("bob", lambda: reference_bob(bob_line, PLAN, **bobs_lists(block)))
    results = clock.run()
    key, abort, _ = results["alice"]
    assert abort is None
    return alice, key, results["bob"]


def with_reference_alice(block):
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)
    bob = block.bob()
    dice = random.Random(7)
    clock.spawn(
        "alice",
        lambda: reference_alice(
            line(a, "alice-to-bob"),
            PLAN,
            block.pattern.tolist(),
            INTERVALS,
            lambda n: [dice.getrandbits(1) for _ in range(n)],
        ),
    )
    clock.spawn(
        "bob",
        lambda: drive(
            bob,
            sealed(b, Direction.BOB_TO_ALICE),
            [Start(), *block.detections, BlockEnded()],
        ),
    )
    results = clock.run()
    key, abort, _ = results["bob"]
    assert abort is None
    return bob, key, results["alice"]


@pytest.fixture(scope="module", params=["bob", "alice"])
def meeting(request):
    block = make_block(seed=11)
    if request.param == "bob":
        return with_reference_bob(block)
    return with_reference_alice(block)


def test_keys_are_equal_bit_for_bit(meeting):
    _, ours, theirs = meeting
    assert ours.length > 50
    assert ours.bits.to_bools().tolist() == theirs.key


def test_key_ids_are_equal(meeting):
    _, ours, theirs = meeting
    assert ours.key_id == theirs.key_id


def test_both_count_the_same_leakage(meeting):
    party, _, theirs = meeting
    assert party.ledger.leak_bits == theirs.leak_bits


def test_both_come_to_the_same_length(meeting):
    party, _, theirs = meeting
    assert party.figures()["secret_bits"] == theirs.length


def test_both_found_the_same_number_of_errors(meeting):
    party, _, theirs = meeting
    assert sum(party.figures()["counts"]["errors"]["X"].values()) == len(theirs.wrong)
