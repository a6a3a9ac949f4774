"""A machine whose surroundings are brought up to date when it matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

__all__ = ["Attentive"]

T_co = TypeVar("T_co", covariant=True)


class _Machine(Protocol[T_co]):
    def feed(self, data: bytes, now_ps: int, /) -> None: ...
    def take(self, now_ps: int) -> T_co: ...
    def next_wake_ps(self) -> int | None: ...


class Attentive(Generic[T_co]):
    """A byte or message machine with `before` called ahead of what depends on it.

    That is each `feed`, and each `take` at or after the time that the machine gave as
    its next wake.
    """

    def __init__(self, machine: _Machine[T_co], before: Callable[[], None]) -> None:
        self._machine = machine
        self._before = before

    def feed(self, data: bytes, now_ps: int) -> None:
        """Bring the surroundings up to date, then let the machine hear."""
        self._before()
        self._machine.feed(data, now_ps)

    def take(self, now_ps: int) -> T_co:
        """Give what the machine says."""
        wake_ps = self._machine.next_wake_ps()
        if wake_ps is not None and wake_ps <= now_ps:
            self._before()
        return self._machine.take(now_ps)

    def next_wake_ps(self) -> int | None:
        """Return when `take` may have something new, or None."""
        return self._machine.next_wake_ps()
