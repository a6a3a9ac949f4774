"""A party as a state machine without input or output: events in, effects out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.codec import Message, decode, protocol_violation
from qkdlab.link.context import BlockContext
from qkdlab.link.effects import Abort, Effect, KeyBlock, KeyReady
from qkdlab.link.events import Alarm, Event, MessageIn, PeerLost
from qkdlab.link.ledger import LeakLedger
from qkdlab.link.messages import Done

__all__ = ["AwaitingDone", "BlockParty", "Deciding", "Ended", "Party", "State", "Step"]


class Party(Protocol):
    """What a session drives: Alice or Bob, for one block."""

    @property
    def finished(self) -> bool:
        """True when the block has ended, with or without key."""
        ...

    def handle(self, event: Event) -> list[Effect]:
        """Take an event; return what must be done, in this order."""
        ...

    def figures(self) -> dict[str, Any]:
        """Return the public figures known so far, JSON-able."""
        ...


class State:
    """One phase of one party.

    A phase offers what is allowed in it and nothing else: each kind of disclosure is a
    method of the one class that may make it, and an object of that class comes only
    from the transition that earns it (SECURITY rule 3).
    """

    def __repr__(self) -> str:
        return type(self).__name__

    def receive(self, message: Message) -> Step:
        """Take a message whose phase is verified, or an interactive one."""
        raise protocol_violation()

    def observe(self, event: Event) -> Step:
        """Take an event of the party's own bench."""
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION, "an event came out of its order"
        )


@dataclass(frozen=True)
class Step:
    """A transition: the next phase, and what to do first."""

    state: State
    effects: tuple[Effect, ...] = ()


class Deciding(State, ABC):
    """A phase that needs no event: it decides by what both parties know by now.

    What the step before says leaves even when the decision is to abort, so that both
    parties come to the same decision by themselves.
    """

    @abstractmethod
    def decide(self) -> Step:
        """Return the transition, or raise SecurityAbort."""


class Ended(State):
    """The block is over."""


@dataclass(repr=False)
class AwaitingDone(State):
    """Holds a key that is pending until the peer has said that he holds it, too.

    answers: whether this party has yet to say so itself
    """

    context: BlockContext
    key: KeyBlock
    answers: bool

    def receive(self, message: Message) -> Step:
        """Take the peer's verified end and confirm."""
        if not isinstance(message, Done):
            return super().receive(message)
        if message.key_id != self.key.key_id:
            raise protocol_violation()
        ready = KeyReady(self.key)
        if not self.answers:
            return Step(Ended(), (ready,))
        return Step(Ended(), (self.context.say(Done(self.key.key_id)), ready))


class BlockParty:
    """Runs the phases of one party; the common shell of Alice and Bob.

    Unverified messages reach only phases that asked for interactive ones. Whatever goes
    wrong ends the block: all secret buffers are overwritten and one Abort comes out.
    """

    def __init__(self, context: BlockContext, first: State) -> None:
        self._context = context
        self._state = first

    @property
    def finished(self) -> bool:
        """True when the block has ended, with or without key."""
        return isinstance(self._state, Ended)

    @property
    def phase(self) -> str:
        """Name of the present phase, for people and tests."""
        return type(self._state).__name__

    @property
    def ledger(self) -> LeakLedger:
        """What the messages of the block have disclosed so far."""
        return self._context.ledger

    def handle(self, event: Event) -> list[Effect]:
        """Take an event; return what must be done, in this order.

        After the end every event is ignored.
        """
        if self.finished:
            return []
        done: list[Effect] = []
        try:
            step = self._dispatch(event)
            self._state = step.state
            done.extend(step.effects)
            while isinstance(self._state, Deciding):
                step = self._state.decide()
                self._state = step.state
                done.extend(step.effects)
        except SecurityAbort as abort:
            done.append(self._abort(abort))
        except BaseException:
            self._state = Ended()
            self._context.wipe()
            raise
        if self.finished:
            self._context.wipe()
        return done

    def figures(self) -> dict[str, Any]:
        """Return the public figures known so far, JSON-able."""
        return dict(self._context.report)

    def _dispatch(self, event: Event) -> Step:
        if isinstance(event, MessageIn):
            message = decode(event.data)
            if not (event.phase_verified or message.INTERACTIVE):
                raise protocol_violation()
            self._context.ledger.record(self._context.direction.reverse, message)
            return self._state.receive(message)
        if isinstance(event, PeerLost):
            raise SecurityAbort(event.code, "the other party went away")
        if isinstance(event, Alarm):
            raise SecurityAbort(event.code, event.reason, dict(event.numbers))
        return self._state.observe(event)

    def _abort(self, abort: SecurityAbort) -> Abort:
        self._state = Ended()
        self._context.report["aborted"] = abort.fields()
        return Abort(abort.code, abort.reason, dict(abort.numbers))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.phase})"
