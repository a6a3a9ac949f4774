"""Two senders whose light meets at the inputs of one beam splitter."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import Diffuser
from qkdlab_sims.bench.channel import ChannelEffects
from qkdlab_sims.bench.detection import Conditions
from qkdlab_sims.bench.emitter import emitter_of
from qkdlab_sims.bench.meeting_limits import dots_of, refuse_unlike
from qkdlab_sims.bench.met_light import (
    Encounter,
    MetLight,
    MetPhotons,
    Statistics,
)
from qkdlab_sims.bench.sender import Sender
from qkdlab_sims.bench.transfer import Turning
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector
from qkdlab_sims.optics.source import LIGHT_SPEED_M_S

__all__ = ["Meeting"]


class Meeting:
    """The sender at the second input, and what detectors see of both.

    first:  ways of the first sender's light
    ways:   of the second one's, to the same detectors
    sender: the second one

    `channel` holds what the channel's parts do to the second light.

    Raises ConfigError for what the world has not where two lights meet
    (`meeting_limits`).
    """

    def __init__(
        self,
        first: LightWays,
        ways: LightWays,
        sender: Sender,
        seed: int,
    ) -> None:
        refuse_unlike(first, ways)
        emitters = emitter_of(first.paths), emitter_of(ways.paths)
        self._dots = dots_of(emitters)
        self._emitters = [one for one in emitters if one is not None]
        self._statistics = _statistics(first), _statistics(ways)
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
        return PulsePair(
            fwhm_ps=laser.pulse_fwhm_ps,
            delay_ps=self.encounter(light, other).delay_ps,
            jitter_ps=math.hypot(*jitters_ps),
            detuning_ghz=_detuning_ghz(light.wavelength_nm, other.wavelength_nm),
            chirp=0.0 if own[0] is None else own[0].chirp,
        )

    def applied(
        self, conditions: Conditions, turning: Turning, sent: tuple[Light, Light]
    ) -> Conditions:
        """Return the conditions with both lights at the detectors.

        conditions: with the first light alone
        sent:       as the lights leave the senders
        """
        _refuse(sent)
        delivered = self._first, self.ways
        ways = [np.array(one.behind_modulator(turning)) for one in delivered]
        lights = conditions.light, self.channel.arriving(sent[1])
        beside = self._beside(conditions.background, turning)
        if self._dots:
            return replace(
                conditions, background=beside, emission=self._photons(turning, sent)
            )
        for light, way in zip(lights, ways, strict=True):
            vectors = np.array([analyser_vector(jones) for jones in way])
            beside += 0.5 * vectors @ light.continuous_stokes()
        met = MetLight(
            lights,
            self._statistics,
            (ways[0], ways[1]),
            self.pair(*sent),
            self.encounter(*sent),
        )
        return replace(conditions, background=beside, emission=met)

    def _photons(self, turning: Turning, sent: tuple[Light, Light]) -> MetPhotons:
        ways = [
            np.array([way.jones(turning) for way in one.behind])
            for one in self._emitters
        ]
        first, second = (float(light.mean_photons().max()) > 0.0 for light in sent)
        return MetPhotons(
            self._dots,
            (first, second),
            (ways[0], ways[1]),
            _detuning_ghz(*(dot.wavelength_nm for dot in self._dots)),
            self.encounter(*sent),
        )

    def _beside(
        self, background: NDArray[np.float64] | None, turning: Turning
    ) -> NDArray[np.float64]:
        """Return photons a period beside the pulses, of both arms' channels."""
        found = np.zeros(len(self.ways.detectors))
        for one in (background, self.channel.background(turning)):
            if one is not None:
                found += one
        return found


def _detuning_ghz(first_nm: float, second_nm: float) -> float:
    """Return by how much the first light's frequency is above the second's.

    m/s over nm is GHz.
    """
    return LIGHT_SPEED_M_S * (1.0 / first_nm - 1.0 / second_nm)


def _statistics(ways: LightWays) -> Statistics:
    return "thermal" if ways.paths[0].of_kind(Diffuser) else "coherent"


def _refuse(sent: tuple[Light, Light]) -> None:
    """Raise ConfigError for light that cannot meet another, as instruments made it."""
    if any(light.phase_law == "correlated" for light in sent):
        raise ConfigError(
            "wiring.parts: lights that meet want phases that are new for each pulse; "
            "keep both lasers below threshold between pulses"
        )
    if any(light.law is not None for light in sent):
        raise ConfigError(
            "wiring.parts: the simulated world lets lights with patterns meet, not "
            "with settings that never repeat"
        )
