"""Both parties behind sealed channels on a line that can be stopped, copied and cut.

Everything is deterministic and lives in one thread: a copy of it goes on exactly as the
original would, so a change can be tried at any point without playing what was before.
"""

from __future__ import annotations

import copy
import random
from collections import deque
from dataclasses import dataclass, field

from link.synthetic import CONFIGURATION, INTERVALS, SESSION, Block

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Abort, KeyReady, Send
from qkdlab.link.events import BlockEnded, MessageIn, SettingsSent, Start
from qkdlab.link.events import PeerLost as PeerIsLost
from qkdlab.link.party import Party
from qkdlab.link.pool import PadPool, pool_bytes
from qkdlab.link.seal import SealedChannel

FORTH, BACK = Direction
SECRET = random.Random(5).randbytes(pool_bytes(40))


@dataclass
class Wire:
    """One end of the line: what has arrived, and what is on its way out."""

    inbox: deque[bytes] = field(default_factory=deque)
    outbox: deque[bytes] = field(default_factory=deque)

    def send(self, data: bytes) -> None:
        self.outbox.append(bytes(data))

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        return self.inbox.popleft() if self.inbox else None

    def close(self) -> None:
        pass


@dataclass
class End:
    """A party with its sealed channel; does what a session's driver does."""

    party: Party
    sealed: SealedChannel
    wire: Wire
    key: object = None
    ended_by: AbortCode | None = None

    def tell(self, event) -> None:
        for effect in self.party.handle(event):
            match effect:
                case Send(data, end_of_phase):
                    self.sealed.send(data, end_of_phase)
                case KeyReady(key):
                    self.key = key
                case Abort(code):
                    self.leave(code)

    def leave(self, code: AbortCode) -> None:
        self.ended_by = code
        if code is not AbortCode.PEER_ABORTED:
            self.sealed.abort(code)

    def hear(self, frame: bytes) -> None:
        """Take one frame as it came."""
        if self.ended_by is not None:
            return
        self.wire.inbox.append(frame)
        try:
            while (received := self.sealed.receive(0.0)) is not None:
                self.tell(MessageIn(received.data, received.phase_verified))
                if self.ended_by is not None:
                    return
        except SecurityAbort as abort:
            self.party.handle(PeerIsLost(abort.code))
            self.leave(abort.code)


def _end(party: Party, direction: Direction) -> End:
    wire = Wire()
    sealed = SealedChannel(
        wire,
        direction=direction,
        session=SESSION,
        configuration=CONFIGURATION,
        pool=PadPool.memory(SECRET),
    )
    return End(party, sealed, wire)


@dataclass
class Line:
    """Alice, Bob, and the frames between them, delivered one by one."""

    ends: dict[Direction, End] = field(default_factory=dict)
    """The receiving end of each direction."""

    @classmethod
    def begun(cls, block: Block) -> Line:
        """Return a line on which both have done all that needs no answer."""
        alice, bob = _end(block.alice(), FORTH), _end(block.bob(), BACK)
        line = cls({FORTH: bob, BACK: alice})
        alice.tell(Start())
        bob.tell(Start())
        for part in block.detections:
            bob.tell(part)
        bob.tell(BlockEnded())
        alice.tell(SettingsSent(INTERVALS))
        return line

    @property
    def alice(self) -> End:
        return self.ends[BACK]

    @property
    def bob(self) -> End:
        return self.ends[FORTH]

    def next(self) -> tuple[Direction, bytes] | None:
        """Take the next frame off the line."""
        for direction, end in ((FORTH, self.alice), (BACK, self.bob)):
            if end.wire.outbox:
                return direction, end.wire.outbox.popleft()
        return None

    def run(self) -> Line:
        """Deliver everything until nobody says anything more."""
        while (item := self.next()) is not None:
            direction, frame = item
            self.ends[direction].hear(frame)
        return self

    def copy(self) -> Line:
        return copy.deepcopy(self)


__all__ = ["BACK", "FORTH", "End", "Line"]
