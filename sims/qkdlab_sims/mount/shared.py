"""One line, whoever is on it: serial devices, streams, boxes with a single parser."""

from __future__ import annotations

from qkdlab_sims.instruments.machine import ByteMachine
from qkdlab_sims.mount.caller import Caller
from qkdlab_sims.mount.exchange import Exchange, HangsUp, hangs_up
from qkdlab_sims.mount.wire import Wire, byte_time_ps

__all__ = ["SharedExchange"]

_QUIET_PS = 50_000_000_000
"""After so long without a byte the line is free for somebody else."""
_SLICE_PS = 2_000_000_000_000
"""Who speaks without pause lets others have the line after so long."""
_STALE_PS = 5_000_000_000_000
"""How long a line is kept free for answers to a client that has left."""
_BACKLOG_BYTES = 64
"""On a serial line; more waits before it."""


class SharedExchange(Exchange):
    """In front of a machine with one conversation.

    One client has the line until it leaves, or until nothing has passed for 50 ms and
    another one speaks; who never pauses has to, after 2 s, when others wait. Answers go
    to the one who has the line. A stream is heard by everybody.

    baud: of a serial line, until a client sets another one; None elsewhere
    """

    def __init__(
        self,
        machine: ByteMachine,
        *,
        baud: int | None = None,
        is_stream: bool = False,
        ears: object = None,
    ) -> None:
        super().__init__(machine)
        self._baud = baud
        self._is_stream = is_stream
        self._ears: HangsUp | None = ears if hangs_up(ears) else None
        self._holder: Caller | None = None
        self._inward = Wire()
        self._outward = Wire()
        self._last_ps = 0
        self._since_ps = 0

    def has_more(self) -> bool:
        """Return whether the client that has the line waits for its turn."""
        holder = self._holder
        return self._baud is None and holder is not None and bool(holder.inbox)

    def _serve(self, now_ps: int) -> None:
        self._pass_on(now_ps)
        if self._holder is not None:
            self._let_speak(self._holder, now_ps)
        # What is under way arrives, whether or not the one who sent it is still there.
        for data, at_ps in self._inward.take(now_ps):
            self._last_ps = now_ps
            self.machine.feed(data, at_ps)
        self._let_hear(now_ps)
        for caller in list(self.callers):
            is_holder = caller is self._holder
            may_answer = is_holder and self._may_answer()
            if self._is_over(caller, now_ps, may_answer=may_answer):
                self._part_from(caller, now_ps)
            else:
                caller.update(hungry=self._listens(caller))

    def _pass_on(self, now_ps: int) -> None:
        """Give the line to the next one who wants it, if it is free."""
        holder = self._holder
        waiting = [c for c in self.callers if c is not holder and c.inbox]
        if not waiting or not self._is_free(now_ps):
            return
        if holder is not None:
            self._forget(now_ps)
        self._holder = waiting[0]
        self._last_ps = self._since_ps = now_ps
        # The longest without the line is first in the queue.
        self.callers.remove(waiting[0])
        self.callers.append(waiting[0])

    def _is_free(self, now_ps: int) -> bool:
        silent_ps = now_ps - self._last_ps
        if self._holder is None:
            is_stale = self._baud is not None and self._may_answer()
            return not is_stale or silent_ps > _STALE_PS
        speaks = self._holder.inbox and not self._is_slice_over(now_ps)
        return not speaks and silent_ps >= _QUIET_PS and not self._may_answer()

    def _is_slice_over(self, now_ps: int) -> bool:
        """Return whether the one who has the line must pause for others."""
        others = any(c.inbox for c in self.callers if c is not self._holder)
        return others and now_ps - self._since_ps > _SLICE_PS

    def _let_speak(self, holder: Caller, now_ps: int) -> None:
        may_speak = holder.inbox and not self._is_slice_over(now_ps)
        if self._baud is None:
            if may_speak and self._listens(holder):
                self._last_ps = now_ps
                self._feed(holder, now_ps, self._end_of_turn_ns())
            return
        if may_speak:
            said = holder.take(_BACKLOG_BYTES - len(self._inward))
            self._inward.put(said, now_ps, byte_time_ps(holder.baud or self._baud))

    def _let_hear(self, now_ps: int) -> None:
        wake_ps = self.machine.next_wake_ps()
        said = self.machine.take(now_ps)
        if self._baud is None:
            self._tell(said, now_ps)
            return
        begin_ps = now_ps if wake_ps is None else min(wake_ps, now_ps)
        baud = self._holder.baud if self._holder is not None else None
        self._outward.put(said, begin_ps, byte_time_ps(baud or self._baud))
        for data, _ in self._outward.take(now_ps):
            self._tell(data, now_ps)

    def _tell(self, data: bytes, now_ps: int) -> None:
        if not data:
            return
        self._last_ps = now_ps
        if self._is_stream:
            for caller in self.callers:
                caller.say(data)
        elif self._holder is not None:
            self._holder.say(data)

    def _may_answer(self) -> bool:
        is_under_way = len(self._inward) or len(self._outward)
        return bool(is_under_way) or self.machine.next_wake_ps() is not None

    def _part_from(self, caller: Caller, now_ps: int) -> None:
        caller.close()
        self.callers.remove(caller)
        if caller is self._holder:
            self._holder = None
            self._forget(now_ps)

    def _forget(self, now_ps: int) -> None:
        """Let the machine notice that its client left, where it can."""
        if self._ears is not None:
            self._ears.hang_up(now_ps)

    def _next_event_ps(self) -> int | None:
        times = (
            self._inward.next_arrival_ps(),
            self._outward.next_arrival_ps(),
            self.machine.next_wake_ps(),
        )
        return min((t for t in times if t is not None), default=None)
