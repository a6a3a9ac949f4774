"""Alice's light up to the last modulator: one table entry per pulse of the pattern."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath
from qkdlab.wiring.parts import IntensityModulator, Laser, PhaseModulator
from qkdlab_sims.bench.fresh_settings import FreshRun
from qkdlab_sims.bench.memory import Words, former_pulses, word_volts
from qkdlab_sims.bench.paths import RfChain, laser_clock, rf_chain
from qkdlab_sims.bench.ports import GeneratorOutput
from qkdlab_sims.bench.transfer import fixed_jones
from qkdlab_sims.optics.awg.response import latency_ps
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.modulator import (
    Amplifier,
    drive,
    intensity_transmission,
    phase_modulator_jones,
)
from qkdlab_sims.optics.source import plain_pulses

__all__ = ["ModulatedSource", "SourceState", "pulse_period_ps", "repeats_after"]

Floats = NDArray[np.float64]
SourceState = tuple[Mapping[tuple[str, int], GeneratorOutput], int, Mapping[str, float]]
"""Outputs, delay and phases, as `ModulatedSource.pattern` takes them."""

_MAX_CONTEXTS = 1 << 20
"""Longest pattern in pulses."""


def repeats_after(*periods: int) -> int:
    """Return after how many pulses patterns of these lengths repeat together.

    Raises ConfigError where the simulated world cannot follow them so long.
    """
    pulses = math.lcm(*periods)
    if pulses > _MAX_CONTEXTS:
        raise ConfigError(
            f"the waveforms of the generators repeat only after {pulses} pulses of the "
            f"laser; the simulated world follows {_MAX_CONTEXTS}: choose sample rates "
            "with a whole number of samples in a few symbols, and waveforms of few "
            "different lengths"
        )
    return pulses


def pulse_period_ps(graph: Graph, laser: str | None = None) -> int:
    """Return the nominal pulse period of the clock that drives a laser.

    laser: the only one when not given

    Raises ConfigError when no clock does, or its period is no whole picosecond.
    """
    part = laser_clock(graph, laser).part
    period = Fraction(10**12) / Fraction(part.frequency_hz)
    if period.denominator != 1:
        raise ConfigError(
            f"wiring.parts: {part.frequency_hz:g} Hz has no period of whole picoseconds"
        )
    return int(period)


class ModulatedSource:
    """Modulators; the light follows what the generators put out.

    path:          a path of the light on which all modulators lie
    owner:         whose modulators they are; of others than the sender what becomes of
                   one photon per pulse in D, right before them
    memory_pulses: how many pulses back the memory of the drive is followed where
                   settings never repeat; as many as a modulator's own `memory` at least
    """

    def __init__(
        self,
        graph: Graph,
        path: OpticalPath,
        memory_pulses: int = 0,
        owner: str | None = None,
    ) -> None:
        self.laser_name = path.laser
        self.laser = graph.parts_of(Laser)[path.laser]
        is_sender = owner is None or owner == self.laser.owner
        owner = self.laser.owner if is_sender else owner
        self.period_ps = pulse_period_ps(graph, path.laser)
        self._drives: list[_Drive] = []
        n_stages = 0
        delay_ps = 0
        for at, stage in enumerate(path.stages):
            delay_ps += stage.delay_ps
            part = stage.part
            if not isinstance(part, IntensityModulator | PhaseModulator):
                continue
            if part.owner == owner:
                chain = rf_chain(graph, stage.name)
                self._drives.append(_Drive(stage.name, part, chain, delay_ps))
                n_stages = at + 1
        self._last: tuple[list[GeneratorOutput | None], Any, Light] | None = None
        own = [len(_memory(one.modulator)) for one in self._drives]
        self.memory_pulses = max([memory_pulses, *own])
        self.stages = path.stages[:n_stages] if is_sender else ()
        """Up to and with the last modulator."""

    def pattern(
        self,
        outputs: Mapping[tuple[str, int], GeneratorOutput],
        delay_ps: int,
        phases_rad: Mapping[str, float],
    ) -> Light:
        """Return what becomes of one photon per pulse behind the last modulator.

        outputs:    by generator and channel
        delay_ps:   pulse k leaves the laser so long after its slot opens
        phases_rad: of intensity modulators without RF drive; 0 where none is given

        One context when all outputs rest. The same object as before when nothing that
        drives a modulator changed.
        """
        driven = [
            outputs.get(one.source) if one.source is not None else None
            for one in self._drives
        ]
        driven = [out if out is not None and out.enabled else None for out in driven]
        state = delay_ps, dict(phases_rad)
        if (
            self._last is None
            or self._last[1] != state
            or not all(map(_unchanged, self._last[0], driven))
        ):
            light = self._pattern(driven, delay_ps, phases_rad)
            self._last = driven, state, light
        return self._last[2]

    def remembering(self, shown: Light, state: SourceState, fresh: FreshRun) -> Light:
        """Return light whose pulses follow a law that sees pulses before.

        shown: the pattern of the same state, every setting in turn
        """
        outputs, delay_ps, phases_rad = state
        settings = fresh.law.settings
        words = Words.of(fresh.order, np.array(settings.shares.probabilities()))
        jones = np.ones((len(words.labels), 2), np.complex128)
        first_ps = shown.first_pulse * self.period_ps + delay_ps
        for one in self._drives:
            output = None if one.source is None else outputs.get(one.source)
            phase_rad = phases_rad.get(one.name, 0.0)
            if output is not None and output.enabled:
                samples = round(output.sample_rate_hz * self.period_ps * 1e-12)
                held = fresh.run.HELD * samples
                levels_v = output.volts[: held * len(words.weights) : held]
                volts, settled = one.word_volts(
                    output, words, levels_v, first_ps, samples
                )
            else:
                volts = np.zeros(len(jones))
                settled = np.zeros(words.labels.shape)
            jones *= _modulation(one.modulator, volts, phase_rad, settled)
        return self._unmodulated().modulated(jones, shown.first_pulse, fresh.law)

    def _unmodulated(self) -> Light:
        light = plain_pulses(self.laser.wavelength_nm, self.laser.pulse_fwhm_ps)
        for stage in self.stages:
            light = light.through(fixed_jones(stage))
        return light

    def lags_ps(
        self, outputs: Mapping[tuple[str, int], GeneratorOutput]
    ) -> dict[str, tuple[GeneratorOutput, float]]:
        """Return by modulator its output, and when light meets a transition of it.

        From the transition at the generator to the middle of that at the modulator,
        less the light's way from the laser.
        """
        found: dict[str, tuple[GeneratorOutput, float]] = {}
        for one in self._drives:
            output = None if one.source is None else outputs.get(one.source)
            if output is not None:
                found[one.name] = output, one.lag_ps(output) + one.response_ps
        return found

    def _pattern(
        self,
        driven: Sequence[GeneratorOutput | None],
        delay_ps: int,
        phases_rad: Mapping[str, float],
    ) -> Light:
        light = self._unmodulated()
        first_pulse, n_contexts = self._extent(driven, delay_ps)
        pulses = first_pulse + np.arange(n_contexts)
        jones = np.ones((n_contexts, 2), np.complex128)
        for one, output in zip(self._drives, driven, strict=True):
            volts = one.volts(output, pulses, self.period_ps, delay_ps)
            jones *= _modulation(one.modulator, volts, phases_rad.get(one.name, 0.0))
        return light.modulated(jones, first_pulse)

    def _extent(
        self, driven: Sequence[GeneratorOutput | None], delay_ps: int
    ) -> tuple[int, int]:
        """Return the first pulse of the pattern and its length in pulses.

        The first pulse is the first that meets more of symbol 0 than of what was
        before it.
        """
        n_contexts, first_pulse = 1, 0
        running = [
            (one, out)
            for one, out in zip(self._drives, driven, strict=True)
            if out is not None
        ]
        for _, output in running:
            period = Fraction(len(output.volts) * 10**12)
            period /= Fraction(output.sample_rate_hz)
            # The pattern of one channel repeats after so many pulses.
            n_pulses = (period / self.period_ps).numerator
            n_contexts = math.lcm(n_contexts, n_pulses)
        if running:
            one, output = running[0]
            begin_ps = output.start_ps + one.lag_ps(output) - delay_ps
            first_pulse = math.ceil(begin_ps / self.period_ps)
        return first_pulse, repeats_after(n_contexts)


class _Drive:
    """A modulator and what drives it.

    delay_ps: from the laser until the pulse passes the modulator
    """

    def __init__(
        self,
        name: str,
        modulator: IntensityModulator | PhaseModulator,
        chain: RfChain | None,
        delay_ps: int,
    ) -> None:
        self.name = name
        self.modulator = modulator
        self._delay_ps = delay_ps
        self._chain = chain
        self._amplifier = _amplifier(chain)
        self._last: tuple[GeneratorOutput, NDArray[np.float64]] | None = None
        self._last_volts = np.zeros(0)

    @property
    def source(self) -> tuple[str, int] | None:
        """The generator and channel that drive the modulator, if any do."""
        return (self._chain.awg, self._chain.channel) if self._chain else None

    @property
    def response_ps(self) -> float:
        """By how much the modulator's bandwidth delays a transition."""
        return 1e12 / (2.0 * math.pi * self.modulator.bandwidth_hz)

    def lag_ps(self, output: GeneratorOutput) -> float:
        """Return how much later than light from the laser a sample takes effect."""
        cable_ps = self._chain.delay_ps if self._chain else 0
        response_ps = latency_ps(output.filter, output.sample_rate_hz)
        return cable_ps + response_ps - self._delay_ps

    def volts(
        self,
        output: GeneratorOutput | None,
        pulses: NDArray[np.int64],
        period_ps: int,
        delay_ps: int,
    ) -> NDArray[np.float64]:
        """Return the volts at the electrodes when each pulse passes."""
        if self._chain is None or output is None:
            return np.zeros(len(pulses))
        since_start_ps = pulses * period_ps + delay_ps + self._delay_ps
        since_start_ps -= output.start_ps + self._chain.delay_ps
        times_ps = since_start_ps.astype(np.float64)
        # Generators tell of every command; most change one channel only.
        if self._last is None or not _same(self._last, (output, times_ps)):
            self._last_volts = drive(
                output.volts * 10.0 ** (-self._chain.loss_db / 20.0),
                output.sample_rate_hz,
                output.filter,
                self._amplifier,
                self.modulator.bandwidth_hz,
                times_ps,
            )
            self._last = (output, times_ps)
        return self._last_volts

    def word_volts(
        self,
        output: GeneratorOutput,
        words: Words,
        levels_v: Floats,
        first_ps: int,
        samples: int,
    ) -> tuple[Floats, Floats]:
        """Return what `memory.word_volts` does; pulse 0 leaves at `first_ps`."""
        if self._chain is None:
            return np.zeros(len(words.labels)), np.zeros(words.labels.shape)
        begin_ps = output.start_ps + self._chain.delay_ps
        return word_volts(
            words,
            levels_v * 10.0 ** (-self._chain.loss_db / 20.0),
            output.sample_rate_hz,
            output.filter,
            self._amplifier,
            self.modulator.bandwidth_hz,
            first_ps + self._delay_ps - begin_ps,
            samples,
        )


