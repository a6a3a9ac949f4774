"""Diodes that watch what the receiver's avalanches send back: `Observers`.

They see nothing else: no light of the laser that is reflected, no flash of each other.
They have short ticks of their own, so that the clicks of the receiver need to be known
only some microseconds ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.graph import Graph
from qkdlab.wiring.parts import Spad
from qkdlab_sims.bench.backflash_ways import FlashWay, flash_ways
from qkdlab_sims.bench.detectors import detector_bank
from qkdlab_sims.bench.paths import tagger_inputs
from qkdlab_sims.bench.ways import DetectorWay, LightWays
from qkdlab_sims.optics.arrivals import Arrivals
from qkdlab_sims.optics.bank import Bank, Clicks, DetectorState
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.spad.backflash import Backflash

__all__ = ["Observers", "observers_of"]

_PERIOD_PS = 100
_TICK_PS = _PERIOD_PS * PULSES_PER_TICK


@dataclass(frozen=True, eq=False)
class _Source:
    """A diode of the receiver: what it flashes, and where observers see it.

    detector:  its place among the bench's detectors
    observers: int64[n_ways], where each way ends
    shares:    float64[n_ways], chance of a photon to make one click that rests
    lags_ps:   int64[n_ways], `FlashWay.lag_ps`
    """

    detector: int
    law: Backflash
    key: NDArray[np.uint64]
    observers: NDArray[np.int64]
    shares: NDArray[np.float64]
    lags_ps: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Seen:
    """An `ArrivalSource` of photons that are known, sorted, one array an observer."""

    t_ps: Sequence[NDArray[np.int64]]
    chance: Sequence[NDArray[np.float64]]

    @property
    def per_tick(self) -> float:
        """Bound: all that are known."""
        return float(sum(map(len, self.t_ps)))

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        edges_ps = np.arange(tick, tick_end + 1) * _TICK_PS
        for d, (t_ps, chance) in enumerate(zip(self.t_ps, self.chance, strict=True)):
            ends = np.searchsorted(t_ps, edges_ps + arrival_ps[d])
            n = ends[-1] - ends[0]
            out.t_ps[d, :n] = t_ps[ends[0] : ends[-1]]
            out.chance[d, :n] = chance[ends[0] : ends[-1]]
            out.ends[d, : len(ends)] = ends - ends[0]
        return tick_end


class Observers:
    """Clicks of all observers, from clicks of the receiver's diodes.

    inputs: of the tagger, by observer; None without a cable
    """

    def __init__(
        self, bank: Bank, inputs: Sequence[int | None], sources: Sequence[_Source]
    ) -> None:
        self._inputs = tuple(inputs)
        self._bank = bank
        self._state = DetectorState(bank)
        self._state.set_bias([1.0] * len(inputs))
        self._efficiencies = np.array(bank.efficiencies(self._state.bias_ua))
        self._sources = sources
        self._n_clicks = [0] * len(sources)
        self._tick = 0
        self._seen = _Seen(*_nothing(len(inputs)))
        self._ready: list[list[NDArray[np.int64]]] = [[] for _ in inputs]
        soonest_ps = min(int(source.lags_ps.min()) for source in sources)
        apart_ps = max(bank.arrival_ps) - min(bank.arrival_ps)
        wait_ps = bank.hold_back_ps + _TICK_PS + apart_ps
        self.lead_ps = max(0, wait_ps - soonest_ps)
        """By how much clicks of the receiver must be known sooner than observers'."""

    def take(self, clicks: Clicks) -> None:
        """Take clicks of the receiver's detectors, in order of time."""
        for i, source in enumerate(self._sources):
            self._add(i, source, clicks.times_ps[source.detector])
        known_ps = min(
            int(clicks.complete_until_ps[s.detector] + s.lags_ps.min())
            for s in self._sources
        )
        end = (known_ps - max(self._bank.arrival_ps)) // _TICK_PS
        if end <= self._tick:
            return
        found = detect(
            self._state, self._seen, *(t * PULSES_PER_TICK for t in (self._tick, end))
        )
        for pieces, times in zip(self._ready, found.times_ps, strict=True):
            pieces.append(times)
        self._forget_before(end)

    def deliver(
        self, push: Callable[[int, NDArray[np.int64]], None], t_ps: int
    ) -> None:
        """Give a tagger's inputs the clicks before `t_ps` that they have not yet.

        Clicks of the receiver up to `lead_ps` later must have been taken.
        """
        for d, number in enumerate(self._inputs):
            times = np.concatenate([np.empty(0, np.int64), *self._ready[d]])
            n_due = int(np.searchsorted(times, t_ps))
            self._ready[d] = [times[n_due:]]
            if number is not None and n_due:
                push(number, times[:n_due])

    def _add(self, i: int, source: _Source, clicks_ps: NDArray[np.int64]) -> None:
        shares = source.shares * self._efficiencies[source.observers]
        first = self._n_clicks[i]
        self._n_clicks[i] += len(clicks_ps)
        new = source.law.flashes(clicks_ps, source.key, first, shares)
        if not len(new.t_ps):
            return
        times, chances = list(self._seen.t_ps), list(self._seen.chance)
        for way, d in enumerate(source.observers):
            its = new.observer == way
            t_ps = np.concatenate((times[d], new.t_ps[its] + source.lags_ps[way]))
            order = np.argsort(t_ps, kind="stable")
            times[d] = t_ps[order]
            chances[d] = np.concatenate((chances[d], new.chance[its]))[order]
        self._seen = _Seen(times, chances)

    def _forget_before(self, tick: int) -> None:
        cuts = [
            int(np.searchsorted(t, tick * _TICK_PS + arrival))
            for t, arrival in zip(self._seen.t_ps, self._bank.arrival_ps, strict=True)
        ]
        self._seen = _Seen(
            [t[cut:] for t, cut in zip(self._seen.t_ps, cuts, strict=True)],
            [u[cut:] for u, cut in zip(self._seen.chance, cuts, strict=True)],
        )
        self._tick = tick


