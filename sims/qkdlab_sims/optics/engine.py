"""Arrivals through detectors, stretch by stretch: `detect`, and `Collection`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource, poisson_bound
from qkdlab_sims.optics.bank import Clicks, DetectorState
from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

__all__ = ["Collection", "detect"]

_CHUNK_EVENTS = 1 << 15
_CHUNK_TICKS = 1 << 14


class Collection:
    """One call's stretch of pulses: the detectors' records and the tags so far.

    wires: records of the bank's technology, to be changed by the passes
    tick:  first tick not yet run

    k0, k1, delay_ps, lead_ps, spread, pulse_fwhm_ps: as of `detect`, with its errors
    """

    def __init__(
        self,
        state: DetectorState,
        k0: int,
        k1: int,
        *,
        delay_ps: int,
        spread: NDArray[np.float64] | float,
        pulse_fwhm_ps: float,
        lead_ps: int = 0,
    ) -> None:
        bank = state.bank
        if k0 % PULSES_PER_TICK or k1 % PULSES_PER_TICK or k1 < k0 or k0 < 0:
            raise ValueError("detectors want whole ticks of 65536 pulses")
        if state.next_pulse is not None and k0 != state.next_pulse:
            raise ValueError("detectors want pulses in sequence")
        if not 0 <= delay_ps < bank.period_ps:
            raise ValueError("detectors want a delay shorter than the period")
        if k1 * bank.period_ps + int(max(bank.arrival_ps)) >= 1 << 62:
            raise OverflowError("times beyond 2**62 ps do not fit")
        self.state = state
        self.tick = k0 // PULSES_PER_TICK
        self.tick_end = k1 // PULSES_PER_TICK
        self.wires = state.wires(pulse_fwhm_ps)
        self._next_pulse = k1
        self._tick_ps = PULSES_PER_TICK * bank.period_ps
        self._final_ps = self.wires["arrival_ps"] - bank.hold_back_ps
        self._pieces: list[list[NDArray[np.int64]]] = [[] for _ in self.wires]
        self.wires["dark_per_tick"] += PULSES_PER_TICK * np.asarray(spread)
        self.wires["arrival_ps"] += delay_ps - lead_ps
        early_ps = float(self.wires["sigma_ps"].max()) * GAUSS_BOUND + lead_ps
        if early_ps >= bank.hold_back_ps:
            raise ValueError("DetectorBank.hold_back_ps is too short for this jitter")

    def rows(self, n_tags: int) -> NDArray[np.int64]:
        """Return int64[n_det, ...] for tags, those held back in it, room for more."""
        held = self.state.held_back
        n_held = [len(tags) for tags in held]
        out = self.state.scratch(max(n_held) + n_tags)
        for d, tags in enumerate(held):
            out[d, : n_held[d]] = tags
        self.wires["n_tags"] = n_held
        return out

    def take(self, tick: int, out: NDArray[np.int64]) -> None:
        """Take the tags of all ticks before `tick`; hold back those not yet final."""
        self.tick = tick
        until = self._final_ps + tick * self._tick_ps
        for d, n_tags in enumerate(self.wires["n_tags"].tolist()):
            row = out[d, :n_tags]
            final = int(row.searchsorted(until[d]))
            self._pieces[d].append(row[:final].copy())
            self.state.held_back[d] = row[final:].copy()

    def clicks(self) -> Clicks:
        """End the call: leave the detectors to the next, return the tags."""
        self.state.leave(self.wires, self._next_pulse)
        until = self._final_ps + self.tick * self._tick_ps
        return Clicks(tuple(_joined(p) for p in self._pieces), until)


def detect(
    state: DetectorState,
    source: ArrivalSource,
    k0: int,
    k1: int,
    *,
    delay_ps: int = 0,
    spread: NDArray[np.float64] | float = 0.0,
    pulse_fwhm_ps: float = 0.0,
    lead_ps: int = 0,
    threads: int = 1,
) -> Clicks:
    """Return the clicks that pulses [k0, k1) and that stretch of time give.

    source:   what arrives at the detectors
    k0, k1:   whole ticks; k0 must be the former call's k1
    delay_ps: by which the light comes after its slot opens, below one period
    spread:   what comes evenly spread over time, per pulse, of each detector; it acts
              as dark counts do
    lead_ps:  by which `source` makes all arrivals later than they are
    threads:  that share the work; it pays where one core falls behind real time

    The result does not depend on how a stretch is cut into calls, nor on the threads:
    all numbers are keyed by (seed, component, tick, event), and tags that later pulses
    could precede (jitter) are held back. Raises ValueError for ranges that do not fit,
    OverflowError when a tick holds more events than its Poisson bound of 12 standard
    deviations and for times that do not fit in 62 bits.
    """
    made = Collection(
        state,
        k0,
        k1,
        delay_ps=delay_ps,
        spread=spread,
        pulse_fwhm_ps=pulse_fwhm_ps,
        lead_ps=lead_ps,
    )
    if threads > 1:
        _detect_on_threads(made, source, threads)
    else:
        _detect_here(made, source)
    return made.clicks()


@dataclass(slots=True)
class _Part:
    """Arrivals of the ticks [begin, end)."""

    begin: int
    end: int
    arrivals: Arrivals


def _draw(made: Collection, source: ArrivalSource, part: _Part) -> _Part:
    """Fill a part; fewer ticks than wanted where there is no more room."""
    n_ticks = part.end - part.begin
    room = poisson_bound(source.per_tick * n_ticks) + poisson_bound(source.per_tick)
    part.arrivals.make_room(room, n_ticks)
    arrival_ps = np.append(made.wires["arrival_ps"], 0)
    end = source.draw(part.begin, part.end, arrival_ps, part.arrivals)
    return _Part(part.begin, end, part.arrivals)


def _clicks_bound(made: Collection, parts: Sequence[_Part]) -> int:
    bound = 0
    for part in parts:
        n_ticks = part.end - part.begin
        n_arrivals = int(part.arrivals.ends[:, n_ticks].max())
        bound += made.state.bank.clicks_bound(made.wires, n_arrivals, n_ticks)
    return bound


def _run_passes(
    made: Collection,
    detectors: tuple[int, int],
    parts: Sequence[_Part],
    out: NDArray[np.int64],
) -> None:
    for part in parts:
        ticks = part.begin, part.end
        bank = made.state.bank
        if not bank.run_pass(made.wires, detectors, ticks, part.arrivals, out):
            raise OverflowError("a tick holds more clicks than its bound")


def _stretch(made: Collection, source: ArrivalSource) -> int:
    """Return the ticks of a part: few enough for the processor's caches."""
    events = source.per_tick + float(made.wires["dark_per_tick"].sum())
    return int(min(max(_CHUNK_EVENTS / (events + 1e-9), 1), _CHUNK_TICKS))