def _memory(part: IntensityModulator | PhaseModulator) -> tuple[float, ...]:
    return part.memory if isinstance(part, IntensityModulator) else ()


def _unchanged(a: GeneratorOutput | None, b: GeneratorOutput | None) -> bool:
    """Return whether two outputs are known to be alike; volts are not compared."""
    if a is None or b is None:
        return a is b
    return a.volts is b.volts and (a.sample_rate_hz, a.filter, a.start_ps) == (
        b.sample_rate_hz,
        b.filter,
        b.start_ps,
    )


def _same(
    one: tuple[GeneratorOutput, NDArray[np.float64]],
    other: tuple[GeneratorOutput, NDArray[np.float64]],
) -> bool:
    (a, times_a), (b, times_b) = one, other
    return (
        (a.sample_rate_hz, a.filter) == (b.sample_rate_hz, b.filter)
        and np.array_equal(times_a, times_b)
        and np.array_equal(a.volts, b.volts)
    )


def _amplifier(chain: RfChain | None) -> Amplifier:
    if chain is None or not chain.amplifiers:
        return Amplifier()
    label, *more = chain.amplifiers
    if more:
        raise ConfigError(
            "wiring.parts: the simulated world takes one amplifier in front of a "
            f"modulator, found {len(chain.amplifiers)}"
        )
    return Amplifier(label.gain, label.saturation_v, label.ac_coupling_hz)


def _modulation(
    part: IntensityModulator | PhaseModulator,
    volts: Floats,
    phase_rad: float,
    settled_v: Floats | None = None,
) -> NDArray[np.complex128] | Floats:
    """Return factors of the two polarizations' amplitudes, [n, 2] or [n, 1].

    settled_v: of each pulse and of those before it; pulses of a pattern follow each
               other round and round when not given
    """
    if isinstance(part, PhaseModulator):
        return phase_modulator_jones(volts, part.v_pi_v, residual_am=part.residual_am)
    power = _transmission(part, volts, phase_rad)
    if part.memory:
        if settled_v is not None:
            before = _transmission(part, settled_v, phase_rad)
        else:
            lags = range(1 + len(part.memory))
            before = np.stack([np.roll(power, lag) for lag in lags], axis=1)
        power = power * former_pulses(before, part.memory)
    return np.sqrt(power)[:, None]


def _transmission(part: IntensityModulator, volts: Floats, phase_rad: float) -> Floats:
    return intensity_transmission(volts, part.v_pi_v, part.extinction_db, phase_rad)
