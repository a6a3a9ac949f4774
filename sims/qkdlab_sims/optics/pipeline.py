"""Drawing and passes on several threads: `Pipeline`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from threading import Condition
from typing import TypeAlias

from qkdlab_sims.optics.arrivals import Arrivals

__all__ = ["Part", "Pipeline"]

Group: TypeAlias = tuple[int, int]
"""Detectors [first, last), which one thread takes at a time."""


@dataclass(slots=True)
class Part:
    """Arrivals of the ticks [begin, end)."""

    begin: int
    end: int
    arrivals: Arrivals


class Pipeline:
    """Parts of a stretch of ticks, drawn and passed by all threads that `work`.

    A thread without work takes what can be done: first a pass of the group of
    detectors that is furthest behind, otherwise the drawing of one more part. Parts
    are drawn in any order, and each group passes them in order of time, so nobody
    waits but for lack of parts or of rooms.

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
                if ready:
                    group = min(ready, key=self._resting.__getitem__)
                    part = self._parts[self._resting.pop(group)]
                    return partial(self._pass, group, part)
                if self._undrawn and self._rooms:
                    begin, end = self._undrawn.pop()
                    return partial(self._fill, Part(begin, end, self._rooms.pop()))
                self._changed.wait()
        return None

    def _fill(self, wanted: Part) -> None:
        part = self._draw(wanted)
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
