"""Arrivals through detectors, stretch by stretch: `detect`."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource, poisson_bound
from qkdlab_sims.optics.bank import Clicks, DetectorState
from qkdlab_sims.optics.collection import Collection
from qkdlab_sims.optics.pipeline import Part, Pipeline

__all__ = ["detect"]

_CHUNK_EVENTS = 1 << 16
_CHUNK_TICKS = 1 << 14
_SPARE_ROOMS = 2
"""Parts that may wait for their passes while every thread draws."""


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
    threads: int | None = 1,
) -> Clicks:
    """Return the clicks that pulses [k0, k1) and that stretch of time give.

    source:   what arrives at the detectors
    k0, k1:   whole ticks; k0 must be the former call's k1
    delay_ps: by which the light comes after its slot opens, below one period
    spread:   what comes evenly spread over time, per pulse, of each detector; it acts
              as dark counts do
    lead_ps:  by which `source` makes all arrivals later than they are
    threads:  that share the work; None: as many as pay and there are cores for

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
    if threads is None:
        threads = min(_n_cores(), _n_that_pay(made, source))
    if threads > 1 and k1 > k0:
        _detect_on_threads(made, source, threads)
    else:
        _detect_here(made, source)
    return made.clicks()


@cache
def _n_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _n_that_pay(made: Collection, source: ArrivalSource) -> int:
    """Return how many threads have enough to do for the cost of another."""
    return 1 + (made.tick_end - made.tick_begin) // _stretch(made, source)


@cache
def _workers(n_threads: int, process: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: new ones take longer than a short stretch.

    process: its number, for a process that forks off inherits no threads
    """
    del process
    return ThreadPoolExecutor(n_threads, "detectors")


def _stretch(made: Collection, source: ArrivalSource) -> int:
    """Return the ticks of a part: few enough for the processor's caches."""
    events = source.per_tick + sum(made.wires["dark_per_tick"].tolist())
    return int(min(max(_CHUNK_EVENTS / (events + 1e-9), 1), _CHUNK_TICKS))


def _open_rooms(
    made: Collection, source: ArrivalSource, n_ticks: int, n_rooms: int
) -> Sequence[Arrivals]:
    """Return rooms for the arrivals of `n_ticks` each; open rows for their tags."""
    rooms = made.state.rooms(n_rooms)
    n_arrivals = poisson_bound(source.per_tick * n_ticks)
    for room in rooms:
        room.make_room(n_arrivals + poisson_bound(source.per_tick), n_ticks)
    largest = max(room.t_ps.shape[1] for room in rooms)
    bound = made.state.bank.clicks_bound(made.wires, largest, n_ticks)
    made.open_rows(bound, n_ticks)
    return rooms


def _draw(source: ArrivalSource, arrival_ps: NDArray[np.int64], part: Part) -> Part:
    """Fill a part; fewer ticks than wanted where there is no more room."""
    end = source.draw(part.begin, part.end, arrival_ps, part.arrivals)
    return Part(part.begin, end, part.arrivals)


def _run_passes(made: Collection, detectors: tuple[int, int], part: Part) -> None:
    """Turn a part's arrivals at detectors [first, last) into tags."""
    made.make_room(detectors, part.begin)
    ticks = part.begin, part.end
    bank = made.state.bank
    if not bank.run_pass(made.wires, detectors, ticks, part.arrivals, made.rows):
        raise OverflowError("a tick holds more clicks than its bound")
    if part.end == made.tick_end:
        made.finish(detectors)


def _detect_here(made: Collection, source: ArrivalSource) -> None:
    stretch = _stretch(made, source)
    (room,) = _open_rooms(made, source, stretch, 1)
    arrival_ps = np.append(made.wires["arrival_ps"], 0)
    detectors, tick = (0, len(made.wires)), made.tick_begin
    while tick < made.tick_end:
        end = min(tick + stretch, made.tick_end)
        part = _draw(source, arrival_ps, Part(tick, end, room))
        _run_passes(made, detectors, part)
        tick = part.end


def _detect_on_threads(made: Collection, source: ArrivalSource, threads: int) -> None:
    """Let all threads share parts of one length, and groups of detectors."""
    n_ticks, n_det = made.tick_end - made.tick_begin, len(made.wires)
    rounds = math.ceil(n_ticks / (threads * _stretch(made, source)))
    stretch = math.ceil(n_ticks / (threads * rounds))
    edges = [*range(made.tick_begin, made.tick_end, stretch), made.tick_end]
    n_groups = min(threads, n_det)
    bounds = [i * n_det // n_groups for i in range(n_groups + 1)]
    rooms = _open_rooms(made, source, stretch, threads + _SPARE_ROOMS)
    arrival_ps = np.append(made.wires["arrival_ps"], 0)
    pipeline = Pipeline(
        edges,
        rooms,
        list(pairwise(bounds)),
        partial(_draw, source, arrival_ps),
        partial(_run_passes, made),
    )
    workers = _workers(threads - 1, os.getpid())
    others = [workers.submit(pipeline.work) for _ in range(threads - 1)]
    try:
        pipeline.work()
    finally:
        # one that serves another call until now comes too late for this
        begun = [other for other in others if not other.cancel()]
        wait(begun)
    for other in begun:
        other.result()
