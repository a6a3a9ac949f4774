"""When a generator starts, and the edges it then gives to the tagger's START."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S, Clock
from qkdlab_sims.bench.paths import TriggerChain
from qkdlab_sims.optics.rng import philox_words, stream_key

__all__ = ["MAX_START_PHASE_PS", "StartEdges", "StartPhase"]

MAX_START_PHASE_PS = 700
"""The pulse stays well inside its symbol (BENCHES: 7 to 8 ns after the edge)."""


class StartPhase:
    """How long a generator that is told to start still waits.

    It begins at an edge of the pulse clock, to which it is locked, give or take a
    phase that is new at each start and at most `MAX_START_PHASE_PS`.
    """

    def __init__(
        self,
        clock: Clock,
        period_ps: int,
        standard_deviation_ps: float,
        stream: Generator,
    ) -> None:
        self._clock = clock
        self._period_ps = period_ps
        self._standard_deviation_ps = standard_deviation_ps
        self._stream = stream

    def __call__(self) -> int:
        """Draw the wait in ps from the clock's present time."""
        to_edge_ps = -self._clock.now_ps() % self._period_ps + self._period_ps
        phase_ps = self._standard_deviation_ps * float(self._stream.standard_normal())
        limited_ps = min(max(round(phase_ps), -MAX_START_PHASE_PS), MAX_START_PHASE_PS)
        return to_edge_ps + limited_ps


@dataclass
class _Stretch:
    """A waveform that began at `start_ps` runs over [t0, t1)."""

    t0_ps: int
    t1_ps: int
    start_ps: int
    period_ps: int

    def goes_on(self, t_ps: int, start_ps: int, period_ps: int) -> bool:
        """Return whether a stretch from `t_ps` on is the same waveform."""
        same = (self.t1_ps, self.start_ps, self.period_ps)
        return same == (t_ps, start_ps, period_ps)

    def split(self, t_ps: int) -> tuple[int, int]:
        """Take off what lies before `t_ps`; return its first edge and edge count."""
        end_ps = min(self.t1_ps, t_ps)
        first = max(0, -(-(self.t0_ps - self.start_ps) // self.period_ps))
        behind = max(first, -(-(end_ps - self.start_ps) // self.period_ps))
        self.t0_ps = end_ps
        return self.start_ps + first * self.period_ps, behind - first


class StartEdges:
    """Edges in order of time; each edge has a jitter of its own."""

    def __init__(self, chain: TriggerChain, seed: int) -> None:
        self._chain = chain
        self._key = stream_key(seed, "start", "jitter")
        self._stretches: deque[_Stretch] = deque()
        self._n_edges = 0
        self._on_the_way = np.empty(0, np.int64)
        self._start_ps = 0
        self._period_ps: int | None = None

    @property
    def awg(self) -> str:
        """The generator whose sync output is used."""
        return self._chain.awg

    def set_comb(self, start_ps: int, period_ps: int | None) -> None:
        """Say when the waveform began and how long it lasts; None when it rests."""
        self._start_ps = start_ps
        self._period_ps = period_ps
        if period_ps is not None:
            rate_hz = PS_PER_S / period_ps
            self._period_ps = period_ps * max(
                1, math.ceil(rate_hz / self._chain.max_rate_hz)
            )

    def run(self, t0_ps: int, t1_ps: int) -> None:
        """Let the generator run over [t0, t1); such stretches follow each other."""
        if self._period_ps is None:
            return
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.goes_on(t0_ps, self._start_ps, self._period_ps):
            last.t1_ps = t1_ps
        else:
            new = _Stretch(t0_ps, t1_ps, self._start_ps, self._period_ps)
            self._stretches.append(new)

    def until(self, t_ps: int) -> NDArray[np.int64]:
        """Return the edges that arrive before `t_ps` and were not returned yet."""
        pieces = [self._on_the_way]
        for first_ps, n_edges, period_ps in self._take(t_ps):
            # No edge leaves the delay generator before it came in.
            jitter_ps = self._jitter_ps(self._n_edges - n_edges, n_edges)
            delay_ps = np.maximum(self._chain.delay_ps + jitter_ps, 0)
            pieces.append(first_ps + np.arange(n_edges) * period_ps + delay_ps)
        times = np.concatenate(pieces)
        n_due = int(np.searchsorted(times, t_ps))
        self._on_the_way = times[n_due:]
        return times[:n_due]

    def _jitter_ps(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the jitter of edges by their number.

        A sum of four 16-bit numbers: nearly normal, within sqrt(12) standard
        deviations. One block of random words serves two edges.
        """
        block, skipped = divmod(first, 2)
        n_blocks = -(-(skipped + count) // 2)
        words = philox_words(self._key, block, n_blocks)
        parts = words.view(np.uint16).reshape(-1, 4).astype(np.float32)
        total = parts[:, 0] + parts[:, 1] + parts[:, 2] + parts[:, 3]
        scale = math.sqrt(3.0) / 65535 * self._chain.jitter_rms_ps
        jitter_ps: NDArray[np.float32] = np.rint((total - 131070) * scale)
        return jitter_ps[skipped : skipped + count].astype(np.int64)

    def _take(self, t_ps: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first edge, count, period) of the edges that set out before t."""
        while self._stretches and self._stretches[0].t0_ps < t_ps:
            stretch = self._stretches[0]
            first_ps, n_edges = stretch.split(t_ps)
            if stretch.t0_ps == stretch.t1_ps:
                self._stretches.popleft()
            self._n_edges += n_edges
            yield first_ps, n_edges, stretch.period_ps
