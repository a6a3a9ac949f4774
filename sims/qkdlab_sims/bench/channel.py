"""What the parts between sender and receiver do to light beside losing and turning it.

All are off in a bench that does not ask for them. Widening acts on the light, noise
and echoes join it, fading multiplies its power by time, and what changes the time of
flight moves the clicks: by their number in a second far less than it would take to
change what detectors do in the meantime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S
from qkdlab.errors import ConfigError
from qkdlab.wiring.parts import Fibre, FreeSpace, Interferometer, SatellitePass
from qkdlab_sims.bench.air import Air, background_per_s
from qkdlab_sims.bench.detection import Conditions
from qkdlab_sims.bench.emitter import emitter_of
from qkdlab_sims.bench.incidents import NEVER_PS
from qkdlab_sims.bench.knobs import Knobs
from qkdlab_sims.bench.transfer import Transfer, Turning
from qkdlab_sims.bench.ways import LightWays
from qkdlab_sims.optics.channels.coexistence import (
    ClassicalChannel,
    noise_photons_per_s,
)
from qkdlab_sims.optics.channels.echo import Echo, echo_between
from qkdlab_sims.optics.channels.fibre import FibreSpan
from qkdlab_sims.optics.channels.pmd import PrincipalStates, draw_principal_states
from qkdlab_sims.optics.gaussian import dispersed_fwhm_ps
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.polarization import analyser_vector, mueller_matrix

__all__ = ["ChannelEffects", "span_of"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))
Flights = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def span_of(part: Fibre) -> FibreSpan:
    """Return the fibre of a part."""
    temperature = part.temperature
    return FibreSpan(
        length_km=part.length_km,
        loss_db_per_km=part.loss_db_per_km,
        insertion_loss_db=part.excess_loss_db,
        delay_ps_per_km=part.delay_ps_per_km,
        dispersion_ps_per_nm_km=part.dispersion_ps_per_nm_km,
        pmd_ps_per_sqrt_km=part.pmd_ps_per_sqrt_km,
        thermal_ps_per_km_k=temperature.thermal_ps_per_km_k if temperature else 0.0,
    )


@dataclass(frozen=True, eq=False)
class _Noise:
    """Unpolarized light that enters behind a part: its way on to each detector."""

    photons_per_s: float
    ways: tuple[Transfer, ...]


@dataclass(frozen=True, eq=False)
class _Split:
    """A fibre with two principal states, and the ways before and behind it."""

    states: PrincipalStates
    before: Transfer
    behind: tuple[Transfer, ...]


class ChannelEffects:
    """Effects of the channel parts on the ways to all detectors of a bench.

    ways: of the bench's light

    `mark_flight_ps` is the time of flight of a satellite's frame marks: no cable leads
    to it, so a beacon on the way of the light carries them, which range and Doppler
    delay and stretch as they do the light (Micius had a pulsed beacon for this purpose
    [mem]). None where cables carry them; a fibre's temperature leaves those alone.

    Raises ConfigError for values outside physics, for effects that stand where not all
    light to the detectors passes, for those that an acting Eve, or a modulator of the
    receiver, would have to know, and for those of the laser's light behind a source
    that turns it into another.
    """

    def __init__(self, ways: LightWays, seed: int) -> None:
        self._laser = ways.source.laser
        self._paths = ways.paths
        self._n_source = len(ways.source.stages)
        self._arrival_ps = tuple(way.arrival_ps for way in ways.detectors)
        self._period_ps = ways.source.period_ps
        try:
            self._build(seed)
        except ValueError as error:
            raise ConfigError(f"wiring.parts: {error}") from error
        self._refuse_together(ways)

    def _refuse_together(self, ways: LightWays) -> None:
        """Raise ConfigError for effects that the world has not beside each other."""
        meets_more = ways.eve is not None or ways.modulator is not None
        if meets_more and (self._splits or self.echo is not None):
            raise ConfigError(
                "wiring.parts: the simulated world takes reflections and "
                "pmd_ps_per_sqrt_km without an acting eavesdropper, and for a receiver "
                "without modulators"
            )
        if ways.modulator is not None and self._flights:
            # clicks are moved, so light would keep settings that it no longer meets
            raise ConfigError(
                "wiring.parts: the simulated world takes a fibre's temperature and a "
                "satellite_pass for a receiver without modulators"
            )
        if self._meeting is not None and self._splits:
            raise ConfigError(
                "wiring.parts: the simulated world takes an interferometer without "
                "pmd_ps_per_sqrt_km"
            )
        of_laser = self._dispersion_ps2 != 0.0 or self._splits or self._meeting
        if self._emitter is not None and (of_laser or self.echo is not None):
            raise ConfigError(
                "wiring.parts: the simulated world takes dispersion_ps_per_nm_km, "
                "pmd_ps_per_sqrt_km, reflections and an interferometer for the light "
                "of the laser, not for that of a quantum_dot or pair_source"
            )

    def _build(self, seed: int) -> None:
        self._dispersion_ps2 = self._widened_ps = 0.0
        self._flights: list[Flights] = []
        self.mark_flight_ps: Flights | None = None
        self._noises: list[_Noise] = []
        self._splits: list[_Split] = []
        self._airs: dict[str, Air] = {}
        self.echo: Echo | None = None
        self._meeting: tuple[Interferometer, int] | None = None
        self._kept: tuple[Light, Light] | None = None
        self._emitter = emitter_of(self._paths)
        for at, stage in enumerate(self._paths[0].stages):
            match stage.part:
                case Fibre() as part:
                    self._add_fibre(at, stage.name, part, seed)
                case Interferometer() as part:
                    self._add_interferometer(at, stage.name, part)
                case FreeSpace() | SatellitePass() as part:
                    self._require_common(at, stage.name)
                    self._airs[stage.name] = air = Air(part, seed, stage.name)
                    if air.flight_ps is not None:
                        self._flights.append(air.flight_ps)
                        self.mark_flight_ps = _whole_flight(part, air.flight_ps)
                    self._add_noise(at, background_per_s(part, self._nm))

    @property
    def _nm(self) -> float:
        """Wavelength of the light that arrives."""
        if self._emitter is not None:
            return self._emitter.part.wavelength_nm
        return self._laser.wavelength_nm

    def _require_common(self, at: int, name: str) -> None:
        stages = {path.stages[at].name for path in self._paths if len(path.stages) > at}
        if stages != {name}:
            raise ConfigError(
                f"wiring.parts.{name}: the simulated world wants effects of a channel "
                "where all light to the detectors passes"
            )

    def _add_fibre(self, at: int, name: str, part: Fibre, seed: int) -> None:
        span = span_of(part)
        has_delay = part.temperature is not None
        has_more = part.pmd_ps_per_sqrt_km or part.dispersion_ps_per_nm_km
        if has_delay or has_more or part.reflections or part.coexisting:
            self._require_common(at, name)
        self._dispersion_ps2 += span.dispersion_ps2(self._nm)
        if part.pmd_ps_per_sqrt_km > 0.0:
            states = draw_principal_states(seed, name, span.mean_dgd_ps)
            # two pulses a DGD apart, by thirds of the sphere on the average
            widened = _FWHM_IN_SIGMAS * states.dgd_ps / math.sqrt(6.0)
            self._widened_ps = math.hypot(self._widened_ps, widened)
            stages = self._paths[0].stages
            before = Transfer(stages[self._n_source : at + 1])
            self._splits.append(_Split(states, before, self._behind(at)))
        if has_delay:
            self._flights.append(_thermal_flight(part, span))
        if part.reflections is not None:
            if self.echo is not None:
                raise ConfigError(
                    "wiring.parts: the simulated world takes one fibre that reflects"
                )
            ends = part.reflections
            self.echo = echo_between(ends.near_db, ends.far_db, span)
        channels = tuple(ClassicalChannel(**c.model_dump()) for c in part.coexisting)
        if channels:
            rate = noise_photons_per_s(channels, span, part.filter_nm, self._nm)
            self._add_noise(at, rate)

    def _add_interferometer(self, at: int, name: str, part: Interferometer) -> None:
        self._require_common(at, name)
        if self._laser.pulses is None:
            raise ConfigError(
                f"wiring.parts.{name}: phases meet in an interferometer; give the "
                "laser its `pulses`"
            )
        self._meeting = part, at

    def _behind(self, at: int) -> tuple[Transfer, ...]:
        return tuple(Transfer(path.stages[at + 1 :]) for path in self._paths)

    def _add_noise(self, at: int, photons_per_s: float) -> None:
        if photons_per_s > 0.0:
            self._noises.append(_Noise(photons_per_s, self._behind(at)))

    def applied(self, conditions: Conditions, turning: Turning) -> Conditions:
        """Return the conditions at the detectors with all that the channel adds."""
        background = self.background(turning)
        if self._emitter is not None:
            emission = self._emitter.emission(turning, conditions.light)
            return replace(conditions, background=background, emission=emission)
        light = self.arriving(conditions.light)
        has_more = background is not None or self.echo is not None
        if light is conditions.light and not has_more and self._meeting is None:
            return conditions
        analysers, meeting = conditions.analysers, None
        if self._meeting is not None:
            if light.n_contexts > 1 or conditions.eve is not None:
                raise ConfigError(
                    "wiring.parts: the simulated interferometer takes light without "
                    "settings, and no eavesdropper"
                )
            part, at = self._meeting
            meeting = part.contrast, part.phase_rad
            signs = [1.0 if p.stages[at].exit == "a" else -1.0 for p in self._paths]
            # of each port's half, all that random phases leave
            means = analysers[:, 0].copy()
            analysers = np.outer(means, [1.0, 0.0, 0.0, 0.0])
            analysers[:, 1] = means * signs
        if self._splits:
            analysers = self.analysers(turning, conditions.light)
        return replace(
            conditions,
            light=light,
            analysers=analysers,
            background=background,
            echo=self.echo,
            interferometer=meeting,
        )

    def weather(self, knobs: Knobs, t_ps: int) -> Knobs:
        """Return knobs with the transmission of open air at `t_ps` among them."""
        if not self._airs:
            return knobs
        factors = tuple((n, air.factor(t_ps)) for n, air in self._airs.items())
        return replace(knobs, transmission=knobs.transmission + factors)

    def next_step_ps(self, t_ps: int) -> int:
        """Return when, after `t_ps`, the weather may be another."""
        times = (air.next_step_ps(t_ps) for air in self._airs.values())
        return min(times, default=NEVER_PS)

    @property
    def moves_clicks(self) -> bool:
        """Return whether times of flight change."""
        return bool(self._flights)

    def blur_fwhm_ps(self) -> float:
        """Return the width of nominal pulses at the detectors, jitter included."""
        pulses = self._laser.pulses
        fwhm_ps = self._width_ps(
            self._laser.pulse_fwhm_ps, pulses.chirp if pulses else 0
        )
        jitter_ps = pulses.jitter_rms_ps if pulses else 0.0
        return fwhm_ps + _FWHM_IN_SIGMAS * jitter_ps

    def arriving(self, light: Light) -> Light:
        """Return light with the pulses that arrive; the same object twice for one."""
        if self._dispersion_ps2 == 0.0 and self._widened_ps == 0.0:
            return light
        if self._kept is None or self._kept[0] is not light:
            own = light.dynamics
            if own is None:
                fwhm_ps = self._width_ps(light.pulse_fwhm_ps, 0.0)
                wide = replace(light, pulse_fwhm_ps=fwhm_ps, known_table=light.table)
            else:
                fwhm_ps = self._width_ps(own.pulse_fwhm_ps, own.chirp)
                own = replace(own, pulse_fwhm_ps=fwhm_ps)
                wide = replace(
                    light,
                    dynamics=own,
                    pulse_fwhm_ps=own.blurred_fwhm_ps(),
                    known_table=light.table,
                )
            self._kept = light, wide
        return self._kept[1]

    def _width_ps(self, fwhm_ps: float, chirp: float) -> float:
        if self._dispersion_ps2 != 0.0:
            fwhm_ps = dispersed_fwhm_ps(fwhm_ps, chirp, self._dispersion_ps2)
        return math.hypot(fwhm_ps, self._widened_ps)

    def analysers(self, turning: Turning, sent: Light) -> NDArray[np.float64]:
        """Return float64[n_det, 4], from the sender's modulators to each detector.

        sent: as it leaves the sender. What two delayed copies of a pulse have in common
        follows from its spectrum, which dispersion leaves as it is: their overlap is
        that of pulses without chirp and of the same spectrum, sqrt(1 + C^2) shorter.
        """
        if len(self._splits) != 1:
            raise ConfigError(
                "wiring.parts: the simulated world takes one fibre with pmd_ps_per_"
                "sqrt_km"
            )
        (split,) = self._splits
        own = sent.dynamics
        fwhm_ps = sent.pulse_fwhm_ps
        if own is not None:
            fwhm_ps = own.pulse_fwhm_ps / math.hypot(1.0, own.chirp)
        kept = split.states.polarization_kept(fwhm_ps)
        slow = split.states.slow
        loses = np.eye(4)
        loses[1:, 1:] = kept * np.eye(3) + (1.0 - kept) * np.outer(slow, slow)
        to_behind = loses @ mueller_matrix(split.before.jones(turning))
        vectors = [analyser_vector(way.jones(turning)) for way in split.behind]
        return np.array(vectors) @ to_behind

    def background(self, turning: Turning) -> NDArray[np.float64] | None:
        """Return float64[n_det], photons a period that fall on each detector."""
        if not self._noises:
            return None
        found = np.zeros(len(self._paths))
        for noise in self._noises:
            photons = noise.photons_per_s * self._period_ps / PS_PER_S
            for d, way in enumerate(noise.ways):
                found[d] += 0.5 * analyser_vector(way.jones(turning))[0] * photons
        return found

    def moved(self, d: int, t_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when clicks of a detector come that nominally come at `t_ps`."""
        if not self._flights or not len(t_ps):
            return t_ps
        sent_ps = t_ps - self._arrival_ps[d]
        later = np.zeros(len(t_ps))
        for flight in self._flights:
            later += flight(sent_ps)
        return t_ps + np.rint(later).astype(np.int64)


def _whole_flight(part: FreeSpace | SatellitePass, beyond_ps: Flights) -> Flights:
    nominal_ps = part.delay_ps
    return lambda sent_ps: nominal_ps + beyond_ps(sent_ps)


def _thermal_flight(part: Fibre, span: FibreSpan) -> Flights:
    course = part.temperature
    if course is None:
        raise TypeError("the fibre keeps its temperature")
    per_k = span.thermal_ps_per_km_k * span.length_km

    def later_ps(sent_ps: NDArray[np.int64]) -> NDArray[np.float64]:
        t_s = sent_ps.astype(np.float64) / PS_PER_S
        swing = course.swing_k * np.sin(2.0 * math.pi * t_s / course.swing_period_s)
        return np.asarray(per_k * (course.warming_k_per_s * t_s + swing))

    return later_ps
