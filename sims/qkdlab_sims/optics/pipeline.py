"""Drawing and passes on several threads: `Pipeline`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import Condition, get_ident
from typing import TypeAlias

from qkdlab_sims.optics.arrivals import Arrivals

__all__ = ["Part", "Pipeline"]

Group: TypeAlias = tuple[int, int]
"""Detectors [first, last), which one thread takes at a time."""


@dataclass(slots=True)
class Part:
    """Arrivals of the ticks [begin, end), drawn by a thread."""

    begin: int
    end: int
    arrivals: Arrivals
    thread: int = 0


class Pipeline:
    """Parts of a stretch of ticks, drawn and passed by all threads that `work`.

    Parts are drawn in any order, and each group of detectors passes them in order of
    time, so nobody waits but for lack of parts or of rooms. A thread without work takes
    what can be done: first a pass over a part that it drew, for that lies in the cache
    of its core; otherwise it draws one more part, in the room that it used last; and
    what others drew when there is no room.

    edges:  ticks between parts, the first and last of all, too
    rooms:  for arrivals, one per part that is drawn or waits for its passes
    draw:   fills a part and returns it, with an earlier end where it had no more room
    run:    runs the passes of a group over a part
    """

    def __init__(
        self,
        edges: Sequence[int],
        rooms: Sequence[Arrivals],
        groups: Sequence[Group],
        draw: Callable[[Part], Part],
        run: Callable[[Group, Part], None],
    ) -> None:
        self._draw, self._run = draw, run
        self._changed = Condition()
        self._undrawn = list(pairwise(edges))[::-1]
        self._rooms = list(rooms)
        self._last_room: dict[int, Arrivals] = {}
        self._parts: dict[int, Part] = {}
        self._n_passes: dict[int, int] = {}
        self._n_groups = len(groups)
        self._resting = dict.fromkeys(groups, edges[0])
        self._n_working = len(groups)
        self._end = edges[-1]
        self._has_failed = False

    def work(self) -> None:
        """Share the work until all is done, or has failed on any thread."""
        try:
            while (task := self._next_task()) is not None:
                task()
        except BaseException:
            with self._changed:
                self._has_failed = True
                self._changed.notify_all()
            raise

    def _next_task(self) -> Callable[[], None] | None:
        """Return what can be done now; wait while there is nothing; None at the end."""
        with self._changed:
            while self._n_working and not self._has_failed:
                ready = [g for g, tick in self._resting.items() if tick in self._parts]
                own = [g for g in ready if self._part_of(g).thread == get_ident()]
                can_draw = self._undrawn and self._rooms
                if own or (ready and not can_draw):
                    group = min(own or ready, key=self._resting.__getitem__)
                    part = self._part_of(group)
                    del self._resting[group]
                    return partial(self._pass, group, part)
                if can_draw:
                    begin, end = self._undrawn.pop()
                    return partial(self._fill, Part(begin, end, self._take_room()))
                self._changed.wait()
        return None

    def _part_of(self, group: Group) -> Part:
        """Return the part that a resting group passes next."""
        return self._parts[self._resting[group]]

    def _take_room(self) -> Arrivals:
        last = self._last_room.get(get_ident())
        at = next((i for i, room in enumerate(self._rooms) if room is last), -1)
        room = self._last_room[get_ident()] = self._rooms.pop(at)
        return room

    def _fill(self, wanted: Part) -> None:
        part = self._draw(wanted)
        part.thread = get_ident()
        with self._changed:
            self._parts[part.begin] = part
            self._n_passes[part.begin] = self._n_groups
            if part.end < wanted.end:
                self._undrawn.append((part.end, wanted.end))
                # all others may be taken by later parts, which wait for this one
                self._rooms.append(part.arrivals.alike())
            self._changed.notify_all()

    def _pass(self, group: Group, part: Part) -> None:
        self._run(group, part)
        with self._changed:
            self._n_passes[part.begin] -= 1
            if not self._n_passes[part.begin]:
                self._rooms.append(self._parts.pop(part.begin).arrivals)
            if part.end < self._end:
                self._resting[group] = part.end
            else:
                self._n_working -= 1
            self._changed.notify_all()
