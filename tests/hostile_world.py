"""Alice and Bob on a line that belongs to the adversary, session after session.

Each station is what a process of a session does with one party: it greets, seals, plays
its blocks one after the other, keeps keys as the store does, and ends for the reasons
that a session ends for. Everything is in memory and in one thread, so that the world
can be copied at any moment and go on in many ways. Nothing here knows what the
messages of a block are.

What the adversary must never reach is asked in `hostile_rules`; what he does stands in
`hostile_acts`.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from unittest.mock import patch

from hostile_moments import Moment
from hostile_rules import Broken, Watch
from link.synthetic import CONFIGURATION, INTERVALS, SMALL, Block, make_block
from link.two_ends import Wire

import qkdlab
from qkdlab.errors import (
    AbortCode,
    PeerLost,
    PeerVersionError,
    QkdlabError,
    SecurityAbort,
    UsageError,
)
from qkdlab.link import agreement
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Abort, KeyPending, KeyReady, Send
from qkdlab.link.events import BlockEnded, MessageIn, SettingsSent, Start
from qkdlab.link.events import PeerLost as PeerIsLost
from qkdlab.link.first_contact import FirstContact
from qkdlab.link.greeting import Greeting
from qkdlab.link.handshake import Handshake
from qkdlab.link.party import Party
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel, abort_notice
from qkdlab.randomness import SeededRandomness
from qkdlab.security.claim import ClaimRecord

FORTH, BACK = Direction
WAY = {"alice": FORTH, "bob": BACK}
PEER = {"alice": "bob", "bob": "alice"}
SECRET = random.Random(5).randbytes(pool_bytes(200))
TINY = replace(
    SMALL,
    n_frames=7,
    first_pulse=7 * SMALL.symbols,
    frame_bits=1024,
    epsilon_secrecy=0.9,
    verification_bits=32,
    epsilon_correctness=1e-3,
)
"""About two thousand sifted bits: the fewest that leave a key of any length."""


@contextmanager
def lengths_evaluated_once() -> Iterator[None]:
    """Remember the lengths: a pure function, and nine tenths of the time of a block."""
    by_plan, by_record = agreement.secret_length, ClaimRecord.length
    with (
        patch.object(agreement, "secret_length", _once(by_plan, lambda plan: plan)),
        patch.object(ClaimRecord, "length", _once(by_record, ClaimRecord.canonical)),
    ):
        yield


def _once(evaluate: Callable, name: Callable) -> Callable:
    """Return a function with a memory, its first argument known by its name."""
    known: dict[object, object] = {}

    def remembered(first, *others):
        key = (name(first), *map(_hashable, others))
        if key not in known:
            try:
                known[key] = evaluate(first, *others)
            except SecurityAbort as abort:
                known[key] = abort
        if isinstance(known[key], SecurityAbort):
            raise known[key]
        return known[key]

    return remembered


def _hashable(argument: object) -> object:
    return tuple(argument) if isinstance(argument, list) else argument


def tiny_block(seed: int = 2) -> Block:
    """Return a block of which a key comes, with few errors."""
    return make_block(TINY, seed=seed, error=0.002, cross=0.002, double=0.001)


@dataclass
class Makers:
    """What stations are made of; a mutant puts something else in its place."""

    party: Callable[[str, Block, int, bytes, int], Party]
    channel: type[SealedChannel] = SealedChannel
    pool: Callable[[bytes], PadPool] = PadPool.memory
    reopened: Callable[[PadPool], PadPool] = lambda pool: pool
    """What is found on disk after a crash; see test_hostile_disk for real ones."""


def make_party(
    name: str, block: Block, number: int, session: bytes, seed: int, **changes
) -> Party:
    """Return Alice or Bob for block `number` of a session."""
    make = block.alice if name == "alice" else block.bob
    return make(
        plan=replace(block.plan, block=number),
        session=session,
        randomness=SeededRandomness(seed, f"{name} {session.hex()} {number}"),
        **changes,
    )


HONEST = Makers(make_party)


@dataclass
class Station:
    """One party's process.

    bench:    what its own bench will tell it of the present block, in order
    over:     why the session has ended for it: an error, or "done"
    """

    name: str
    world: World
    pool: PadPool
    wire: Wire = field(default_factory=Wire)
    handshake: Handshake | None = None
    sealed: SealedChannel | None = None
    party: Party | None = None
    bench: deque[object] = field(default_factory=deque)
    blocks_done: int = 0
    over: QkdlabError | str | None = "not begun"

    @property
    def way(self) -> Direction:
        """The direction in which it sends."""
        return WAY[self.name]

    def boot(self) -> None:
        """Begin a session: greet. What was in memory is gone."""
        world, contact = self.world, self.world.contacts.get(self.name)
        nonce = hashlib.sha256(f"{world.seed} {world.session} {self.name}".encode())
        greeting = Greeting(
            party=self.name,
            software=qkdlab.__version__,
            experiment="bb84",
            configuration=CONFIGURATION.hex(),
            nonce=nonce.hexdigest(),
            pads=None
            if world.contacts
            else {d.value: self.pool.spent(d) for d in Direction},
            identities=contact and dict(contact.fingerprints),
        )
        self.wire, self.sealed, self.party = Wire(), None, None
        self.bench, self.blocks_done, self.over = deque(), 0, None
        pool = None if contact else self.pool
        self.handshake = Handshake(greeting, PEER[self.name], pool, contact)
        self.wire.send(self.handshake.said)

    def hear(self, frame: bytes) -> None:
        """Take one frame as it came."""
        if self.over is not None:
            return
        try:
            if self.sealed is None:
                self._greet(frame)
            else:
                self._listen(frame)
        except (SecurityAbort, PeerLost) as error:
            self._end(error)
        except (PeerVersionError, UsageError) as error:
            if self.sealed is not None:
                raise
            self._end(error)

    def sense(self) -> None:
        """Take the next event of its own bench."""
        if self.over is None and self.bench:
            self._tell(self.bench.popleft())

    def time_out(self) -> None:
        """The session waited for a message in vain."""
        if self.over is None:
            self._end(PeerLost("nothing came"))

    def die(self) -> None:
        """The process is gone; what is on disk stays."""
        self.over = "died"
        self.pool = self.world.makers.reopened(self.pool)

    def _greet(self, frame: bytes) -> None:
        assert self.handshake is not None
        answer = self.handshake.take(frame)
        if answer is not None:
            self.wire.send(answer)
        session = self.handshake.session
        if session is not None:
            self.world.watch.met(self.name)
            self.sealed = self.world.makers.channel(
                self.wire,
                direction=self.way,
                session=session,
                configuration=CONFIGURATION,
                pool=self.world.contacts.get(self.name, self.pool),
                record=partial(self.world.watch.said, self.name),
            )
            self._begin_block(session)

    def _listen(self, frame: bytes) -> None:
        assert self.sealed is not None
        self.wire.inbox.append(frame)
        while self.over is None:
            received = self.sealed.receive(0.0)
            if received is None:
                return
            self._tell(MessageIn(received.data, received.phase_verified))

    def _begin_block(self, session: bytes) -> None:
        if self.blocks_done == self.world.n_blocks:
            self.over = "done"
            return
        world, number = self.world, self.blocks_done
        world.watch.begin_block(self.name)
        block = world.block
        self.party = world.makers.party(self.name, block, number, session, world.seed)
        if self.name == "alice":
            self.bench = deque([SettingsSent(INTERVALS)])
        else:
            self.bench = deque([*block.detections, BlockEnded()])
        self._tell(Start())

    def _tell(self, event: object) -> None:
        party, watch = self.party, self.world.watch
        assert party is not None
        watch.before(self.name, party)
        for effect in party.handle(event):
            match effect:
                case Send(data, end_of_phase):
                    self._say(data, end_of_phase)
                case KeyPending(key):
                    watch.held(self.name, key)
                case KeyReady(key):
                    watch.released(self.name, key, party)
                case Abort(code, reason, numbers):
                    raise SecurityAbort(code, reason, numbers)
        watch.after(self.name, party)
        if party.finished:
            self.blocks_done += 1
            assert self.handshake is not None
            assert self.handshake.session is not None
            self._begin_block(self.handshake.session)

    def _say(self, data: bytes, end_of_phase: bool) -> None:
        assert self.sealed is not None
        before = self.pool.spent(self.way)
        self.sealed.send(data, end_of_phase)
        for index in range(before, self.pool.spent(self.way)):
            self.world.watch.spent_pad(self.name, index)

    def _end(self, error: QkdlabError) -> None:
        """End as a session does: the party wipes, the peer hears the code."""
        self.over = error
        code = AbortCode.PEER_ABORTED
        if isinstance(error, SecurityAbort):
            code = error.code
            if code is not AbortCode.PEER_ABORTED:
                self.wire.send(abort_notice(code))
        if self.party is not None and not self.party.finished:
            self.world.watch.before(self.name, self.party)
            self.party.handle(PeerIsLost(code))
            self.world.watch.after(self.name, self.party)
            if not self.party.finished:
                raise Broken(f"{self.name} does not end with {code}")


class World:
    """Both stations, the frames in flight, and all that was ever heard on the line.

    flying: frames by direction that were sent and neither delivered nor withheld
    heard:  every frame that was ever sent, of earlier sessions too
    contacts: by party, where the sessions are first contacts; pads are not used then
    """

    def __init__(
        self,
        block: Block,
        *,
        n_blocks: int,
        seed: int = 0,
        makers: Makers = HONEST,
        contacts: dict[str, FirstContact] | None = None,
    ) -> None:
        self.block = block
        self.n_blocks = n_blocks
        self.seed = seed
        self.makers = makers
        self.contacts = contacts or {}
        self.session = 0
        self.watch = Watch()
        self.heard: list[tuple[Direction, bytes]] = []
        self.flying: dict[Direction, deque[bytes]] = {}
        self.stations = {name: Station(name, self, makers.pool(SECRET)) for name in WAY}

    def moment(self) -> Moment:
        """Return the world as it is, to go on from as often as one likes."""
        return Moment.of(self, self.block, self.makers, *self.contacts.values())

    def begin(self) -> None:
        """Begin a new session: both processes start."""
        self.session += 1
        self.flying = {way: deque() for way in Direction}
        self.watch.begin_session()
        for station in self.stations.values():
            station.boot()
        self._collect()

    def restart(self, name: str) -> None:
        """Begin one process anew; the other may not have noticed."""
        self.session += 1
        self.flying[WAY[name]].clear()
        self.watch.began(name)
        self.act(Station.boot, name)

    def deliver(self, way: Direction, frame: bytes) -> None:
        """Hand a frame to whoever receives in direction `way`."""
        station = self.stations[way.reverse.sender]
        if station.over is None:
            self.watch.delivered(way, frame)
        station.hear(frame)
        self._collect()

    def act(self, what: Callable[[Station], None], name: str) -> None:
        """Let something happen to a station."""
        what(self.stations[name])
        self._collect()

    def moves(self) -> list[tuple[str, Direction | str]]:
        """Return all that can happen honestly."""
        found: list[tuple[str, Direction | str]] = [
            ("deliver", way) for way in Direction if self.flying[way]
        ]
        found += [
            ("sense", name)
            for name, station in self.stations.items()
            if station.over is None and station.bench and not self._is_too_early(name)
        ]
        return found

    def _is_too_early(self, name: str) -> bool:
        """Tell whether what a bench would say next cannot be: light takes its time."""
        alice, station = self.stations["alice"], self.stations[name]
        if alice.over is not None or not isinstance(station.bench[0], BlockEnded):
            return False
        behind = station.blocks_done - alice.blocks_done
        return behind > 0 or (behind == 0 and bool(alice.bench or not alice.party))

    def move(self, move: tuple[str, Direction | str]) -> None:
        """Let one honest thing happen."""
        what, who = move
        if what == "deliver":
            self.deliver(Direction(who), self.flying[Direction(who)].popleft())
        else:
            self.act(Station.sense, str(who))

    def run(self, dice: random.Random) -> None:
        """Go on honestly until nothing moves."""
        while moves := self.moves():
            self.move(dice.choice(moves))

    def settle(self) -> None:
        """Time-outs for all that wait; nobody waits for what was not withheld."""
        stations = self.stations.values()
        waiting = [s for s in stations if s.over is None]
        # who ends with an error closes the line, and the peer sees that
        has_closed = any(s.over not in (None, "done") for s in stations)
        if waiting and not (self.watch.withheld or has_closed):
            names = ", ".join(station.name for station in waiting)
            raise Broken(f"deadlock: {names}, with nothing withheld")
        for station in waiting:
            self.act(Station.time_out, station.name)
            if station.over is None:
                raise Broken(f"{station.name} does not end when its time is out")

    def is_untouched(self) -> bool:
        """Tell whether the adversary has done nothing in this session."""
        return not self.watch.withheld and not any(self.watch.tainted.values())

    def _collect(self) -> None:
        for station in self.stations.values():
            while station.wire.outbox:
                frame = station.wire.outbox.popleft()
                self.flying[station.way].append(frame)
                self.heard.append((station.way, frame))
                self.watch.sent(station.way, frame)
            for way in Direction:
                self.watch.counter(station.name, way, station.pool.spent(way))
