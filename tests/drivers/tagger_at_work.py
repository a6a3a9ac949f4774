"""A tagger that gets pulses and references, for tests of any tagger's driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_receiver import TimeTaggerConformance

from qkdlab.clock import seconds

PERIOD_PS = 800_000_000
MS = seconds(0.001)
EMPTY = np.empty(0, np.int64)
NEVER_PS = 1 << 62


class Pulses:
    """A world of references and given pulses, moved by the clock.

    Times count from the first reference after the acquisition began, so nothing comes
    before one: `references_from_ps` is when they begin.
    """

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator
        self.times = [EMPTY] * 4
        self.references_from_ps = 0
        self._done = 0
        self._origin: int | None = None

    def advance(self, t_ps: int) -> None:
        simulator, done = self.simulator, self._done
        reference = self._next_reference(done)
        if not simulator.recording():
            self._origin = None
        else:
            if self._origin is None:
                self._origin = reference
            for number, times in enumerate(self.times, start=1):
                first, last = np.searchsorted(
                    times, (done - self._origin, t_ps - self._origin)
                )
                simulator.push(number, times[first:last] + self._origin)
        if reference < t_ps:
            simulator.push_start(np.arange(reference, t_ps, PERIOD_PS, dtype=np.int64))
        simulator.advance(t_ps)
        self._done = t_ps

    def next_event_ps(self) -> None:
        return None

    def _next_reference(self, from_ps: int) -> int:
        return -(-max(from_ps, self.references_from_ps) // PERIOD_PS) * PERIOD_PS


class TaggerAtWork(DriverConformance, TimeTaggerConformance):
    """What every driver of a tagger must do; `make` mounts one with `Pulses`."""

    make: Callable[..., Any]

    def mount(self, faults: Any = ()) -> Any:
        return type(self).make(faults=faults)

    def use(self, driver: Any) -> None:
        driver.start(PERIOD_PS, 1e5)
        driver.read(20 * MS)

    def give(self, mounted: Any, times_ps: Any) -> None:
        mounted.clock.world.times = times_ps

    # A connection of whole messages cannot have these faults.
    test_answers_may_come_in_pieces_or_late = None


@contextmanager
def running_by(make: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Offer taggers, mounted by `make`, that take tags; close them at the end."""
    made = []

    def make_one(
        times: Any = (EMPTY,) * 4,
        options: Any = None,
        period_ps: int = PERIOD_PS,
        **sim_options: Any,
    ) -> Any:
        mounted = make(options, **sim_options)
        made.append(mounted)
        mounted.driver.identify()
        mounted.clock.world.times = list(times)
        mounted.driver.start(period_ps, 1e6)
        return mounted

    yield make_one
    for mounted in made:
        mounted.driver.close()


def every(step_ps: int, until_ps: int, first_ps: int = 50_000) -> Any:
    return np.arange(first_ps, until_ps, step_ps, dtype=np.int64)
