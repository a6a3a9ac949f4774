"""Detectors that bright light has made to answer to power instead of photons.

A detector is in one of three modes. Geiger: it counts photons. Linear: a diode whose
bias the photocurrent has pulled below breakdown. Latched: a wire that stays normal.
In the latter two it clicks when the energy of a pulse exceeds a threshold, which is
what attacks by bright illumination use (standards-attacks-ux.md section 2: Lydersen
2010, and arXiv 1106.2396 for nanowires).

Limits: settled values, no thermal or electrical transients; patterns from a table only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, ArrivalSource
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import uniforms

__all__ = ["Answer", "BrightLight", "Mode", "absorbed_power_w", "pulse_energies_j"]

_CERTAIN = 1e-12
_PHOTON_J_NM = 6.62607015e-34 * 299_792_458.0 * 1e9


class Mode(Enum):
    """What a detector answers to."""

    GEIGER = "geiger"
    LINEAR = "linear"
    LATCHED = "latched"


@dataclass(frozen=True, slots=True)
class Answer:
    """A detector under the present light.

    trigger_j:  energy of a pulse at the detector that clicks with probability 1/2
    spread_j:   standard deviation of the threshold: noise of the comparator
    photocurrent_a: mean, of the light alone
    """

    mode: Mode = Mode.GEIGER
    trigger_j: float = math.inf
    spread_j: float = 0.0
    photocurrent_a: float = 0.0

    def click_probability(self, energy_j: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the click probability of pulses of given energies."""
        from scipy.special import ndtr

        if self.spread_j <= 0.0 or math.isinf(self.trigger_j):
            return (energy_j >= self.trigger_j).astype(np.float64)
        chance: NDArray[np.float64] = ndtr((energy_j - self.trigger_j) / self.spread_j)
        return chance


def absorbed_power_w(
    light: Light, paths: NDArray[np.float64], period_ps: int
) -> NDArray[np.float64]:
    """Return float64[n_det]: mean power at each detector, pulses and the rest.

    paths: float64[n_det, 4], analyser vectors without efficiency
    """
    photons = 0.5 * paths @ light.average_stokes()
    watts: NDArray[np.float64] = (
        photons * _PHOTON_J_NM / light.wavelength_nm / (period_ps * 1e-12)
    )
    return watts


def pulse_energies_j(light: Light, paths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n_contexts, n_det]: energy of pulses at each detector."""
    photons = 0.5 * light.stokes() @ paths.T
    energies: NDArray[np.float64] = photons * _PHOTON_J_NM / light.wavelength_nm
    return energies


class BrightLight:
    """An `ArrivalSource`: photons at detectors that count, trigger pulses at others.

    photons: what arrives at detectors in Geiger mode, none at others
    answers: one per detector
    key:     uint64[2], of the trigger's noise

    Raises ValueError for light whose settings come on demand.
    """

    def __init__(
        self,
        photons: ArrivalSource,
        answers: tuple[Answer, ...],
        light: Light,
        paths: NDArray[np.float64],
        period_ps: int,
        key: NDArray[np.uint64],
    ) -> None:
        if light.law is not None:
            raise ValueError("bright light wants a pattern from a table")
        self._photons = photons
        self._period_ps = period_ps
        self._key = key
        self._first_pulse = light.first_pulse
        energies = pulse_energies_j(light, paths)
        self._chance = {
            d: answer.click_probability(energies[:, d])
            for d, answer in enumerate(answers)
            if answer.mode is not Mode.GEIGER
        }

    @property
    def per_tick(self) -> float:
        """Mean number of arrivals of a tick, or a bound on it."""
        shares = [float(np.any(chance > _CERTAIN)) for chance in self._chance.values()]
        return self._photons.per_tick + PULSES_PER_TICK * sum(shares)

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        end = self._photons.draw(tick, tick_end, arrival_ps, out)
        for d, chance in self._chance.items():
            filled = 0
            out.ends[d, 0] = 0
            for now in range(tick, end):
                within = self._clicking(now, d, chance)
                n = len(within)
                pulse = now * PULSES_PER_TICK + within
                out.t_ps[d, filled : filled + n] = (
                    pulse * self._period_ps + arrival_ps[d]
                )
                out.chance[d, filled : filled + n] = 0.0
                # above the numbers of photons, which share the tick
                out.number[d, filled : filled + n] = (1 << 30) + d * (1 << 16) + within
                filled += n
                out.ends[d, now - tick + 1] = filled
        return end

    def _clicking(
        self, tick: int, d: int, chance: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the pulses of a tick that exceed the threshold."""
        if not np.any(chance > _CERTAIN):
            return np.empty(0, np.int64)
        first = tick * PULSES_PER_TICK
        pulse = np.arange(PULSES_PER_TICK)
        p = chance[(first + pulse - self._first_pulse) % len(chance)]
        clicks = p > 1.0 - _CERTAIN
        open_cases = np.flatnonzero((p > _CERTAIN) & ~clicks)
        if len(open_cases):
            u = uniforms(self._key, first, PULSES_PER_TICK, stream=d)[open_cases, 0]
            clicks[open_cases] = u < p[open_cases]
        return np.flatnonzero(clicks)
