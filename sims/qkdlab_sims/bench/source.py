"""Alice's light up to the last modulator: one table entry per pulse of the pattern."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath
from qkdlab.wiring.parts import Clock, IntensityModulator, Laser, PhaseModulator
from qkdlab_sims.bench.paths import RfChain, find_part, rf_chain
from qkdlab_sims.bench.ports import GeneratorOutput
from qkdlab_sims.bench.transfer import fixed_jones
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.modulator import (
    Amplifier,
    drive,
    intensity_transmission,
    phase_modulator_jones,
)
from qkdlab_sims.optics.source import GainSwitchedLaser

__all__ = ["MAX_CONTEXTS", "ModulatedSource", "pulse_period_ps"]

MAX_CONTEXTS = 1 << 20
"""Longest pattern in pulses. Waveforms whose combination with the pulse train repeats
only later are cut there and begin anew."""


def pulse_period_ps(graph: Graph) -> int:
    """Return the pulse period set by the clock that drives the laser.

    Raises ConfigError when no clock does, or its period is no whole picosecond.
    """
    laser = find_part(graph, Laser)[0]
    link = graph.entering(laser, "clock")
    part = None if link is None else graph.wiring.parts[link.source[0]]
    if not isinstance(part, Clock):
        raise ConfigError(f"wiring.cables: no clock drives {laser}.clock")
    period = Fraction(10**12) / Fraction(part.frequency_hz)
    if period.denominator != 1:
        raise ConfigError(
            f"wiring.parts: {part.frequency_hz:g} Hz has no period of whole picoseconds"
        )
    return int(period)


class ModulatedSource:
    """Laser and modulators; the light follows what the generators put out.

    path: a path of the light on which all modulators lie
    """

    def __init__(self, graph: Graph, path: OpticalPath) -> None:
        self.laser = find_part(graph, Laser)[1]
        self.period_ps = pulse_period_ps(graph)
        self._drives: list[_Drive] = []
        n_stages = 0
        delay_ps = self.laser.pulse_delay_ps
        for at, stage in enumerate(path.stages):
            delay_ps += stage.delay_ps
            if isinstance(stage.part, IntensityModulator | PhaseModulator):
                chain = rf_chain(graph, stage.name)
                self._drives.append(_Drive(stage.part, chain, delay_ps))
                n_stages = at + 1
        self._last: tuple[list[GeneratorOutput | None], Light] | None = None
        self.stages = path.stages[:n_stages]
        """Up to and with the last modulator."""

    def light(self, outputs: Mapping[tuple[str, int], GeneratorOutput]) -> Light:
        """Return the light behind the last modulator for the present waveforms.

        outputs: by generator and channel

        One context when all outputs rest. The same object as before when nothing that
        drives a modulator changed.
        """
        driven = [one.running(outputs) for one in self._drives]
        if self._last is None or not all(map(_unchanged, self._last[0], driven)):
            self._last = driven, self._light(driven)
        return self._last[1]

    def _light(self, driven: Sequence[GeneratorOutput | None]) -> Light:
        light = GainSwitchedLaser(
            mean_power_dbm=self.laser.mean_power_dbm,
            wavelength_nm=self.laser.wavelength_nm,
            repetition_hz=1e12 / self.period_ps,
            pulse_fwhm_ps=self.laser.pulse_fwhm_ps,
        ).light()
        for stage in self.stages:
            light = light.through(fixed_jones(stage))
        first_pulse, n_contexts = self._pattern([out for out in driven if out])
        pulses = first_pulse + np.arange(n_contexts)
        jones = np.broadcast_to(np.eye(2, dtype=np.complex128), (n_contexts, 2, 2))
        for one, output in zip(self._drives, driven, strict=True):
            volts = one.volts(output, pulses, self.period_ps)
            jones = _modulate(one.modulator, volts, jones)
        return light.modulated(np.ascontiguousarray(jones), first_pulse)

    def _pattern(self, running: list[GeneratorOutput]) -> tuple[int, int]:
        """Return the first pulse of the pattern and its length in pulses."""
        n_contexts, first_pulse = 1, 0
        for output in running:
            period = Fraction(len(output.volts) * 10**12)
            period /= Fraction(output.sample_rate_hz)
            # The pattern of one channel repeats after so many pulses.
            n_pulses = (period / self.period_ps).numerator
            n_contexts = math.lcm(n_contexts, n_pulses)
        if running:
            since_ps = running[0].start_ps - self._drives[0].delay_ps
            first_pulse = -(-since_ps // self.period_ps)
        return first_pulse, min(n_contexts, MAX_CONTEXTS)


class _Drive:
    """A modulator and what drives it.

    delay_ps: from the clock edge until the pulse passes the modulator
    """

    def __init__(
        self,
        modulator: IntensityModulator | PhaseModulator,
        chain: RfChain | None,
        delay_ps: int,
    ) -> None:
        self.modulator = modulator
        self.delay_ps = delay_ps
        self._chain = chain
        self._amplifier = _amplifier(chain)
        self._last: tuple[GeneratorOutput, NDArray[np.float64]] | None = None
        self._last_volts = np.zeros(0)

    def running(
        self, outputs: Mapping[tuple[str, int], GeneratorOutput]
    ) -> GeneratorOutput | None:
        """Return the output that drives the modulator, if it is on."""
        if self._chain is None:
            return None
        output = outputs[self._chain.awg, self._chain.channel]
        return output if output.enabled else None

    def volts(
        self,
        output: GeneratorOutput | None,
        pulses: NDArray[np.int64],
        period_ps: int,
    ) -> NDArray[np.float64]:
        """Return the volts at the electrodes when each pulse passes."""
        if self._chain is None or output is None:
            return np.zeros(len(pulses))
        since_start_ps = pulses * period_ps + self.delay_ps
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


def _modulate(
    part: IntensityModulator | PhaseModulator,
    volts: NDArray[np.float64],
    jones: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    if isinstance(part, IntensityModulator):
        amplitude = np.sqrt(
            intensity_transmission(volts, part.v_pi_v, part.extinction_db)
        )
        return amplitude[:, None, None] * jones
    return phase_modulator_jones(volts, part.v_pi_v) @ jones
