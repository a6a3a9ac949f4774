"""What a party, a bench and a simulated world may ask of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

__all__ = ["PS_PER_S", "BenchClock", "Clock", "World", "seconds"]

PS_PER_S = 1_000_000_000_000


def seconds(value_s: float) -> int:
    """Return `value_s` seconds as integer picoseconds."""
    return round(value_s * PS_PER_S)


@runtime_checkable
class Clock(Protocol):
    """What a party may ask of time. Times are int picoseconds since the origin."""

    def now_ps(self) -> int:
        """Return the present time."""
        ...

    def sleep_until(self, t_ps: int) -> None:
        """Block until `t_ps`; return at once when it is past."""
        ...

    def wait(
        self,
        ready: Callable[[], bool],
        *,
        deadline_ps: int | None = None,
        next_ps: Callable[[], int | None] | None = None,
        what: str = "",
    ) -> bool:
        """Block until ``ready()`` is true; return False if the deadline passed first.

        `next_ps` tells when `ready` should be asked again because something outside
        the parties (an instrument) will have acted; `what` names the thing waited
        for, for error messages.
        """
        ...


class BenchClock(Clock, Protocol):
    """A clock that also runs the programs of a bench, one thread each."""

    def spawn(self, name: str, function: Callable[[], object]) -> None:
        """Register `function` as a task; it starts with :meth:`run`."""
        ...

    def run(self, poll: Callable[[], None] | None = None) -> dict[str, object]:
        """Run all tasks to their ends; return their results by name.

        `poll` is called a few times a second from the calling thread; an error that
        it raises ends the run. Raises the first error; the other tasks are unwound
        at their next blocking call, so that their ``finally`` clauses run.
        """
        ...


class World(Protocol):
    """The simulated surroundings that move when virtual time moves."""

    def advance(self, t_ps: int) -> None:
        """Carry the physics to `t_ps`."""
        ...

    def next_event_ps(self) -> int | None:
        """Return when something will happen of itself, or None."""
        ...
