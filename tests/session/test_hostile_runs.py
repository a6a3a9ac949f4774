"""Whole runs of several blocks, from greeting to last word, on a hostile line.

Driver, conversation, blocks and ends are those of a session; the clock is virtual, so a
wait costs nothing; only files are missing. Two processes begin anew after every run, on
the same pools, and whoever owns the line has heard all runs before.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from hostile_rules import Broken
from hostile_world import HONEST, SECRET, lengths_evaluated_once, tiny_block
from link.synthetic import CONFIGURATION, INTERVALS

import qkdlab.session.one as one
from qkdlab.clock import VirtualClock
from qkdlab.errors import AbortCode, QkdlabError, SecurityAbort
from qkdlab.link.channel import MemoryChannel
from qkdlab.link.direction import Direction
from qkdlab.link.events import BlockEnded, SettingsSent
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake, greet
from qkdlab.link.pool import PadPool
from qkdlab.link.seal import SealedChannel, abort_notice
from qkdlab.session.blocks import run_blocks
from qkdlab.session.conversation import Conversation
from qkdlab.session.drive import Driver
from qkdlab.session.experiment import PartyResult
from qkdlab.session.files import PartyFiles
from qkdlab.session.party import PartySession

WAYS = dict(zip(("alice", "bob"), Direction, strict=True))
PEER = {"alice": "bob", "bob": "alice"}
N_BLOCKS = 3
BLOCK = tiny_block()
BLOCK = replace(BLOCK, plan=replace(BLOCK.plan, key_class="secure"))
"""Keys of class lab would be burned as soon as they are there."""


class Died(BaseException):
    """The process was killed."""


@dataclass
class Line:
    """What the adversary does: one act, at one frame of one of the runs.

    at: frames that pass before he acts; heard: all frames of all runs
    """

    dice: random.Random
    at: int
    act: str | None = None
    heard: list[bytes] = field(default_factory=list)
    dead: str | None = None
    done: str | None = None
    silent: bool = False
    late: bytes | None = None

    def pass_on(self, party: str, data: bytes) -> list[bytes]:
        """Return what arrives when `party` says `data`."""
        self.heard.append(data)
        self.at -= 1
        late, self.late = self.late, None
        if self.silent:
            return []
        if self.at == 0:
            self.done = self.act or self.dice.choice(ACTS)
            return getattr(self, self.done)(party, data)
        return [data] if late is None else [data, late]

    def drop(self, party, data):
        return []

    def silence(self, party, data):
        self.silent = True
        return []

    def duplicate(self, party, data):
        return [data, data]

    def delay(self, party, data):
        self.late = data
        return []

    def cut(self, party, data):
        return [data[: self.dice.randrange(1, len(data))]]

    def flip(self, party, data):
        changed = bytearray(data)
        changed[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
        return [bytes(changed)]

    def replay(self, party, data):
        return [self.dice.choice(self.heard), data]

    def instead(self, party, data):
        return [self.dice.choice(self.heard)]

    def notice(self, party, data):
        return [abort_notice(self.dice.choice(list(AbortCode))), data]

    def die(self, party, data):
        self.dead = party
        raise Died


ACTS = ["drop", "silence", "duplicate", "delay", "cut", "flip", "replay", "instead",
        "notice", "die"]  # fmt: skip


class HostileEnd:
    """One end of the line."""

    def __init__(self, party: str, end: MemoryChannel, line: Line) -> None:
        self.party, self.end, self.line = party, end, line

    def send(self, data):
        for each in self.line.pass_on(self.party, bytes(data)):
            self.end.send(each)

    def receive(self, timeout_s=None):
        return self.end.receive(timeout_s)

    def close(self):
        self.end.close()


class Store:
    """Keys by id: `PartyFiles` without a disk."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}

    def put(self, key_id, bits, key_class):
        self.state[key_id] = "pending"

    def advance(self, key_id, state):
        self.state[key_id] = state.value

    def get(self, key_id):
        return SimpleNamespace(state=self.state[key_id])


class Files(PartyFiles):
    def __init__(self) -> None:
        self.store, self.keys, self._held = Store(), [], None
        self._are_settled, self._is_secure = False, True
        self.journal = SimpleNamespace(append=lambda *_, **__: None)
        self.bits: dict[str, bytes] = {}

    def hold(self, key):
        super().hold(key)
        self.bits[key.key_id] = key.bits.to_bytes()


