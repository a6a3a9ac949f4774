"""Run a sans-IO party: events in, effects out, strictly in order (SECURITY rule 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qkdlab.errors import AbortCode, PeerLost, ResourceError, SecurityAbort
from qkdlab.link.effects import (
    Abort,
    Commit,
    Effect,
    KeyPending,
    KeyReady,
    Progress,
    Send,
)
from qkdlab.link.events import Alarm, Event, MessageIn, Start
from qkdlab.link.events import PeerLost as PeerIsLost

if TYPE_CHECKING:
    from qkdlab.link.effects import KeyBlock
    from qkdlab.link.party import Party
    from qkdlab.link.seal import SealedChannel
    from qkdlab.progress import Report

__all__ = ["Driver", "Keys"]


class Keys(Protocol):
    """Keeps the key of a block; each call is on disk when it returns."""

    def hold(self, key: KeyBlock) -> None:
        """Keep a key as pending."""
        ...

    def confirm(self, key: KeyBlock) -> None:
        """Take a key that is held as one that both parties hold."""
        ...

    def give_up(self) -> None:
        """Burn what is held and not confirmed."""
        ...


@dataclass
class Driver:
    """Executes the effects of a party on its surroundings.

    channel:   the sealed channel to the peer
    commit:    writes a record to the journal and returns when it is safe on disk
    keys:      keeps the key of the block
    progress:  for people
    patience_s: of the clock; without a message for so long the peer is lost
    """

    channel: SealedChannel
    commit: Callable[[Commit], None]
    keys: Keys
    progress: Report
    patience_s: float
    _has_left: bool = False

    def run(self, party: Party, events: Iterable[Event] = ()) -> None:
        """Start `party`, give it `events`, then messages until it is finished.

        What it says at the start is answered first. `events` may take its time to make
        each event (read tags, wait); messages that have arrived meanwhile are delivered
        after it. What it raises as SecurityAbort reaches the party as an alarm.
        Whatever else ends the run before the party is finished (a lost or unauthentic
        peer, a full disk, a signal) reaches the party too, so that it overwrites its
        secrets.

        A key that is not confirmed is burned with an abort; else it stays pending.

        Raises SecurityAbort when the block ends without key, PeerLost.
        """
        try:
            self._talk(party, events)
        except BaseException as error:
            _end(party, error)
            if isinstance(error, SecurityAbort):
                self._give_up_key(error)
            raise

    def _give_up_key(self, abort: SecurityAbort) -> None:
        """Burn what is not confirmed; a failure must not hide the abort."""
        try:
            self.keys.give_up()
        except ResourceError as failure:
            abort.add_note(str(failure))

    def _talk(self, party: Party, events: Iterable[Event]) -> None:
        if self._tell(party, Start()) and not party.finished:
            self._deliver_in_time(party)
        remaining = iter(events)
        while not party.finished:
            try:
                event = next(remaining, None)
            except SecurityAbort as abort:
                with suppress(SecurityAbort):
                    self._tell(party, Alarm(abort.code, abort.reason, _pairs(abort)))
                raise
            if event is None:
                break
            self._tell(party, event)
            while not party.finished and self._deliver(party, timeout_s=0.0):
                pass
        while not party.finished:
            self._deliver_in_time(party)

    def _deliver_in_time(self, party: Party) -> None:
        if not self._deliver(party, timeout_s=self.patience_s):
            raise PeerLost(f"the other party said nothing for {self.patience_s:g} s")

    def _deliver(self, party: Party, timeout_s: float) -> bool:
        received = self.channel.receive(timeout_s)
        if received is None:
            return False
        self._tell(party, MessageIn(received.data, received.phase_verified))
        return True

    def _tell(self, party: Party, event: Event) -> bool:
        """Execute what `party` makes of an event; tell whether it ended a phase."""
        effects = party.handle(event)
        for effect in effects:
            self._execute(effect)
        return any(isinstance(e, Send) and e.end_of_phase for e in effects)

    def _execute(self, effect: Effect) -> None:
        match effect:
            case Commit():
                self.commit(effect)
            case Send(data, end_of_phase):
                self.channel.send(data, end_of_phase)
            case KeyPending(key):
                self.keys.hold(key)
            case KeyReady(key):
                self.keys.confirm(key)
            case Progress(what, done, total):
                self.progress(what, done, total)
            case Abort(code, reason, numbers):
                abort = SecurityAbort(code, reason, numbers)
                self.leave(abort)
                raise abort

    def stay(self) -> None:
        """Go on after a block that was left."""
        self._has_left = False

    def leave(self, abort: SecurityAbort) -> None:
        """Tell the peer the code of `abort`, once, and nothing else.

        The code of an abort that came from the peer is not sent back.
        """
        if self._has_left or abort.code is AbortCode.PEER_ABORTED:
            return
        self._has_left = True
        try:
            self.channel.abort(abort.code)
        except PeerLost:
            abort.add_note("the other party could not be told")


def _end(party: Party, error: BaseException) -> None:
    """Make a party that cannot go on wipe its block; what it would say is left unsaid.

    A failure in here must not hide the error that came first.
    """
    if party.finished:
        return
    code = AbortCode.PEER_ABORTED
    if isinstance(error, SecurityAbort):
        code = error.code
    with suppress(Exception):
        party.handle(PeerIsLost(code))


def _pairs(abort: SecurityAbort) -> tuple[tuple[str, float | int | str], ...]:
    return tuple(abort.numbers.items())
