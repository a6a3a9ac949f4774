"""Lucamarini et al. 2013 (T12): decoy BB84 at 1 GHz over 50 km, biased bases.

Opt. Express 21, 24550; arXiv:1310.0240. Inputs are quotations of the paper in the
tests of a public calculator (theory.md section 13, "qkd-docs"), mark [R2].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.optics.spad.bank import SpadBank
from qkdlab_sims.optics.spad.gate import Gate
from qkdlab_sims.optics.spad.parameters import Spad
from qkdlab_sims.optics.spad.traps import Trap
from qkdlab_sims.published.inputs import build, packaged
from qkdlab_sims.published.outcome import Outcome
from qkdlab_sims.published.slots import whole_ticks
from qkdlab_sims.published.two_ports import Tally, fresh_light, run, two_port_law

__all__ = ["INPUTS", "Lucamarini2013", "closed_form", "simulate", "tally"]

_FULL_PULSES = 4e9
_PERIOD_PS = 1_000


@dataclass(frozen=True, slots=True)
class Lucamarini2013:
    """Inputs; values and their marks stand in ``inputs.toml``.

    intensities:   u, v, w, photons a pulse
    transmission:  with the efficiency in it: what the published count of u gives
    dark_per_gate: of each of two diodes
    afterpulses:   a click
    optical_error: in Z
    gate_ps, trap_ps: darks and afterpulses in gates are as stated whatever these are
    """

    intensities: tuple[float, float, float]
    shares: tuple[float, float, float]
    transmission: float
    efficiency: float
    dark_per_gate: float
    afterpulses: float
    optical_error: float
    gate_ps: int
    trap_ps: float

    def diode(self) -> Spad:
        """Return one self-differencing diode.

        Of what its traps release, 2 sinh(w/2t) / (exp(T/t) - 1) falls in later gates
        of width w, T apart.
        """
        t = self.trap_ps
        in_gates = 2.0 * math.sinh(0.5 * self.gate_ps / t) / math.expm1(_PERIOD_PS / t)
        return Spad(
            efficiency=self.efficiency,
            dark_rate_hz=-math.log1p(-self.dark_per_gate) / (self.gate_ps * 1e-12),
            dead_time_ps=self.gate_ps,
            traps=(Trap(self.afterpulses / in_gates, t),),
            gate=Gate(_PERIOD_PS, self.gate_ps, lead_ps=self.gate_ps // 2),
            jitter_fwhm_ps=60.0,
        )


INPUTS = build(Lucamarini2013, packaged("lucamarini_2013"), "lucamarini_2013")


def closed_form(inputs: Lucamarini2013) -> tuple[float, list[tuple[float, float]]]:
    """Return the yield Y0 without light, and gain and error rate by intensity.

    Every click gives `afterpulses` more, whatever the intensity that they fall on.
    """
    dark = -math.log1p(-inputs.dark_per_gate)
    noise = dark
    for _ in range(100):
        clicks = 0.0
        for mu, share in zip(inputs.intensities, inputs.shares, strict=True):
            mean = mu * inputs.transmission
            for part in (inputs.optical_error, 1.0 - inputs.optical_error):
                clicks -= 0.5 * share * math.expm1(-mean * part - noise)
        noise = dark + inputs.afterpulses * clicks
    laws = [
        two_port_law(mu * inputs.transmission, inputs.optical_error, noise)
        for mu in inputs.intensities
    ]
    return -math.expm1(-2.0 * noise), laws


def tally(inputs: Lucamarini2013, pulses: int, seed: int) -> Tally:
    """Return what the receiver counts, by intensity, with matched bases."""
    amplitudes = np.sqrt(np.repeat(inputs.intensities, 2))
    states = np.tile(np.eye(2, dtype=np.complex128), (3, 1))
    light = fresh_light(amplitudes[:, None] * states, list(inputs.shares), seed)
    diode = inputs.diode()
    arrival_ps = (_PERIOD_PS // 2,) * 2
    bank = SpadBank((diode, diode), arrival_ps, _PERIOD_PS, seed, "lucamarini")
    contrast = 1.0 - 2.0 * inputs.optical_error
    return run(bank, light, inputs.transmission, contrast, pulses)


def simulate(scale: float, seed: int, inputs: Lucamarini2013 = INPUTS) -> list[Outcome]:
    """Return Y0 as the paper reads it off w, the gain of u and its error rate.

    scale: 1 for 4 s of the link
    """
    counts = tally(inputs, whole_ticks(_FULL_PULSES, scale), seed)
    y0, laws = closed_form(inputs)
    gain_w, deviation_w = counts.gain(2, inputs.shares[2])
    light = -math.expm1(-inputs.transmission * inputs.intensities[2])
    seen = (gain_w - light) / (1.0 - light)
    gain_u, deviation_u = counts.gain(0, inputs.shares[0])
    error_u, deviation_e = counts.error_rate(0)
    name = "lucamarini_2013_50km"
    why = "afterpulses follow all intensities; with u alone it is 2.9465e-4"
    # clicks come in families of 1 / (1 - p), of variance (1 + p) / (1 - p) a family
    p = inputs.afterpulses
    bunched = math.sqrt((1.0 + p) / (1.0 - p))
    put_in = "transmission comes from this count"
    return [
        Outcome(name, "Y0", "1", 2.9493e-4, seen, deviation_w, y0, 0.03, why),
        Outcome(
            name,
            "gain of u",
            "1",
            4.8123e-3,
            gain_u,
            bunched * deviation_u,
            laws[0][0],
            0.01,
            put_in,
        ),
        Outcome(
            name,
            "QBER of u, Z",
            "1",
            0.0426,
            error_u,
            deviation_e,
            laws[0][1],
            0.02,
            "optical error comes from it; background is 0.72 of it",
        ),
    ]
