"""In front of a byte machine: who may speak to it, and who hears its answers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeGuard

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.mount.caller import Caller
from qkdlab_sims.mount.line import LineDropped

__all__ = ["Exchange", "HangsUp", "hangs_up"]

_PIECE_BYTES = 2048
_BUDGET_NS = 2_000_000
"""Host time for which one exchange may keep all others waiting."""
_UNSENT_LIMIT_BYTES = 1 << 20
"""A client that does not listen is not heard either."""
_PATIENCE_PS = 2_000_000_000_000
"""How long a client that has said its last is kept for the answer."""


class HangsUp(Protocol):
    """A machine that notices when its client leaves, as one on a network does."""

    def hang_up(self, now_ps: int) -> None:
        """Forget what was half said and what was not heard."""
        ...


def hangs_up(machine: object) -> TypeGuard[HangsUp]:
    """Return whether a machine notices that its client leaves."""
    return callable(getattr(machine, "hang_up", None))


class Exchange(ABC):
    """The clients of one byte machine."""

    def __init__(self, machine: ByteMachine) -> None:
        self.machine = machine
        self.callers: list[Caller] = []
        self.is_dropped = False
        self._when_dropped: list[Callable[[], None]] = []

    def join(self, caller: Caller) -> None:
        """Take a client on."""
        if self.is_dropped:
            caller.close()
        else:
            self.callers.append(caller)

    def on_dropped(self, call: Callable[[], None]) -> None:
        """Have `call` called when the line goes down."""
        self._when_dropped.append(call)

    def serve(self, now_ps: int) -> None:
        """Let the clients speak and hear until `now_ps`."""
        if self.is_dropped:
            return
        try:
            self._serve(now_ps)
        except LineDropped:
            self.close()

    def close(self) -> None:
        """Let all clients go, and their ways in."""
        self.is_dropped = True
        for caller in self.callers:
            caller.close()
        self.callers.clear()
        for call in self._when_dropped:
            call()
        self._when_dropped.clear()

    def has_more(self) -> bool:
        """Return whether a client waits only because others have to have their turn."""
        return False

    def next_event_ps(self) -> int | None:
        """Return when something will be to be done, or None."""
        return None if self.is_dropped else self._next_event_ps()

    @abstractmethod
    def _serve(self, now_ps: int) -> None: ...

    @abstractmethod
    def _next_event_ps(self) -> int | None: ...

    def _feed(self, caller: Caller, now_ps: int, end_ns: int) -> None:
        """Hand over what the client has said, until `end_ns` of host time."""
        while caller.inbox and time.monotonic_ns() < end_ns:
            self.machine.feed(caller.take(_PIECE_BYTES), now_ps)

    def _end_of_turn_ns(self) -> int:
        return time.monotonic_ns() + _BUDGET_NS

    def _listens(self, caller: Caller) -> bool:
        return caller.unsent() < _UNSENT_LIMIT_BYTES

    def _is_over(self, caller: Caller, now_ps: int, *, may_answer: bool) -> bool:
        """Return whether a client has gone, or has nothing to wait for any more."""
        if not caller.is_leaving:
            return caller.is_gone
        if caller.left_ps is None:
            caller.left_ps = now_ps
        is_late = now_ps - caller.left_ps > _PATIENCE_PS
        waits = caller.inbox or caller.unsent() or may_answer
        return caller.is_gone or is_late or not waits
