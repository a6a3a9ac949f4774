"""Slow detectors that take one event after the other: references for the kernels.

They share nothing with `qkdlab_sims.optics`: Mersenne Twister instead of Philox, one
heap of all carriers of a run instead of passes over ticks, floats instead of records.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PHOTON, DARK, RELEASE, LATE = range(4)


@dataclass
class PlainSpad:
    """A diode; all times in ps, `traps` as (mean, tau) after any avalanche."""

    dark_rate_hz: float = 0.0
    dead_ps: float = 1e6
    paralysable: bool = False
    tau_ps: float = 0.0
    traps: tuple[tuple[float, float], ...] = ()
    sigma_ps: float = 0.0
    tail_fraction: float = 0.0
    tail_ps: float = 0.0
    walk_ps: float = 0.0
    walk_tau_ps: float = 1.0
    gate_period_ps: float = 0.0
    gate_open_ps: float = 0.0
    gate_width_ps: float = 0.0
    gate_edge_ps: float = 0.0
    sine: bool = False
    persistence: float = 0.0
    persistence_tau_ps: float = 1.0
    breeds: bool = True
    gain: float = 1.0

    def gate(self, t: float) -> float:
        if not self.gate_period_ps:
            return 1.0
        x = (t - self.gate_open_ps) % self.gate_period_ps
        if x >= self.gate_width_ps:
            return 0.0
        if self.sine:
            return math.sin(math.pi * x / self.gate_width_ps)
        rise = min(x, self.gate_width_ps - x)
        return min(1.0, rise / self.gate_edge_ps) if self.gate_edge_ps else 1.0

    def to_opening(self, t: float) -> float | None:
        """Time to the next gate, None inside one."""
        x = (t - self.gate_open_ps) % self.gate_period_ps
        return None if x < self.gate_width_ps else self.gate_period_ps - x

    def clicks(
        self, photons_ps: NDArray[np.int64], begin_ps: int, end_ps: int, seed: int
    ) -> NDArray[np.int64]:
        """Return sorted tags of photons that a diode at rest would take."""
        rng = random.Random(seed)
        heap = [(t, PHOTON) for t in photons_ps.tolist()]
        if self.dark_rate_hz:
            t = begin_ps + rng.expovariate(self.dark_rate_hz * 1e-12)
            while t < end_ps:
                heap.append((int(t), DARK))
                t += rng.expovariate(self.dark_rate_hz * 1e-12)
        heapq.heapify(heap)
        live = -math.inf
        tags = []
        while heap:
            t, kind = heapq.heappop(heap)
            if t >= end_ps:
                continue
            if kind == PHOTON and self.persistence:
                wait = self.to_opening(t)
                if wait is not None:
                    lasts = math.exp(-wait / self.persistence_tau_ps)
                    if rng.random() < self.persistence * lasts:
                        flat = self.gate_width_ps / 2 if self.sine else 0.0
                        at = t + wait + (flat or self.gate_edge_ps)
                        heapq.heappush(heap, (int(at), LATE))
                    continue
            if t < live:
                if self.paralysable:
                    live = t + self.dead_ps
                continue
            now = self.gate(t)
            if self.tau_ps and live > -math.inf:
                now *= 1 - math.exp(-(t - live) / self.tau_ps)
            if rng.random() >= now:
                continue
            shift = rng.gauss(0.0, self.sigma_ps) if self.sigma_ps else 0.0
            if rng.random() < self.tail_fraction:
                shift += rng.expovariate(1 / self.tail_ps)
            if self.walk_ps and live > -math.inf:
                shift += self.walk_ps * math.exp(-(t - live) / self.walk_tau_ps)
            tags.append(t + round(shift))
            live = t + self.dead_ps
            if kind == RELEASE and not self.breeds:
                continue
            for mean, tau in self.traps:
                # carriers are caught as clicks of a counter of rate 1 up to `mean`
                caught = rng.expovariate(1.0)
                while caught < mean:
                    wait = rng.expovariate(1 / tau)
                    heapq.heappush(heap, (int(t + wait), RELEASE))
                    caught += rng.expovariate(1.0)
        return np.sort(np.array(tags, np.int64))


@dataclass
class PlainWire:
    """A nanowire behind a readout that is not ideal; currents in uA, times in ps."""

    bias_ua: float
    half_ua: float
    width_ua: float
    tau_ps: float
    dark_rate_hz: float = 0.0
    wire_sigma_ps: float = 0.0
    light_sigma_ps: float = 0.0
    threshold: float = 0.0
    walk_ps: float = 0.0
    ac_ps: float = 0.0
    latching_rate_hz: float = math.inf
    heating_ps: float = 1e6
    gain: float = 1.0

    def efficiency(self, share: float) -> float:
        """Relative to that at rest, for a share of the current at rest."""
        full = 1 + math.erf((self.bias_ua - self.half_ua) / self.width_ua)
        now = 1 + math.erf((share * self.bias_ua - self.half_ua) / self.width_ua)
        return now / full

    def clicks(
        self, photons_ps: NDArray[np.int64], begin_ps: int, end_ps: int, seed: int
    ) -> NDArray[np.int64]:
        """Return sorted tags of photons that a wire at rest would take."""
        rng = random.Random(seed)
        events = [(t, PHOTON) for t in photons_ps.tolist()]
        if self.dark_rate_hz:
            t = begin_ps + rng.expovariate(self.dark_rate_hz * 1e-12)
            while t < end_ps:
                events.append((int(t), DARK))
                t += rng.expovariate(self.dark_rate_hz * 1e-12)
        tags, resets = [], []
        heat = 0.0
        last = -1e18
        for t, kind in sorted(events):
            share = 1 - math.exp(-min((t - last) / self.tau_ps, 50.0))
            if self.ac_ps:
                # every former pulse has left an undershoot of its own area
                while resets and t - resets[0] > 30 * self.ac_ps:
                    resets.pop(0)
                lost = sum(math.exp((r - t) / self.ac_ps) for r in resets)
                share *= max(0.0, 1 - self.tau_ps / self.ac_ps * lost)
            if share <= 0 or rng.random() >= self.efficiency(share):
                continue
            heat = 1 + heat * math.exp(-min((t - last) / self.heating_ps, 50.0))
            resets.append(t)
            last = t
            if share >= self.threshold:
                shift = self.walk_ps * (1 / share - 1)
                if kind == PHOTON:
                    wide = math.hypot(self.light_sigma_ps, self.wire_sigma_ps / share)
                    shift += rng.gauss(0.0, wide)
                tags.append(t + math.floor(shift + 0.5))
            if heat > self.latching_rate_hz * self.heating_ps * 1e-12:
                break
        return np.sort(np.array(tags, np.int64))
