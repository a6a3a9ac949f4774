"""The hostile line finds the parties that would lose on it, each of one kind."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hostile_acts import play, timeline
from hostile_rules import Broken, Watch
from hostile_world import (
    HONEST,
    World,
    lengths_evaluated_once,
    make_party,
    tiny_block,
)

from qkdlab.distill import authenticate
from qkdlab.errors import SecurityAbort
from qkdlab.link.direction import Direction
from qkdlab.link.effects import KeyPending, KeyReady
from qkdlab.link.ledger import LeakLedger
from qkdlab.link.pool import PadPool
from qkdlab.link.seal import SealedChannel

CASES = 1500


class ForgetfulPool(PadPool):
    """Marks pads on disk only when two are spent: a crash gives one back."""

    def _advance(self, direction, end):
        first = self._next[direction]
        self._next[direction] = end
        if end % 2 == 0 or end > first + 1:
            self.__dict__.setdefault("on_disk", {})[direction] = end

    def reopened(self):
        found = self.__dict__.get("on_disk", {})
        self._next = {way: found.get(way, 0) for way in Direction}
        return self


class Hasty:
    """Releases its key as soon as it has one."""

    def __init__(self, party):
        self._party = party

    def handle(self, event):
        found = []
        for effect in self._party.handle(event):
            found.append(effect)
            if isinstance(effect, KeyPending):
                found.append(KeyReady(effect.key))
        return [e for n, e in enumerate(found) if e not in found[:n]]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._party, name)


class Generous(LeakLedger):
    """Forgets to charge now and then, at both parties alike."""

    def record(self, direction, message):
        super().record(direction, message)
        if len(self.entries) == 5:
            self.entries.pop()


def uncharged(*arguments):
    party = make_party(*arguments)
    party._context.ledger = Generous()
    return party


def nothing() -> None:
    """Wipe nothing."""


def unwiped(*arguments):
    party = make_party(*arguments)
    party._context.__dict__["wipe"] = nothing
    return party


def same(secret):
    """List nothing for overwriting."""
    return secret


def unlisted(*arguments):
    party = make_party(*arguments)
    party._context.__dict__["guard"] = same
    return party


class Deaf(SealedChannel):
    """Takes what does not belong here for a reason to wait for something better."""

    def receive(self, timeout_s=None):
        try:
            return super().receive(timeout_s)
        except SecurityAbort as abort:
            if "peer_code" in abort.numbers:
                raise
            return None


MUTANTS = {
    "a pad used twice after a crash": (
        replace(HONEST, pool=ForgetfulPool.memory, reopened=ForgetfulPool.reopened),
        "covers two messages",
    ),
    "a key released before the final tag": (
        replace(HONEST, party=lambda *which: Hasty(make_party(*which))),
        "releases a key that",
    ),
    "a disclosure that is not charged": (
        replace(HONEST, party=uncharged),
        "were disclosed",
    ),
    "a wait for ever after a duplicate": (replace(HONEST, channel=Deaf), "deadlock"),
    "secrets left in memory": (replace(HONEST, party=unwiped), "left secrets"),
    "secrets that no list names": (replace(HONEST, party=unlisted), "left secrets"),
}


def complaints(makers):
    """Yield what the rules say of a mutant, case by case."""
    try:
        moments = timeline(World(tiny_block(), n_blocks=2, makers=makers), seed=1)
    except Broken as broken:
        yield str(broken)
        return
    for case in range(CASES):
        dice = random.Random(case)
        try:
            play(dice.choice(moments).copy(), dice, more=dice.random() < 0.1)
        except Broken as broken:
            yield str(broken)


@pytest.mark.parametrize("kind", MUTANTS)
def test_a_mutant_is_caught(kind, monkeypatch):
    makers, words = MUTANTS[kind]
    # that a count goes back is seen first; here the reuse itself has to be
    monkeypatch.setattr(Watch, "counter", lambda *_: None)
    with lengths_evaluated_once():
        assert any(words in complaint for complaint in complaints(makers))


def test_a_count_that_goes_back_is_caught():
    makers, _ = MUTANTS["a pad used twice after a crash"]
    with lengths_evaluated_once():
        assert any("takes back pads" in complaint for complaint in complaints(makers))


def test_a_seal_that_checks_no_tag_is_caught(monkeypatch):
    monkeypatch.setattr(authenticate, "check", lambda *_: True)
    with lengths_evaluated_once():
        assert any("after tampering" in complaint for complaint in complaints(HONEST))
