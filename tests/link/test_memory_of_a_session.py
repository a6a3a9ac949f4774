"""Nothing grows with the run: block after block takes the same memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import median

import pytest
from hostile_world import tiny_block
from link.synthetic import CONFIGURATION, INTERVALS, SESSION
from link.two_ends import BACK, FORTH, End, Line, Wire

from qkdlab.link import agreement
from qkdlab.link.effects import Commit
from qkdlab.link.events import BlockEnded, SettingsSent, Start
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel
from qkdlab.session.journal import Journal

N_BLOCKS = 10
SECRET = bytes(pool_bytes(20 * N_BLOCKS))


class Journalled:
    """A party whose commits are in a journal before anything leaves.

    Its records are as long as those of blocks sixteen times as long.
    """

    def __init__(self, party, journal):
        self._party, self._journal = party, journal

    def handle(self, event):
        effects = self._party.handle(event)
        for effect in effects:
            if isinstance(effect, Commit):
                self._journal.append(effect.label, 16 * effect.secret, secret=True)
        return effects


def play(block, number, ends) -> None:
    """Play a block over channels that live as long as the session."""
    plan = replace(block.plan, block=number)
    alice = End(Journalled(block.alice(plan=plan), ends[FORTH][2]), *ends[FORTH][:2])
    bob = End(Journalled(block.bob(plan=plan), ends[BACK][2]), *ends[BACK][:2])
    line = Line({FORTH: bob, BACK: alice})
    alice.tell(Start())
    bob.tell(Start())
    for part in block.detections:
        bob.tell(part)
    bob.tell(BlockEnded())
    alice.tell(SettingsSent(INTERVALS))
    line.run()
    assert alice.key == bob.key is not None


@pytest.fixture
def said():
    """How many bytes were sent or heard; a counter, that does not grow itself."""
    return Counter()


@pytest.fixture
def ends(tmp_path, said):
    """Channel, wire and journal of each direction's sender."""
    made = {}
    for way in (FORTH, BACK):
        wire = Wire()
        sealed = SealedChannel(
            wire,
            direction=way,
            session=SESSION,
            configuration=CONFIGURATION,
            pool=PadPool.memory(SECRET),
            record=lambda _, data: said.update(bytes=len(data)),
        )
        made[way] = (sealed, wire, Journal(tmp_path / way.value))
    yield made
    for *_, journal in made.values():
        journal.close()


@pytest.fixture
def one_length(monkeypatch):
    """All blocks have the length of the first: a test's memory of lengths grows."""
    known = []
    evaluate = agreement.secret_length

    def remembered(*arguments):
        if not known:
            known.append(evaluate(*arguments))
        return known[0]

    monkeypatch.setattr(agreement, "secret_length", remembered)


@pytest.mark.usefixtures("one_length")
def test_the_last_block_takes_no_more_memory_than_the_third(ends, said):
    block = tiny_block()
    left, peaks = [], []
    play(block, 0, ends)
    said.clear()
    tracemalloc.start()
    try:
        for number in range(1, N_BLOCKS):
            tracemalloc.reset_peak()
            play(block, number, ends)
            peaks.append(tracemalloc.get_traced_memory()[1])
            gc.collect()
            left.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # who keeps what it says, or hears, keeps half of this or more of every block; what
    # other tests left behind may come or go once
    a_block = said["bytes"] / (N_BLOCKS - 1)
    for told in (left, peaks):
        assert median(b - a for a, b in pairwise(told[2:])) < a_block / 10
