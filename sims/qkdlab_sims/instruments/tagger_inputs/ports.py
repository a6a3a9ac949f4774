"""Electrical inputs: pulses in world time become edges, and edges are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.tagger.time_base import OwnTime

__all__ = ["Counter", "Discriminator", "Port", "TimeBase"]

Times = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class TimeBase:
    """The unit's own clock: its rate against world time, its bin, how it wanders."""

    offset_ppm: float
    bin_ps: int
    course: OwnTime | None = None

    def bins(self, t_ps: Times) -> Times:
        """Return the bins of world times."""
        if self.course is not None:
            t_ps = self.course.read(t_ps)
        ahead_ps = np.rint(t_ps * (self.offset_ppm * 1e-6)).astype(np.int64)
        bins: Times = (t_ps + ahead_ps) // self.bin_ps
        return bins

    def bin_of(self, t_ps: int) -> int:
        """Return the bin of one world time."""
        return int(self.bins(np.array([t_ps], np.int64))[0])


@dataclass(frozen=True)
class Discriminator:
    """Settings that turn a pulse into an edge; `dead_ps` is not extended."""

    enabled: bool
    threshold_v: float
    rising: bool
    dead_ps: int


class Port:
    """One connector.

    is_mixed: whether pulses of several inputs come here, each in order of its own
    height_v: of the pulses that come; negative pulses begin with a falling edge
    width_ps: from one edge of a pulse to the other
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        height_v: float,
        width_ps: int,
        jitter_rms_ps: float,
    ) -> None:
        self.counter = Counter()
        self.is_mixed = False
        self.height_v = height_v
        self._rng = rng
        self._width_ps = width_ps
        self._jitter_rms_ps = jitter_rms_ps
        self._waiting: list[Times] = []
        self._last_ps = -(1 << 62)

    def push(self, t_ps: Times) -> None:
        """Take the beginnings of pulses, in order of time."""
        if t_ps.size:
            self._waiting.append(t_ps)

    def edges(self, until_ps: int, settings: Discriminator) -> Times:
        """Return the edges of the pulses that began before `until_ps`, world time."""
        t = self._pulses(until_ps)
        if not (settings.enabled and self._crosses(settings.threshold_v)):
            t = _NONE
        if t.size:
            t = self._accepted(t, settings)
        self.counter.add(t, until_ps)
        return t

    def drop(self, until_ps: int) -> None:
        """Forget the pulses that began before `until_ps`: nobody looked."""
        self._pulses(until_ps)

    def _accepted(self, t_ps: Times, settings: Discriminator) -> Times:
        """Return the edges of pulses: the right flank, jitter, dead time."""
        from qkdlab_sims.instruments.tagger_inputs._kernels import discriminate

        is_second_edge = settings.rising != (self.height_v > 0)
        out = np.empty(t_ps.size, np.int64)
        n = discriminate(
            t_ps,
            self._rng.integers(0, 1 << 64, t_ps.size, np.uint64),
            self._jitter_rms_ps,
            self._width_ps if is_second_edge else 0,
            self._last_ps,
            settings.dead_ps,
            out,
        )
        if n:
            self._last_ps = int(out[n - 1])
        return out[:n]

    def _pulses(self, until_ps: int) -> Times:
        if not self._waiting:
            return _NONE
        pieces = self._waiting
        t = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
        if self.is_mixed:
            t.sort()
        n_due = int(np.searchsorted(t, until_ps))
        self._waiting = [t[n_due:]] if n_due < t.size else []
        return t[:n_due]

    def _crosses(self, threshold_v: float) -> bool:
        if self.height_v > 0:
            return 0 < threshold_v < self.height_v
        return self.height_v < threshold_v < 0


class Counter:
    """Edges since the last reset, or in the last whole cycle since then."""

    def __init__(self) -> None:
        self.cycles = True
        self.cycle_ps = 1_000_000_000_000
        self.reset(0)

    def reset(self, now_ps: int) -> None:
        """Begin at zero."""
        self._begin_ps = now_ps
        self._last = self._running = self._total = 0

    def add(self, t_ps: Times, until_ps: int) -> None:
        """Count edges; all before `until_ps` have now been given."""
        self._total += t_ps.size
        n_cycles = (until_ps - self._begin_ps) // self.cycle_ps
        if n_cycles > 0:
            self._begin_ps += n_cycles * self.cycle_ps
            ends = (self._begin_ps - self.cycle_ps, self._begin_ps)
            before, at_end = np.searchsorted(t_ps, ends)
            self._last = int(at_end - before)
            if n_cycles == 1:
                self._last = self._running + int(at_end)
            self._running = t_ps.size - int(at_end)
        else:
            self._running += t_ps.size

    def value(self) -> int:
        """Return what the front panel shows."""
        return self._last if self.cycles else self._total
