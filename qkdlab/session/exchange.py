"""Two sans-IO parties in one thread: no clock, no pads, nothing to wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qkdlab.errors import AbortCode, SecurityAbort, VerifyError
from qkdlab.link.effects import Abort, Effect, KeyBlock, KeyReady, Send
from qkdlab.link.events import Alarm, Event, MessageIn, PeerLost, Start
from qkdlab.link.messages import is_interactive

if TYPE_CHECKING:
    from qkdlab.link.party import Party

__all__ = ["Side", "exchange"]


@dataclass
class Side:
    """One party of an exchange and what came of it.

    events:  what it is told beside messages, in order
    said:    its messages
    key:     the key that it ended with
    aborted: why it ended without
    """

    party: Party
    events: Iterator[Event]
    said: list[bytes] = field(default_factory=list, repr=False)
    key: KeyBlock | None = None
    aborted: SecurityAbort | None = None
    _inbox: deque[MessageIn] = field(default_factory=deque, repr=False)
    _open: list[bytes] = field(default_factory=list, repr=False)

    def tell(self, event: Event, peer: Side) -> None:
        """Give the party an event; carry out what it asks for."""
        for effect in self.party.handle(event):
            self._execute(effect, peer)

    def step(self, peer: Side) -> bool:
        """Deliver what has arrived, then the next event; False when nothing moved."""
        moved = False
        while self._inbox and not self.party.finished:
            self.tell(self._inbox.popleft(), peer)
            moved = True
        if self.party.finished:
            return moved
        try:
            event = next(self.events, None)
        except SecurityAbort as abort:
            numbers = tuple(abort.numbers.items())
            event = Alarm(abort.code, abort.reason, numbers)
        if event is not None:
            self.tell(event, peer)
        return moved or event is not None

    def _execute(self, effect: Effect, peer: Side) -> None:
        match effect:
            case Send(data, end_of_phase):
                self.said.append(data)
                self._pass_on(data, end_of_phase, peer)
            case KeyReady(key):
                self.key = key
            case Abort(code, reason, numbers):
                self.aborted = SecurityAbort(code, reason, numbers)

    def _pass_on(self, data: bytes, end_of_phase: bool, peer: Side) -> None:
        """Deliver as a sealed channel does: a phase with its end, or an answer at once.

        See `qkdlab.link.seal.SealedChannel`.
        """
        if end_of_phase:
            phase = [*self._open, data]
            peer._inbox.extend(MessageIn(said, True) for said in phase)
            self._open = []
        elif is_interactive(data) and not self._open:
            peer._inbox.append(MessageIn(data, False))
        else:
            self._open.append(data)


def exchange(one: Side, other: Side) -> None:
    """Run both parties to their ends.

    Raises VerifyError when each waits for the other.
    """
    one.tell(Start(), other)
    other.tell(Start(), one)
    while not (one.party.finished and other.party.finished):
        moved = one.step(other) | other.step(one)
        for side, peer in ((one, other), (other, one)):
            if not moved and peer.aborted is not None and not side.party.finished:
                side.tell(PeerLost(AbortCode.PEER_ABORTED), peer)
                moved = True
        if not moved:
            raise VerifyError("the parties wait for each other: the record is cut")
