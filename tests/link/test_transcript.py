"""What anybody can work out from the recorded messages alone."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pytest
from link import reference_codec
from link.driver import drive
from link.reference_mathematics import sift
from link.reference_party import count, leaks, secret_length
from link.synthetic import CONFIGURATION, INTERVALS, SESSION, make_block, talk

from qkdlab.clock import VirtualClock
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.codec import decode
from qkdlab.link.direction import Direction
from qkdlab.link.events import BlockEnded, SettingsSent, Start
from qkdlab.link.ledger import ledger_from_transcript
from qkdlab.link.messages import SlotBatch
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel, transcript_from_capture

SECRET = random.Random(2).randbytes(pool_bytes(20))

# changes with the messages, the schedule of Cascade or the key length, and with them
# the protocol's version
GOLDEN = "ccb6a20932537b87e0aacdae5a7591e6c28eabc44c5dcb926be08a76a9d48122"


class Tapped:
    """Alice's end of a channel; `capture` sees all that passes."""

    def __init__(self, channel):
        self._channel = channel
        self.capture = []

    def send(self, data):
        self.capture.append((Direction.ALICE_TO_BOB, data))
        self._channel.send(data)

    def receive(self, timeout_s=None):
        data = self._channel.receive(timeout_s)
        if data is not None:
            self.capture.append((Direction.BOB_TO_ALICE, data))
        return data


def sealed_end(channel, direction):
    return SealedChannel(
        channel,
        direction=direction,
        session=SESSION,
        configuration=CONFIGURATION,
        pool=PadPool.memory(SECRET),
    )


def run_sealed(block):
    """Both parties over sealed lines; what each got, and what Alice's line saw."""
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)
    tapped = Tapped(a)
    ends = {}
    for name, channel, direction in (
        ("alice", tapped, Direction.ALICE_TO_BOB),
        ("bob", b, Direction.BOB_TO_ALICE),
    ):
        ends[name] = sealed_end(channel, direction)
    alice, bob = block.alice(), block.bob()
    bench = {
        "alice": [Start(), SettingsSent(INTERVALS)],
        "bob": [Start(), *block.detections, BlockEnded()],
    }
    clock.spawn("alice", lambda: drive(alice, ends["alice"], bench["alice"]))
    clock.spawn("bob", lambda: drive(bob, ends["bob"], bench["bob"]))
    return clock.run(), tapped.capture, ends, alice


@pytest.fixture(scope="module")
def sealed():
    return run_sealed(make_block())


def test_keys_are_equal_over_sealed_lines(sealed):
    results, *_ = sealed
    assert results["alice"][0] == results["bob"][0]
    assert results["alice"][0].length > 50


def test_each_phase_and_direction_has_one_tag(sealed):
    _, _, ends, _ = sealed
    # hello, settings, reconcile (opened, then closed), verify, amplify, end; and
    # hello, detections, test, reconcile, verify, end
    assert ends["alice"].tags == 7 + 6
    assert ends["alice"].auth_bits_spent == ends["bob"].auth_bits_spent == 13 * 128


def test_blocks_follow_each_other_on_one_line(block):
    clock = VirtualClock()
    a, b = MemoryChannel.pair(clock)
    plans = [replace(block.plan, block=number) for number in (0, 1)]

    def run(party, channel, direction, events):
        line = sealed_end(channel, direction)
        return [drive(party(plan=plan), line, events)[0] for plan in plans]

    alice = [Start(), SettingsSent(INTERVALS)]
    bob = [Start(), *block.detections, BlockEnded()]
    clock.spawn("alice", lambda: run(block.alice, a, Direction.ALICE_TO_BOB, alice))
    clock.spawn("bob", lambda: run(block.bob, b, Direction.BOB_TO_ALICE, bob))
    keys = clock.run()
    assert keys["alice"] == keys["bob"]
    assert keys["alice"][0] != keys["alice"][1]


def test_a_long_list_goes_in_several_messages(block, monkeypatch):
    monkeypatch.setattr("qkdlab.link.slots.BATCH_SLOTS", 5000)
    conversation = talk(block).run()
    listed = [d for _, d in conversation.transcript if isinstance(decode(d), SlotBatch)]
    assert [len(decode(d).slots) for d in listed][:2] == [5000, 5000]
    assert conversation.key("alice") == conversation.key("bob")


def test_the_wire_gives_the_same_messages_as_the_parties(sealed, finished):
    _, capture, *_ = sealed
    mine = [
        m
        for way, m in transcript_from_capture(capture)
        if way is Direction.ALICE_TO_BOB
    ]
    said = [m for way, m in finished.transcript if way is Direction.ALICE_TO_BOB]
    assert mine == said


def test_the_ledger_comes_from_the_wire_alone(sealed):
    _, capture, _, alice = sealed
    assert ledger_from_transcript(transcript_from_capture(capture)) == alice.ledger


def test_leakage_and_length_come_from_the_wire_alone_in_plain_python(sealed):
    _, capture, _, alice = sealed
    messages = transcript_from_capture(capture)
    found = {}
    for _, data in messages:
        name, fields = reference_codec.decode(data)
        found[name] = fields
    plan, slots, settings = found["hello"]["plan"], found["slots"], found["settings"]
    intensity = [
        low + 2 * high
        for low, high in zip(settings["low"], settings["high"], strict=True)
    ]
    key, test = sift(settings["basis"], slots["basis"], slots["cross"])
    told = found["settings-end"]
    wrong = [
        a ^ b for a, b in zip(told["test_bits"], found["test"]["bits"], strict=True)
    ]
    box = list(zip(told["lowest"], told["highest"], strict=True))
    leak = sum(leaks([(str(way), data) for way, data in messages]).values())
    length = secret_length(plan, count(intensity, key, test, wrong), box, leak)
    figures = alice.figures()
    assert leak == figures["leaked_bits"]
    assert length == figures["secret_bits"] == found["amplify"]["length"]


def test_the_verification_tag_appears_once_in_the_length(finished):
    bounds = finished.alice.figures()["bounds"]
    figures = finished.alice.figures()
    plan = finished.block.plan
    assert bounds["lambda_EC"] == figures["leaked_bits"]
    assert figures["verification_bits"] == plan.verification_bits


def test_the_transcript_is_the_golden_one(finished):
    digest = hashlib.sha256()
    for direction, data in finished.transcript:
        digest.update(direction.value.encode() + len(data).to_bytes(8, "little") + data)
    assert digest.hexdigest() == GOLDEN


def test_the_golden_key_is_the_same_too(finished):
    key = finished.key("bob")
    assert (key.length, key.bits.to_bytes()[:8].hex()) == (58, "16767db9d825b502")
