"""What detectors see of two lights that met at a beam splitter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab.wiring.parts import QuantumDot
from qkdlab_sims.optics.arms.two_arms import Arm, TwoArms, both_polarizations
from qkdlab_sims.optics.arrivals import ArrivalSource
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input, TwoLights
from qkdlab_sims.optics.interference.two_photons import PhotonInput, TwoPhotons
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.rng import stream_key

__all__ = ["Encounter", "MetLight", "MetPhotons", "Statistics", "Ways"]

Ways = tuple[NDArray[np.complex128], NDArray[np.complex128]]
"""By arm complex128[n_det, 2, 2], Jones matrices from the light to the detectors."""
Statistics = Literal["coherent", "thermal"]
_HORIZONTAL = np.array([[1.0 + 0j, 0.0]])


@dataclass(frozen=True)
class Encounter:
    """Which pulses of two arms meet, and when.

    delay_ps:      centre of the first arm's pulse after that of the second's, of the
                   two that meet: at most half a period
    slot_delay_ps: the earlier of both comes so long after its slot opens, below one
                   period; time of flight in the first arm left out
    shifts:        by how many slots each arm's pulses come late
    """

    delay_ps: int
    slot_delay_ps: int
    shifts: tuple[int, int]

    @classmethod
    def of(cls, first_ps: int, second_ps: int, period_ps: int) -> Encounter:
        """Return what follows from when pulse 0 of each arm comes."""
        slots = round((second_ps - first_ps) / period_ps)
        delay_ps = first_ps - (second_ps - slots * period_ps)
        moved, slot_delay_ps = divmod(first_ps - max(delay_ps, 0), period_ps)
        return cls(delay_ps, slot_delay_ps, (moved, moved + slots))


def _joined(
    met: ArrivalSource, arms: tuple[Arm, Arm], encounter: Encounter, bank: Bank
) -> TwoArms:
    is_first_late = encounter.delay_ps > 0
    return TwoArms(
        met,
        arms[1] if is_first_late else arms[0],
        arms[0] if is_first_late else arms[1],
        abs(encounter.delay_ps),
        bank.period_ps,
        stream_key(bank.seed, "interference", "arms"),
    )


@dataclass(frozen=True, eq=False)
class MetLight:
    """Two lights of lasers behind a beam splitter; an `Emission`.

    statistics: of each one's power
    """

    lights: tuple[Light, Light]
    statistics: tuple[Statistics, Statistics]
    ways: Ways
    pair: PulsePair
    encounter: Encounter
    lead_ps: int = 0

    @property
    def delay_ps(self) -> int:
        """By which the earlier light comes after its slot opens."""
        return self.encounter.slot_delay_ps

    @property
    def pulse_fwhm_ps(self) -> float:
        """Width of the wider pulses, jitter in it."""
        return max(one.pulse_fwhm_ps for one in self.lights)

    def arrivals(self, efficiencies: NDArray[np.float64], bank: Bank) -> ArrivalSource:
        """Return what detectors of these efficiencies meet."""
        a, b = (self._input(which, efficiencies) for which in (0, 1))
        met = TwoLights(a, b, self.pair, bank.period_ps, bank.seed)
        arms = (_arm_of(a), _arm_of(b))
        return _joined(met, arms, self.encounter, bank)

    def _input(self, which: int, efficiencies: NDArray[np.float64]) -> Input:
        light = self.lights[which]
        first_pulse = light.first_pulse + self.encounter.shifts[which]
        return Input(
            replace(light, first_pulse=first_pulse, known_table=light.table),
            both_polarizations(self.ways[which], efficiencies),
            self.statistics[which],
        )


def _arm_of(one: Input) -> Arm:
    return Arm(np.abs(one.fields()) ** 2, one.light.first_pulse)


@dataclass(frozen=True, eq=False)
class MetPhotons:
    """Photons of two dots behind a beam splitter; an `Emission`.

    is_on: whether the lasers excite them

    The wave packets are exponential with the dots' lifetime T: M of both dots, times
    exp(-|delay| / T) / (1 + (detuning T)^2), is how alike two photons are. Clicks
    come as at the excitation: the time to the emission is not in them.
    """

    dots: tuple[QuantumDot, ...]
    is_on: tuple[bool, bool]
    ways: Ways
    detuning_ghz: float
    encounter: Encounter
    lead_ps: int = 0
    pulse_fwhm_ps: float = 0.0

    @property
    def delay_ps(self) -> int:
        """By which the earlier light comes after its slot opens."""
        return self.encounter.slot_delay_ps

    def indistinguishability(self) -> float:
        """Return how alike two photons are that meet."""
        alike = math.prod(dot.indistinguishability for dot in self.dots)
        lifetime_ps, late_ps = self.dots[0].lifetime_ps, abs(self.encounter.delay_ps)
        if late_ps:
            alike *= math.exp(-late_ps / lifetime_ps) if lifetime_ps else 0.0
        return alike / (1.0 + (2e-3 * math.pi * self.detuning_ghz * lifetime_ps) ** 2)

    def arrivals(self, efficiencies: NDArray[np.float64], bank: Bank) -> ArrivalSource:
        """Return what detectors of these efficiencies meet."""
        a, b = (self._input(which, efficiencies) for which in (0, 1))
        alike = self.indistinguishability()
        met = TwoPhotons(a, b, alike, bank.period_ps, bank.seed)
        arms = tuple(
            Arm(one.brightness * np.abs(one.amplitudes()) ** 2) for one in (a, b)
        )
        return _joined(met, (arms[0], arms[1]), self.encounter, bank)

    def _input(self, which: int, efficiencies: NDArray[np.float64]) -> PhotonInput:
        brightness = self.dots[which].brightness if self.is_on[which] else 0.0
        paths = both_polarizations(self.ways[which], efficiencies)
        return PhotonInput(_HORIZONTAL, brightness, paths)
