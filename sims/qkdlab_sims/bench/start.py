"""When a generator starts, and the edges it then gives to the tagger's START."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qkdlab.clock import Clock
from qkdlab_sims.bench.paths import TriggerChain
from qkdlab_sims.bench.ports import GeneratorPort
from qkdlab_sims.optics.rng import gaussians, stream_key

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


class StartEdges:
    """Edges in order of time; each edge has a jitter of its own."""

    def __init__(
        self, chain: TriggerChain, generator: GeneratorPort, seed: int
    ) -> None:
        self._chain = chain
        self._generator = generator
        self._key = stream_key(seed, "start", "jitter")
        self._n_edges = 0
        self._pending = np.empty(0, np.int64)
        self._start_ps = 0
        self._period_ps: int | None = None
        self.look_again()

    def look_again(self) -> None:
        """Ask the generator when its waveform began."""
        self._period_ps = self._generator.sync_period_ps()
        self._start_ps = self._generator.output(self._generator.sync_source).start_ps

    def run(self, t0_ps: int, t1_ps: int) -> None:
        """Let the generator run over [t0, t1); such stretches follow each other."""
        period_ps, start_ps = self._period_ps, self._start_ps
        if period_ps is None:
            return
        first = max(0, -(-(t0_ps - start_ps) // period_ps))
        edges_ps = np.arange(start_ps + first * period_ps, t1_ps, period_ps)
        if not len(edges_ps):
            return
        noise = gaussians(self._key, self._n_edges, len(edges_ps))[:, 0]
        self._n_edges += len(edges_ps)
        jitter_ps = np.rint(noise * self._chain.jitter_rms_ps).astype(np.int64)
        arrivals_ps = edges_ps + self._chain.delay_ps + jitter_ps
        self._pending = np.concatenate((self._pending, arrivals_ps))

    def until(self, t_ps: int) -> NDArray[np.int64]:
        """Return the edges that arrive before `t_ps` and were not returned yet."""
        n_due = int(np.searchsorted(self._pending, t_ps))
        due, self._pending = self._pending[:n_due], self._pending[n_due:]
        return due
