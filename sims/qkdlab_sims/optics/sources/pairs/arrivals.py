"""Pairs as arrivals at one side's detectors: `PairArrivals`, and both sides' clicks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.bank import Clicks, DetectorState
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.sources.pairs._kernels import (
    BATCH,
    STREAMS,
    draw_continuous,
    draw_pulsed,
)
from qkdlab_sims.optics.sources.pairs.outcomes import (
    joint_probabilities,
    outcome_tables,
)
from qkdlab_sims.optics.sources.pairs.parameters import PairSource

__all__ = ["PairArrivals", "simulate_pairs"]


class PairArrivals:
    """An `ArrivalSource`: what the detectors of Alice or of Bob meet of a pair source.

    The two sides are drawn apart, each with all pairs that both see, from numbers
    keyed by (seed, component, tick, pair). So they may run in different processes, as
    long as they agree on the arguments.

    alice, bob:  float64[n, 4], analyser vectors of each side's detectors times their
                 efficiencies at rest (0 where a detector is off)
    period_ps:   of the banks' slots; pulses, if any, come at their openings
    Raises ValueError as `joint_probabilities`, for more than 100 detectors, and for
    delays that are longer than half a tick.
    """

    def __init__(
        self,
        source: PairSource,
        side: Literal["alice", "bob"],
        alice: NDArray[np.float64],
        bob: NDArray[np.float64],
        period_ps: int,
        seed: int,
        component: str = "pair source",
    ) -> None:
        chances = joint_probabilities(source, alice, bob)
        tick_ps = PULSES_PER_TICK * period_ps
        if max(len(alice), len(bob)) > STREAMS:
            raise ValueError(f"a pair source wants at most {STREAMS} detectors a side")
        if 2 * source.lead_ps() >= tick_ps // 2:
            raise ValueError("delays within pairs must be shorter than half a tick")
        self._side = 0 if side == "alice" else 1
        self._keys = np.array([stream_key(seed, component, "pairs")])
        self._kernel: Callable[..., int] = draw_continuous
        chances[-1, -1] = 0.0
        seen = float(chances.sum())
        ours = chances.T if self._side else chances
        both = chances
        pairs = source.pair_rate_hz * tick_ps * 1e-12
        if pairs > 0.0:
            both = chances[:-1, :-1]
            singles = np.ascontiguousarray(pairs * ours[:-1, -1])
            coincidences = pairs * float(both.sum())
            sigma_ps = source.peak_sigma_ps()
            self._law: tuple[Any, ...] = tick_ps, coincidences, singles, sigma_ps
        elif source.pairs_per_pulse * seen > 0.0:
            pairs = source.pairs_per_pulse * PULSES_PER_TICK
            pairs *= 1.0 + source.pairs_per_pulse * seen / source.schmidt_number
            self._kernel = draw_pulsed
            self._law = (
                period_ps,
                source.log_dark(seen),
                source.seen_counts(seen),
                source.emission_sigmas_ps(),
            )
        self._per_tick = pairs * float(ours[:-1].sum())
        if self._per_tick > 0.0:
            tables = outcome_tables(both if both.any() else np.ones_like(both))
            self._rest = (
                source.lead_ps(),
                self._side,
                tables[self._side],
                self._keys,
                poisson_bound(self._per_tick) + BATCH,
            )

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals in a tick; more where pairs come in bunches."""
        return self._per_tick

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        if self._per_tick == 0.0:
            out.ends[:, : tick_end - tick + 1] = 0
            return tick_end
        rows = out.t_ps, out.chance, out.number, out.ends
        reached = self._kernel(
            tick, tick_end, *self._law, *self._rest, arrival_ps, *rows
        )
        if reached < 0:
            raise OverflowError("a tick holds more photons than its bound")
        return reached


def simulate_pairs(
    source: PairSource,
    alice: tuple[DetectorState, NDArray[np.float64]],
    bob: tuple[DetectorState, NDArray[np.float64]],
    k0: int,
    k1: int,
    *,
    seed: int,
) -> tuple[Clicks, Clicks]:
    """Return both sides' clicks that slots [k0, k1) give; see `engine.detect`.

    alice, bob: detectors, and their analysers as of `PairArrivals`. Raises ValueError
    too where the two banks differ in their slots or share their random numbers.
    """
    banks = alice[0].bank, bob[0].bank
    if banks[0].period_ps != banks[1].period_ps:
        raise ValueError("both sides of a pair source want slots of one length")
    if np.array_equal(banks[0].keys, banks[1].keys):
        raise ValueError("both sides of a pair source want streams of their own")
    period_ps = banks[0].period_ps
    analysers = alice[1], bob[1]
    a = PairArrivals(source, "alice", *analysers, period_ps, seed)
    b = PairArrivals(source, "bob", *analysers, period_ps, seed)
    return detect(alice[0], a, k0, k1), detect(bob[0], b, k0, k1)
