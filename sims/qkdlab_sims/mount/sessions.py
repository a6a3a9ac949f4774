"""Several clients at once, each with a conversation of its own."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeGuard

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.mount.exchange import Exchange

__all__ = ["HasSessions", "SessionExchange", "has_sessions"]


class HasSessions(Protocol):
    """A machine that keeps its clients' half messages and answers apart."""

    def enter(self, session: Hashable) -> None:
        """Make `session` the one that `feed`, `take` and `next_wake_ps` are about."""
        ...

    def leave(self, session: Hashable) -> None:
        """Forget a session."""
        ...


def has_sessions(machine: object) -> TypeGuard[HasSessions]:
    """Return whether a machine keeps its clients apart."""
    return callable(getattr(machine, "enter", None))


class SessionExchange(Exchange):
    """In front of a machine with sessions.

    machine:  possibly behind something that brings the surroundings up to date
    sessions: the machine itself
    """

    def __init__(self, machine: ByteMachine, sessions: HasSessions) -> None:
        super().__init__(machine)
        self._sessions = sessions

    def has_more(self) -> bool:
        """Return whether a client waits only because others have their turn."""
        return any(c.inbox and self._listens(c) for c in self.callers)

    def _serve(self, now_ps: int) -> None:
        end_ns = self._end_of_turn_ns()
        # Another one first next time: a client that floods must not starve others.
        self.callers.append(self.callers.pop(0)) if self.callers else None
        for caller in list(self.callers):
            self._sessions.enter(caller)
            if self._listens(caller):
                self._feed(caller, now_ps, end_ns)
            said = self.machine.take(now_ps)
            if said:
                caller.say(said)
            may_answer = self.machine.next_wake_ps() is not None
            if self._is_over(caller, now_ps, may_answer=may_answer):
                caller.close()
                self.callers.remove(caller)
                self._sessions.leave(caller)
            else:
                caller.update(hungry=self._listens(caller))
        if not self.callers:
            self._sessions.enter(None)
            self.machine.take(now_ps)

    def _next_event_ps(self) -> int | None:
        wakes: list[int] = []
        for caller in self.callers:
            self._sessions.enter(caller)
            wake_ps = self.machine.next_wake_ps()
            if wake_ps is not None:
                wakes.append(wake_ps)
        return min(wakes, default=None)
