"""When a generator starts, and the edges it then gives to the tagger's START."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S, Clock
from qkdlab_sims.bench.paths import TriggerChain
from qkdlab_sims.bench.ports import DelayPort
from qkdlab_sims.optics.rng import philox_words, stream_key

__all__ = ["StartEdges", "StartPhase"]


class StartPhase:
    """How long a generator that is told to start still waits.

    It is locked to the pulse clock, but where in the clock's period it begins is new
    at each start: evenly spread over `half_width_ps` on both sides of an edge.
    """

    def __init__(
        self, clock: Clock, period_ps: int, half_width_ps: float, stream: Generator
    ) -> None:
        self._clock = clock
        self._period_ps = period_ps
        self._half_width_ps = half_width_ps
        self._stream = stream

    def __call__(self) -> int:
        """Draw the wait in ps from the clock's present time."""
        to_edge_ps = -self._clock.now_ps() % self._period_ps + self._period_ps
        drawn = self._half_width_ps * float(self._stream.uniform(-1.0, 1.0))
        return to_edge_ps + round(drawn)


@dataclass(frozen=True)
class _Trigger:
    """What becomes of an edge of the sync output on its way to START.

    dead_ps: edges that follow another sooner are missed
    """

    delay_ps: int
    jitter_rms_ps: float
    dead_ps: int
    height_v: float