def observers_of(graph: Graph, ways: LightWays, seed: int) -> Observers | None:
    """Return the diodes behind the `back` of circulators, None where there are none.

    Raises ConfigError for a bench that the world cannot watch like this.
    """
    found = flash_ways(graph, ways.paths)
    names = sorted({way.observer for way in found})
    if not names:
        return None
    parts = graph.parts_of(Spad)
    numbers = tagger_inputs(graph)
    arrivals = [
        min(_arrival_ps(way, ways.detectors) for way in found if way.observer == name)
        for name in names
    ]
    bank = detector_bank(
        [parts[name] for name in names], arrivals, _PERIOD_PS, seed, name="observers"
    )
    sources = [
        _source(at, detector, parts[detector.name], found, names, seed)
        for at, detector in enumerate(ways.detectors)
        if any(way.diode == detector.name for way in found)
    ]
    inputs = [numbers[name][0] if name in numbers else None for name in names]
    return Observers(bank, inputs, sources)


def _arrival_ps(way: FlashWay, detectors: Sequence[DetectorWay]) -> int:
    """Return when an observer's tag of a flash comes at the click of pulse 0."""
    (arrival_ps,) = [d.arrival_ps for d in detectors if d.name == way.diode]
    return arrival_ps + way.lag_ps


def _source(
    at: int,
    detector: DetectorWay,
    part: Spad,
    found: Sequence[FlashWay],
    names: Sequence[str],
    seed: int,
) -> _Source:
    own = [way for way in found if way.diode == detector.name]
    given = part.backflash
    return _Source(
        at,
        Backflash(0.0) if given is None else Backflash(**given.model_dump()),
        stream_key(seed, detector.name, "backflash"),
        np.array([names.index(way.observer) for way in own]),
        np.array([way.share for way in own]),
        np.array([way.lag_ps for way in own]),
    )


def _nothing(n: int) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]:
    return [np.empty(0, np.int64)] * n, [np.empty(0)] * n