def _detect_here(made: Collection, source: ArrivalSource) -> None:
    stretch = _stretch(made, source)
    while made.tick < made.tick_end:
        end = min(made.tick + stretch, made.tick_end)
        part = _draw(made, source, _Part(made.tick, end, made.state.arrivals))
        out = made.rows(_clicks_bound(made, [part]))
        _run_passes(made, (0, len(made.wires)), [part], out)
        made.take(part.end, out)


def _detect_on_threads(made: Collection, source: ArrivalSource, threads: int) -> None:
    """Draw parts and run passes of the parts before, all at once.

    Detectors are handed out by falling number of arrivals, so that no thread is left
    with the longest work at the end.
    """
    n_det = len(made.wires)
    stretch = _stretch(made, source)
    stores = [[Arrivals(n_det) for _ in range(threads)] for _ in range(2)]
    with ThreadPoolExecutor(threads) as pool:

        def begin_drawing(tick: int, into: list[Arrivals]) -> list[Future[_Part]]:
            edges = [min(tick + i * stretch, made.tick_end) for i in range(threads + 1)]
            parts = map(_Part, edges, edges[1:], into)
            return [
                pool.submit(_draw, made, source, p) for p in parts if p.end > p.begin
            ]

        drawing = begin_drawing(made.tick, stores[0])
        while made.tick < made.tick_end:
            parts = _in_sequence([future.result() for future in drawing])
            stores.reverse()
            drawing = begin_drawing(parts[-1].end, stores[0])
            out = made.rows(_clicks_bound(made, parts))
            load = sum(p.arrivals.ends[:, p.end - p.begin] for p in parts)
            passes = [
                pool.submit(_run_passes, made, (d, d + 1), parts, out)
                for d in np.argsort(-load).tolist()
            ]
            for future in passes:
                future.result()
            made.take(parts[-1].end, out)


def _in_sequence(parts: Sequence[_Part]) -> list[_Part]:
    """Return the parts up to the first that had no room for all its ticks."""
    found = [parts[0]]
    for part in parts[1:]:
        if part.begin != found[-1].end:
            break
        found.append(part)
    return found


def _joined(pieces: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate([np.empty(0, np.int64), *pieces])
