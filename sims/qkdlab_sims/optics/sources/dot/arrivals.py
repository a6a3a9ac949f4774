"""Single photons as arrivals at a bank of detectors: `DotArrivals`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.settings._kernels import NO_LAW
from qkdlab_sims.optics.sources.dot._kernels import Emitter, draw_dot
from qkdlab_sims.optics.sources.dot.parameters import QuantumDot

__all__ = ["DotArrivals"]

_LONGEST_LIFETIMES = 23.0  # of an exponential delay drawn from a 32-bit number
_RESOLUTION = 2.0**-34


class DotArrivals:
    """An `ArrivalSource`: a quantum dot, its modulators and path, behind analysers.

    light:     states by context as for a laser; its photon numbers are the chances
               that a photon of the dot gets so far (modulators, loss), and its
               `intensity_noise_rms`, `pulse_share` and phases mean nothing
    analysers: float64[n_det, 4], from there to each detector, efficiency at rest in
               them, 0 where a detector is off
    interferes: whether two pulses of the dot, brought together by delays, meet at a
               beam splitter in each slot and leave by two ports, the detectors. Each
               input has the dot's numbers and noise. The first photons of both
               inputs meet, with the dot's `indistinguishability`; second photons
               and noise overlap with no other, so each takes a random port
    Raises ValueError where detectors would see more photons than there are and for
    lifetimes of more than a 23rd of a tick.

    Pulses with candidates, photons that the luckiest context would let be seen, are
    drawn by their gaps; how many of them are the dot's, conditioned on any, from a
    table; then the state of blinking at that pulse, by `telegraph`; last what each
    candidate meets. All of it is keyed by (seed, component, tick, event).
    """

    def __init__(
        self,
        dot: QuantumDot,
        light: Light,
        analysers: NDArray[np.float64],
        period_ps: int,
        seed: int,
        component: str = "quantum dot",
        *,
        interferes: bool = False,
    ) -> None:
        if interferes and len(analysers) != 2:
            raise ValueError("a beam splitter has two detectors")
        transfer = np.ascontiguousarray(analysers @ light.transfer())
        seen = 0.5 * light.table.stokes @ transfer.T
        seen = np.maximum(seen, 0.0)
        most = seen.max(axis=1) if interferes else seen.sum(axis=1)
        bound = float(most.max()) * (1.0 + 1e-9)
        if bound > 1.0 + 1e-6:
            raise ValueError("detectors see more photons than the dot emits")
        if dot.lifetime_ps * _LONGEST_LIFETIMES >= PULSES_PER_TICK * period_ps:
            raise ValueError("lifetime_ps must be below a 23rd of a tick")
        self._light = light
        self._transfer = transfer
        self._period_ps = period_ps
        self._keys = np.array([stream_key(seed, component, "photons")])
        self._emitter = _emitter(dot, min(bound, 1.0), period_ps, interferes)
        self._law = NO_LAW
        if light.law is not None:
            self._law = light.law.record(light.first_pulse)
        mean = (dot.brightness * (1.0 + dot.g2_emitter) + dot.noise_photons) * bound
        self._per_tick = PULSES_PER_TICK * mean * (1 + interferes)

    @property
    def per_tick(self) -> float:
        """Bound on the mean number of candidates in a tick."""
        return self._per_tick

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        if self._per_tick == 0.0:
            out.ends[:, : tick_end - tick + 1] = 0
            return tick_end
        light = self._light
        reached: int = draw_dot(
            tick,
            tick_end,
            self._period_ps,
            self._emitter,
            light.table.stokes,
            -light.first_pulse % light.n_contexts,
            self._law,
            light.law is not None,
            self._transfer,
            self._keys,
            poisson_bound(self._per_tick),
            arrival_ps,
            out.t_ps,
            out.chance,
            out.number,
            out.ends,
        )
        if reached < 0:
            raise OverflowError("a tick holds more photons than its bound")
        return reached


def _emitter(
    dot: QuantumDot, bound: float, period_ps: int, interferes: bool
) -> Emitter:
    """Return the dot as the kernels want it, `bound` of its photons candidates."""
    _, one, two = dot.number_chances()
    seen_two = two * bound**2
    second_only = two * (1.0 - bound) * bound
    first_only = one * bound + second_only
    seen_one = first_only + second_only
    none = 1.0 - seen_one - seen_two
    inputs = 2 if interferes else 1
    mean = inputs * dot.noise_photons * bound
    log_dark = -mean - math.inf
    if none > 0.0:
        log_dark = inputs * math.log1p(-seen_one - seen_two) - mean
    with_any = -math.expm1(log_dark)
    # candidates of the dot, whether two of them meet, how likely
    of_dot = [(0, False, none), (1, False, seen_one), (2, False, seen_two)]
    if interferes:
        # of one input: candidates, whether the first photon is among them
        of_one = [
            (0, False, none),
            (1, True, first_only),
            (1, False, second_only),
            (2, True, seen_two),
        ]
        of_dot = [
            (n + m, one_there and other_there, p * q)
            for n, one_there, p in of_one
            for m, other_there, q in of_one
        ]
    chances: list[float] = []
    rows: list[tuple[int, int, bool]] = []
    below, other, chance = 0.0, 0, math.exp(-mean)
    while with_any > 0.0 and below < 1.0 - _RESOLUTION:
        for n, meets, share in of_dot:
            if n + other > 0 and share > 0.0:
                below += chance * share / with_any
                chances.append(below)
                rows.append((n, other, meets))
        other += 1
        chance *= mean / other
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Emitter(
        log_dark,
        np.array(chances),
        np.ascontiguousarray(table[:, 0]),
        np.ascontiguousarray(table[:, 1]),
        table[:, 2] != 0,
        dot.indistinguishability if interferes else -1.0,
        dot.on_share(),
        period_ps / dot.blinking_time_ps(),
        dot.lifetime_ps,
        bound,
    )
