"""Alice's light up to the last modulator: one table entry per pulse of the pattern."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import ConfigError
from qkdlab.wiring.graph import Graph, OpticalPath
from qkdlab.wiring.parts import Clock, IntensityModulator, Laser, PhaseModulator
from qkdlab_sims.bench.paths import RfChain, find_part, rf_chain
from qkdlab_sims.bench.ports import GeneratorOutput, GeneratorPort
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
        self._modulators: list[
            tuple[IntensityModulator | PhaseModulator, RfChain | None, int]
        ] = []
        n_stages = 0
        delay_ps = self.laser.pulse_delay_ps
        for at, stage in enumerate(path.stages):
            # Light meets the part this long after the clock edge.
            delay_ps += stage.delay_ps
            if isinstance(stage.part, IntensityModulator | PhaseModulator):
                chain = rf_chain(graph, stage.name)
                self._modulators.append((stage.part, chain, delay_ps))
                n_stages = at + 1
        self.stages = path.stages[:n_stages]
        """Up to and with the last modulator."""

    def light(self, generators: Mapping[str, GeneratorPort]) -> Light:
        """Return the light behind the last modulator for the present waveforms.

        `generators`: by part. Unmodulated light (one context) when all outputs rest.
        """
        light = GainSwitchedLaser(
            mean_power_dbm=self.laser.mean_power_dbm,
            wavelength_nm=self.laser.wavelength_nm,
            repetition_hz=1e12 / self.period_ps,
            pulse_fwhm_ps=self.laser.pulse_fwhm_ps,
        ).light()
        for stage in self.stages:
            light = light.through(fixed_jones(stage))
        outputs = [
            None if chain is None else generators[chain.awg].output(chain.channel)
            for _, chain, _ in self._modulators
        ]
        running = [out for out in outputs if out is not None and out.enabled]
        first_pulse, n_contexts = self._pattern(running)
        jones = np.broadcast_to(np.eye(2, dtype=np.complex128), (n_contexts, 2, 2))
        for (part, chain, delay_ps), output in zip(
            self._modulators, outputs, strict=True
        ):
            pulses = first_pulse + np.arange(n_contexts)
            at_ps = pulses * self.period_ps + delay_ps
            volts = _volts(part, chain, output, at_ps)
            jones = _modulate(part, volts, jones)
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
            _, _, delay_ps = self._modulators[0]
            first_pulse = -(-(running[0].start_ps - delay_ps) // self.period_ps)
        return first_pulse, min(n_contexts, MAX_CONTEXTS)


def _volts(
    part: IntensityModulator | PhaseModulator,
    chain: RfChain | None,
    output: GeneratorOutput | None,
    at_ps: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the volts at a modulator's electrodes when each pulse passes it."""
    if chain is None or output is None or not output.enabled:
        return np.zeros(len(at_ps))
    if len(chain.amplifiers) > 1:
        raise ConfigError(
            "wiring.parts: the simulated world takes one amplifier in front of a "
            f"modulator, found {len(chain.amplifiers)}"
        )
    amplifier = Amplifier()
    for label in chain.amplifiers:
        amplifier = Amplifier(label.gain, label.saturation_v, label.ac_coupling_hz)
    return drive(
        output.volts * 10.0 ** (-chain.loss_db / 20.0),
        output.sample_rate_hz,
        output.filter,
        amplifier,
        part.bandwidth_hz,
        (at_ps - (output.start_ps + chain.delay_ps)).astype(np.float64),
    )


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
