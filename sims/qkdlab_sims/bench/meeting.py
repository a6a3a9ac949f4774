"""Two senders whose light meets at the inputs of one beam splitter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab_sims.bench.channel import ChannelEffects
from qkdlab_sims.bench.detection import Conditions
from qkdlab_sims.bench.sender import Sender
from qkdlab_sims.bench.transfer import Turning
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.optics.arms.two_arms import Arm, TwoArms, both_polarizations
from qkdlab_sims.optics.arrivals import ArrivalSource
from qkdlab_sims.optics.bank import Bank
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.interference.two_lights import Input, TwoLights
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.rng import stream_key

__all__ = ["Encounter", "Meeting"]

_LIGHT_NM_GHZ = 299_792_458.0


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


class Meeting:
    """The sender at the second input, and what detectors see of both.

    first:  ways of the first sender's light
    ways:   of the second one's, to the same detectors
    sender: the second one

    `channel` holds what the channel's parts do to the second light.

    Raises ConfigError for what the world has not where two lights meet.
    """

    def __init__(
        self,
        first: LightWays,
        ways: LightWays,
        sender: Sender,
        seed: int,
    ) -> None:
        self.ways = ways
        self.sender = sender
        self.channel = ChannelEffects(ways, seed)
        self._first = first
        self.period_ps = first.source.period_ps
        self._flight_ps = ways.detectors[0].arrival_ps - first.detectors[0].arrival_ps

    def encounter(self, light: Light, other: Light) -> Encounter:
        """Return how the pulses of both senders meet."""
        second_ps = other.delay_ps + self._flight_ps
        return Encounter.of(light.delay_ps, second_ps, self.period_ps)

    def pair(self, light: Light, other: Light) -> PulsePair:
        """Return how alike the pulses are that meet.

        Dispersion, the same in both arms, leaves that as it was at the lasers.
        """
        laser = self._first.source.laser
        own = [one.dynamics for one in (light, other)]
        jitters_ps = [0.0 if one is None else one.jitter_rms_ps for one in own]
        per_nm = 1.0 / light.wavelength_nm - 1.0 / other.wavelength_nm
        return PulsePair(
            fwhm_ps=laser.pulse_fwhm_ps,
            delay_ps=self.encounter(light, other).delay_ps,
            jitter_ps=math.hypot(*jitters_ps),
            detuning_ghz=_LIGHT_NM_GHZ * per_nm,
            chirp=0.0 if own[0] is None else own[0].chirp,
        )

    def applied(
        self, conditions: Conditions, turning: Turning, sent: tuple[Light, Light]
    ) -> Conditions:
        """Return the conditions with both lights at the detectors.

        conditions: with the first light alone
        sent:       as the lights leave the senders
        """
        if "correlated" in (sent[0].phase_law, sent[1].phase_law):
            raise ConfigError(
                "wiring.parts: lights that meet want phases that are new for each "
                "pulse; keep both lasers below threshold between pulses"
            )
        ways = [np.array(w.behind_modulator(turning)) for w in (self._first, self.ways)]
        lights = conditions.light, self.channel.arriving(sent[1])
        background = np.zeros(len(self.ways.detectors))
        if conditions.background is not None:
            background += conditions.background
        beside = self.channel.background(turning)
        if beside is not None:
            background += beside
        for light, way in zip(lights, ways, strict=True):
            vectors = np.array([analyser_vector(jones) for jones in way])
            background += 0.5 * vectors @ light.continuous_stokes()
        met = MetLight(
            lights[0],
            lights[1],
            (ways[0], ways[1]),
            self.pair(*sent),
            self.encounter(*sent),
        )
        return replace(conditions, background=background, emission=met)


@dataclass(frozen=True, eq=False)
class MetLight:
    """Two lights behind a beam splitter; an `Emission`.

    ways: complex128[n_det, 2, 2] each, from the light to the detectors
    """

    first: Light
    second: Light
    ways: tuple[NDArray[np.complex128], NDArray[np.complex128]]
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
        return max(self.first.pulse_fwhm_ps, self.second.pulse_fwhm_ps)

    def arrivals(self, efficiencies: NDArray[np.float64], bank: Bank) -> ArrivalSource:
        """Return what detectors of these efficiencies meet."""
        lights = [
            replace(one, first_pulse=one.first_pulse + shift, known_table=one.table)
            for one, shift in zip(
                (self.first, self.second), self.encounter.shifts, strict=True
            )
        ]
        a, b = (
            Input(light, both_polarizations(way, efficiencies))
            for light, way in zip(lights, self.ways, strict=True)
        )
        met = TwoLights(a, b, self.pair, bank.period_ps, bank.seed)
        arms = [Arm(np.abs(one.fields()) ** 2, one.light.first_pulse) for one in (a, b)]
        if self.encounter.delay_ps > 0:  # the first comes later
            arms.reverse()
        return TwoArms(
            met,
            arms[0],
            arms[1],
            abs(self.encounter.delay_ps),
            bank.period_ps,
            stream_key(bank.seed, "interference", "arms"),
        )
