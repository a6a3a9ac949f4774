"""Every byte of every message of a block, flipped: both stop, and no key comes out.

The block is played once and copied before each frame; from there a changed frame needs
no more than what follows it. What the seal holds back until the phase is verified never
reaches a party, so for such bytes the seal alone is tried; the interactive messages,
which may be answered before they are verified, are tried on both parties to their ends.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

import pytest
from link.synthetic import make_block
from link.two_ends import FORTH, Line

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.direction import Direction

STOPPED = {AbortCode.AUTHENTICATION_FAILED, AbortCode.PEER_ABORTED}
"""A notice of an abort can be made of any frame; it says stop, and they do."""


@dataclass
class Moment:
    """The line with one frame just taken off it."""

    line: Line
    direction: Direction
    frame: bytes

    def with_frame(self, frame: bytes) -> Line:
        """Return what becomes of both when `frame` arrives instead."""
        line = self.line.copy()
        line.ends[self.direction].hear(frame)
        return line.run()

    def is_refused_by_the_seal(self, frame: bytes) -> bool:
        """Tell whether the receiver stops before its party sees anything.

        The rest of the phase is already under way and arrives as it is.
        """
        end = self.line.ends[self.direction]
        sealed = copy.deepcopy(end.sealed)
        inbox = sealed._channel.inbox
        inbox.append(frame)
        inbox.extend(self.line.ends[self.direction.reverse].wire.outbox)
        try:
            sealed.receive(0.0)
        except SecurityAbort as abort:
            return abort.code in STOPPED
        return False


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    """Every frame of a block from hello to key, each with the line as it was."""
    line = Line.begun(make_block(error=0.0))
    found = []
    while True:
        before = line.copy()
        item = before.next()
        if item is None:
            break
        found.append(Moment(before, *item))
        direction, frame = line.next()
        line.ends[direction].hear(frame)
    assert line.alice.key == line.bob.key is not None
    return found


def flips(frame: bytes, seed: int):
    """Yield the frame with each byte changed in turn, never back to itself."""
    dice = random.Random(seed)
    for at in range(len(frame)):
        changed = bytearray(frame)
        changed[at] ^= dice.randrange(1, 256)
        yield bytes(changed)


def assert_both_stopped(line: Line) -> None:
    for end in (line.alice, line.bob):
        assert end.ended_by is not None
        assert end.party.finished
        assert end.key is None


def test_every_byte_of_every_frame(moments):
    to_the_end = 0
    for number, moment in enumerate(moments[:-1]):
        for changed in flips(moment.frame, number):
            if not moment.is_refused_by_the_seal(changed):
                to_the_end += 1
                assert_both_stopped(moment.with_frame(changed))
    assert to_the_end < 1000


def test_every_byte_of_the_last_frame_leaves_bob_without_key(moments):
    # Alice, who spoke last, holds hers; the session burns it when Bob's notice comes.
    last = moments[-1]
    assert last.direction is FORTH
    for changed in flips(last.frame, -1):
        assert last.is_refused_by_the_seal(changed)


@pytest.mark.parametrize("seed", range(3))
def test_a_random_byte_of_each_frame_stops_both(moments, seed):
    dice = random.Random(seed)
    for moment in moments[:-1]:
        changed = bytearray(moment.frame)
        changed[dice.randrange(len(changed))] ^= dice.randrange(1, 256)
        assert_both_stopped(moment.with_frame(bytes(changed)))


def test_many_random_bytes_of_a_frame_stop_both(moments):
    dice = random.Random(11)
    for moment in dice.sample(moments[:-1], 20):
        changed = bytearray(moment.frame)
        for _ in range(dice.randrange(2, 20)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        if bytes(changed) != moment.frame:
            assert_both_stopped(moment.with_frame(bytes(changed)))


def test_a_frame_that_is_cut_anywhere_stops_both(moments):
    for moment in moments[:-1]:
        for length in {0, 1, 2, 10, len(moment.frame) // 2, len(moment.frame) - 1}:
            cut = moment.frame[:length]
            if not moment.is_refused_by_the_seal(cut):
                assert_both_stopped(moment.with_frame(cut))


def test_the_block_itself_ends_in_key(moments):
    line = moments[0].with_frame(moments[0].frame)
    assert line.alice.key == line.bob.key is not None
