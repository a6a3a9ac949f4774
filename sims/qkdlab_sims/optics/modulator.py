"""From generator samples to what a modulator does to each pulse.

The reference suggests driver and modulator together as a low-pass of two poles, without
a measurement behind it (sources-modulators-aux.md section 7, "EOM bandwidth", "design
suggestion" [guess]). Here the modulator is a single pole, fitted to the one bandwidth
that data sheets give, and the other low-pass is the generator's own output, whose edges
`awg.response` knows; that a driver adds nothing to these is [guess].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.awg.response import StepResponse, analogue, step_response

__all__ = [
    "Amplifier",
    "drive",
    "intensity_transmission",
    "phase_modulator_jones",
]


_SHORT_MEMORY_PS = 40.0
"""2 nodes are then exact to 1e-6: nothing rises faster than with a sigma of 1.1 ns."""


@dataclass(frozen=True, slots=True)
class Amplifier:
    """A radio-frequency amplifier: V_out = V_sat tanh(gain V_in / V_sat).

    The reference has no law of saturation. This one is a [guess] with one parameter: of
    the right slope at zero, odd, and never beyond V_sat; the gain is 1 dB down where
    the output is 0.55 V_sat [D], which a data sheet's compression point fixes.

    ac_corner_hz: first-order high-pass at the output, 0 for DC coupling: a coupling
                  capacitor into the load is one RC circuit [D]
    """

    gain: float = 1.0
    saturation_v: float = math.inf
    ac_corner_hz: float = 0.0

    def amplify(self, volts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the output without the coupling."""
        if math.isinf(self.saturation_v):
            return self.gain * volts
        return self.saturation_v * np.tanh(self.gain * volts / self.saturation_v)


def drive(
    volts: NDArray[np.float64],
    sample_rate_hz: float,
    filter_name: str,
    amplifier: Amplifier,
    eom_bandwidth_hz: float,
    times_ps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the volts at the modulator's electrodes at each of `times_ps`.

    volts:     one period of generator samples; the period repeats for ever
    times_ps:  instants after the edge of sample 0
    The chain is generator filter -> amplifier -> coupling -> single-pole modulator.
    The modulator's exponential memory is integrated numerically.
    """
    response = step_response(filter_name, sample_rate_hz)
    sample_ps = 1e12 / sample_rate_hz
    out = np.zeros(len(times_ps))
    baseline = _coupling_baseline(volts, sample_ps, response, amplifier)
    for lag_ps, weight in _modulator_memory(eom_bandwidth_hz, sample_ps):
        instants = times_ps - lag_ps
        value = amplifier.amplify(analogue(volts, sample_ps, response, instants))
        if baseline is not None:
            index = np.floor(instants / sample_ps).astype(np.int64) % len(volts)
            value = value - baseline[index]
        out += weight * value
    return out


def _modulator_memory(
    bandwidth_hz: float, sample_ps: float
) -> list[tuple[float, float]]:
    """Return (lag_ps, weight) pairs that integrate a single pole's memory.

    By Gauss and Laguerre where the memory is short against anything that a generator
    does, else by Gauss-Legendre panels.
    """
    if math.isinf(bandwidth_hz):
        return [(0.0, 1.0)]
    tau_ps = 1e12 / (2.0 * math.pi * bandwidth_hz)
    if tau_ps < _SHORT_MEMORY_PS:
        short, far = 2.0 - math.sqrt(2.0), 2.0 + math.sqrt(2.0)
        return [(short * tau_ps, far / 4.0), (far * tau_ps, short / 4.0)]
    length = 16.0 * tau_ps
    panels = max(2, math.ceil(length / min(4.0 * tau_ps, 0.5 * sample_ps)))
    nodes, weights = np.polynomial.legendre.leggauss(4)
    width = length / panels
    lags = (np.arange(panels)[:, None] + 0.5 * (nodes + 1.0)) * width
    densities = 0.5 * width * weights * np.exp(-lags / tau_ps) / tau_ps
    densities /= densities.sum()
    return list(zip(lags.ravel().tolist(), densities.ravel().tolist(), strict=True))


def _coupling_baseline(
    volts: NDArray[np.float64],
    sample_ps: float,
    response: StepResponse,
    amplifier: Amplifier,
) -> NDArray[np.float64] | None:
    """Return the slow part that the coupling capacitor holds back, per sample."""
    if amplifier.ac_corner_hz <= 0.0:
        return None
    middles = (np.arange(len(volts), dtype=np.float64) + 0.5) * sample_ps
    value = amplifier.amplify(analogue(volts, sample_ps, response, middles))
    spectrum = np.fft.rfft(value)
    frequency = np.fft.rfftfreq(len(volts), sample_ps * 1e-12)
    spectrum /= 1.0 + 1j * frequency / amplifier.ac_corner_hz
    return np.fft.irfft(spectrum, len(volts))


def intensity_transmission(
    volts: NDArray[np.float64],
    v_pi: float,
    extinction_db: float,
    bias_phase_rad: float = 0.0,
) -> NDArray[np.float64]:
    """Return the power transmission of a Mach-Zehnder modulator, at most 1.

    Biased at its minimum: T(0) = 10^(-extinction_db/10), T(v_pi) = 1;
    T = [1 - c cos(pi V / V_pi + bias)] / (1 + c) (sources-modulators-aux.md section
    7, "MZM intensity modulator"; the law [mem], extinctions of 20 dB in the field and
    22 dB over hours [seen]). Insertion loss is apart.
    """
    leak = 10.0 ** (-extinction_db / 10.0)
    contrast = (1.0 - leak) / (1.0 + leak)
    phase = math.pi * volts / v_pi + bias_phase_rad
    power: NDArray[np.float64] = (1.0 - contrast * np.cos(phase)) / (1.0 + contrast)
    return power


def phase_modulator_jones(
    volts: NDArray[np.float64],
    v_pi: float,
    bias_phase_rad: float = 0.0,
    residual_am: float = 0.0,
) -> NDArray[np.complex128]:
    """Return the diagonal complex128[n, 2]: V is delayed by pi V / V_pi + bias.

    Light that enters at 45 degrees (D) leaves as D, R, A, L at 0, 1/2, 1, 3/2 V_pi [D].
    residual_am: m of the power's ``1 + m sin(phase)``; the form is [guess]
    """
    phase = math.pi * volts / v_pi + bias_phase_rad
    out = np.ones((len(volts), 2), dtype=np.complex128)
    out[:, 1].real = np.cos(phase)
    out[:, 1].imag = np.sin(phase)
    if residual_am:
        out *= np.sqrt(1.0 + residual_am * np.sin(phase))[:, None]
    return out