@dataclass
class _Stretch:
    """A waveform that began at `start_ps` runs over [t0, t1)."""

    t0_ps: int
    t1_ps: int
    start_ps: int
    period_ps: int
    trigger: _Trigger

    def goes_on(
        self, t_ps: int, start_ps: int, period_ps: int, trigger: _Trigger
    ) -> bool:
        """Return whether a stretch from `t_ps` on is the same."""
        same = (self.t1_ps, self.start_ps, self.period_ps)
        return same == (t_ps, start_ps, period_ps) and self.trigger is trigger

    def split(self, t_ps: int) -> tuple[int, int]:
        """Take off what lies before `t_ps`; return its first edge and edge count."""
        end_ps = min(self.t1_ps, t_ps)
        first = max(0, -(-(self.t0_ps - self.start_ps) // self.period_ps))
        behind = max(first, -(-(end_ps - self.start_ps) // self.period_ps))
        self.t0_ps = end_ps
        return self.start_ps + first * self.period_ps, behind - first


class StartEdges:
    """Edges in order of time; each edge has a jitter of its own.

    unit: the delay generator of the chain, if it has one. It fires on the external
          edges that cross its threshold; the edge at START is the rising one of its
          pulse, from the level between pulses up to their height. Other trigger
          sources have nothing to do with the frames: no edge is made then.

    `flight_ps`, once given, says of edges by when they set out how long they are on
    their way beside the cables: those that a beacon carries.
    """

    flight_ps: Callable[[NDArray[np.int64]], NDArray[np.float64]] | None = None

    def __init__(
        self, chain: TriggerChain, seed: int, unit: DelayPort | None = None
    ) -> None:
        self._chain = chain
        self._unit = unit
        self._key = stream_key(seed, "start", "jitter")
        self._stretches: deque[_Stretch] = deque()
        self._n_edges = 0
        self._on_the_way = np.empty(0, np.int64)
        self._start_ps = 0
        self._period_ps: int | None = None
        self._has_changed = True
        self._trigger: _Trigger | None = None
        if unit is not None:
            unit.on_change = self._note
            unit.trigger_rate = self._trigger_rate_hz

    @property
    def awg(self) -> str:
        """The generator whose sync output is used."""
        return self._chain.awg

    @property
    def owner(self) -> str:
        """The party that sends the edges."""
        return self._chain.owner

    @property
    def height_v(self) -> float:
        """Height of the pulses at START; 0 when there are none."""
        return self._trigger.height_v if self._trigger is not None else 0.0

    def set_comb(self, start_ps: int, period_ps: int | None) -> None:
        """Say when the waveform began and how long it lasts; None when it rests."""
        self._start_ps = start_ps
        self._period_ps = period_ps
        self._has_changed = True

    def run(self, t0_ps: int, t1_ps: int) -> None:
        """Let the generator run over [t0, t1); such stretches follow each other."""
        if self._has_changed:
            self._has_changed = False
            self._trigger = self._look()
        trigger = self._trigger
        if self._period_ps is None or trigger is None:
            return
        # A unit that is busy misses every edge until it is ready again.
        period_ps = self._period_ps * max(1, -(-trigger.dead_ps // self._period_ps))
        last = self._stretches[-1] if self._stretches else None
        if last and last.goes_on(t0_ps, self._start_ps, period_ps, trigger):
            last.t1_ps = t1_ps
        else:
            new = _Stretch(t0_ps, t1_ps, self._start_ps, period_ps, trigger)
            self._stretches.append(new)

    def until(self, t_ps: int) -> NDArray[np.int64]:
        """Return the edges that arrive before `t_ps` and were not returned yet."""
        pieces = [self._on_the_way]
        for first_ps, n_edges, stretch in self._take(t_ps):
            jitters = self._jitters(self._n_edges - n_edges, n_edges)
            late_ps = np.rint(jitters * stretch.trigger.jitter_rms_ps)
            # No edge leaves the delay generator before it came in.
            delay_ps = np.maximum(stretch.trigger.delay_ps + late_ps, 0)
            edges_ps = first_ps + np.arange(n_edges) * stretch.period_ps
            edges_ps += delay_ps.astype(np.int64)
            if self.flight_ps is not None:
                edges_ps += np.rint(self.flight_ps(edges_ps)).astype(np.int64)
            pieces.append(edges_ps)
        times = np.sort(np.concatenate(pieces))
        n_due = int(np.searchsorted(times, t_ps))
        self._on_the_way = times[n_due:]
        return times[:n_due]

    def _note(self, now_ps: int) -> None:
        del now_ps
        self._has_changed = True

    def _look(self) -> _Trigger | None:
        """Return what the unit does with an edge; None: nothing."""
        chain, unit = self._chain, self._unit
        least_ps = math.ceil(PS_PER_S / chain.max_rate_hz)
        if unit is None or chain.unit is None:
            return _Trigger(
                chain.before_ps + chain.after_ps, 0.0, least_ps, chain.sync_v
            )
        if not self._fires(unit):
            return None
        pulse = unit.pulse(chain.unit[1].upper())
        if pulse.width_ps <= 0:
            return None
        delay_ps = chain.before_ps + pulse.delay_ps + chain.after_ps
        if not pulse.positive:
            delay_ps += pulse.width_ps
        if unit.trigger_source() == "external falling":
            delay_ps += (self._period_ps or 0) // 2
        return _Trigger(
            delay_ps,
            unit.jitter_rms_ps,
            max(least_ps, pulse.delay_ps + pulse.width_ps),
            pulse.offset_v + pulse.amplitude_v,
        )

    def _fires(self, unit: DelayPort) -> bool:
        """Return whether edges of the sync output trigger the unit."""
        sources = ("external rising", "external falling")
        is_crossed = 0.0 < unit.trigger_threshold_v() < self._chain.sync_v
        return unit.trigger_source() in sources and is_crossed

    def _trigger_rate_hz(self, t_ps: int) -> float:
        """Answer the unit: the rate of edges that cross its threshold."""
        del t_ps
        if self._unit is None or self._period_ps is None:
            return 0.0
        is_crossed = 0.0 < self._unit.trigger_threshold_v() < self._chain.sync_v
        return PS_PER_S / self._period_ps if is_crossed else 0.0

    def _jitters(self, first: int, count: int) -> NDArray[np.float32]:
        """Return the jitter of edges by their number, in standard deviations.

        A sum of four 16-bit numbers: nearly normal, within sqrt(12) standard
        deviations. One block of random words serves two edges.
        """
        block, skipped = divmod(first, 2)
        n_blocks = -(-(skipped + count) // 2)
        words = philox_words(self._key, block, n_blocks)
        parts = words.view(np.uint16).reshape(-1, 4).astype(np.float32)
        total = parts[:, 0] + parts[:, 1] + parts[:, 2] + parts[:, 3]
        jitter: NDArray[np.float32] = (total - 131070) * (math.sqrt(3.0) / 65535)
        return jitter[skipped : skipped + count]

    def _take(self, t_ps: int) -> Iterator[tuple[int, int, _Stretch]]:
        """Yield (first edge, count, stretch) of the edges that set out before t."""
        while self._stretches and self._stretches[0].t0_ps < t_ps:
            stretch = self._stretches[0]
            first_ps, n_edges = stretch.split(t_ps)
            if stretch.t0_ps == stretch.t1_ps:
                self._stretches.popleft()
            self._n_edges += n_edges
            yield first_ps, n_edges, stretch
