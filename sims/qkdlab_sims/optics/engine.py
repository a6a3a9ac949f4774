"""Arrivals through detectors, stretch by stretch: `detect`, and `Collection`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import ArrivalSource, poisson_bound
from qkdlab_sims.optics.bank import Clicks, DetectorState
from qkdlab_sims.optics.philox._kernels import GAUSS_BOUND
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

__all__ = ["Collection", "detect"]

_CHUNK_EVENTS = 1 << 16
_CHUNK_TICKS = 1 << 14


class Collection:
    """One call's stretch of pulses: the detectors' records and the tags so far.

    wires: records of the bank's technology, to be changed by the passes
    tick:  first tick not yet run

    k0, k1, delay_ps, spread, pulse_fwhm_ps: as of `detect`, with its errors
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
        self.wires["arrival_ps"] += delay_ps
        if float(self.wires["sigma_ps"].max()) * GAUSS_BOUND >= bank.hold_back_ps:
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
) -> Clicks:
    """Return the clicks that pulses [k0, k1) and that stretch of time give.

    source:   what arrives at the detectors
    k0, k1:   whole ticks; k0 must be the former call's k1
    delay_ps: by which the light comes after its slot opens, below one period
    spread:   what comes evenly spread over time, per pulse, of each detector; it acts
              as dark counts do

    The result does not depend on how a stretch is cut into calls: all numbers are
    keyed by (seed, component, tick, event), and tags that later pulses could precede
    (jitter) are held back. Raises ValueError for ranges that do not fit, OverflowError
    when a tick holds more events than its Poisson bound of 12 standard deviations and
    for times that do not fit in 62 bits.
    """
    bank = state.bank
    made = Collection(
        state, k0, k1, delay_ps=delay_ps, spread=spread, pulse_fwhm_ps=pulse_fwhm_ps
    )
    wires, arrivals = made.wires, state.arrivals
    arrival_ps = np.append(wires["arrival_ps"], 0)
    events = source.per_tick + float(wires["dark_per_tick"].sum())
    stretch = int(min(max(_CHUNK_EVENTS / (events + 1e-9), 1), _CHUNK_TICKS))
    while made.tick < made.tick_end:
        end = min(made.tick + stretch, made.tick_end)
        room = poisson_bound(source.per_tick * (end - made.tick))
        arrivals.make_room(room + poisson_bound(source.per_tick), end - made.tick)
        end = source.draw(made.tick, end, arrival_ps, arrivals)
        n_arrivals = int(arrivals.ends[:, end - made.tick].max())
        out = made.rows(bank.clicks_bound(wires, n_arrivals, end - made.tick))
        if not bank.run_pass(wires, (0, len(wires)), (made.tick, end), arrivals, out):
            raise OverflowError("a tick holds more clicks than its bound")
        made.take(end, out)
    return made.clicks()


def _joined(pieces: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate([np.empty(0, np.int64), *pieces])