class Process(PartySession):
    """A party's process: what `play_one` does, without its instruments."""

    def __init__(self, party, run, pool, clock, end):
        self.party, self._run, self._pool = party, run, pool
        self._clock, self._end = clock, end
        self._files = Files()
        self.over: object = None

    def confirm(self, key):
        theirs = self.peer._files.bits.get(key.key_id)
        if theirs != key.bits.to_bytes():
            raise Broken(f"{self.party} releases a key that the other does not hold")
        self._files.confirm(key)

    def play(self):
        try:
            self._play()
            self.over = "done"
        except (QkdlabError, Died) as error:
            self.over = error
            if isinstance(error, SecurityAbort):
                self.give_up_keys(error)
        finally:
            self._end.close()

    def _play(self):
        nonce = f"{self._run} {self.party}".encode().hex().zfill(64)
        pads = {way.value: self._pool.spent(way) for way in Direction}
        greeting = replace(
            Greeting.of(self.party, "bb84", "c0ffee", self._pool),
            nonce=nonce,
            pads=pads,
        )
        session = greet(
            self._end, Handshake(greeting, PEER[self.party], self._pool), 30.0
        )
        self._channel = SealedChannel(
            self._end,
            direction=WAYS[self.party],
            session=session,
            configuration=CONFIGURATION,
            pool=self._pool,
        )
        driver = Driver(
            self._channel, self._files.commit, self, lambda *_: None, patience_s=600.0
        )
        ids = {"session": session, "configuration": CONFIGURATION}
        self.conversation = Conversation(driver, **ids, key_class="secure")
        recorder = SimpleNamespace(begin_block=lambda n: None, end_block=lambda f: None)
        context = SimpleNamespace(conversation=self.conversation, recorder=recorder)
        one._authenticate(self)
        try:
            one._to_the_end(self._program, self)(context)
        except SecurityAbort as abort:
            self.conversation.leave(abort)
            raise

    def _program(self, context) -> PartyResult:
        return run_blocks(
            context,
            N_BLOCKS,
            self._block,
            go_dark=lambda: None,
            between_blocks=self._between,
        )

    def _between(self, context, report):
        if self.party == "alice":
            self.conversation.send("next", block=report.block)
        else:
            self.conversation.receive("next")

    def _block(self, number: int):
        session = self.conversation.session
        party = HONEST.party(self.party, BLOCK, number, session, 3)
        if self.party == "alice":
            events = [SettingsSent(INTERVALS)]
        else:
            self._clock.sleep_until(self._clock.now_ps() + 10**12)
            events = [*BLOCK.detections, BlockEnded()]
        self.conversation.drive(party, events)


def play(
    case: int, runs: int = 2, at: int | None = None, act: str | None = None
) -> tuple[Line, list[dict[str, Process]]]:
    """Play a case; return the line and both processes of each run.

    at, act: when the adversary acts, and what he does; by the case's dice when None
    """
    dice = random.Random(case)
    line = Line(dice, dice.randrange(1, 280) if at is None else at, act)
    pools = {party: PadPool.memory(SECRET) for party in WAYS}
    played = []
    try:
        for run in range(runs):
            clock = VirtualClock()
            line.silent, line.late = False, None
            ends = MemoryChannel.pair(clock)
            both = {
                party: Process(
                    party, run, pools[party], clock, HostileEnd(party, end, line)
                )
                for party, end in zip(WAYS, ends, strict=True)
            }
            for party, process in both.items():
                process.peer = both[PEER[party]]
                clock.spawn(party, process.play)
            was_quiet = line.done is not None
            clock.run()
            judge(both, line.done is None or was_quiet)
            played.append(both)
    except BaseException as error:
        error.add_note(f"hostile run {case}")
        raise
    return line, played


def judge(both: dict[str, Process], is_undisturbed: bool) -> None:
    """Raise Broken when a run ended as none must."""
    for party, process in both.items():
        if process.over is None:
            raise Broken(f"{party} does not end")
        if is_undisturbed and process.over != "done":
            raise Broken(f"{party} ends with {process.over!r} undisturbed")
    states = {party: process._files.store.state for party, process in both.items()}
    # a key is settled once either party holds a later one
    ids = list(max(states.values(), key=len))
    for key_id in ids[:-1]:
        if any(state.get(key_id) != "confirmed" for state in states.values()):
            raise Broken("a key that was settled is not kept by both")


@pytest.fixture(scope="module", autouse=True)
def quick():
    with lengths_evaluated_once():
        yield


@pytest.fixture(scope="module")
def frames() -> int:
    """How many frames a run has that nobody disturbs."""
    line, _ = play(0, runs=1, at=-1)
    return len(line.heard)


def test_runs_that_nobody_disturbs_give_all_keys():
    _, played = play(0, runs=3, at=-1)
    for both in played:
        for process in both.values():
            assert list(process._files.store.state.values()) == ["confirmed"] * 3


@pytest.mark.timeout(900)
def test_hostile_runs():
    acts = {play(case)[0].done for case in range(1, 41)}
    assert len(acts) > 6


@pytest.mark.timeout(900)
@pytest.mark.parametrize("act", ["flip", "notice", "drop"])
def test_the_last_words_take_the_newest_key_alone(act, frames):
    for at in range(frames - 6, frames + 1):
        _, (both,) = play(1, runs=1, at=at, act=act)
        for process in both.values():
            settled = list(process._files.store.state.values())[: N_BLOCKS - 1]
            assert settled == ["confirmed"] * (N_BLOCKS - 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_at_any_frame(act, frames):
    for at in range(1, frames + 1, 2):
        play(at, runs=1, at=at, act=act)
