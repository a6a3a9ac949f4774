"""What gain switching makes of each pulse."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

from qkdlab_sims.optics.gaussian import dispersed_fwhm_ps, half_width_ps
from qkdlab_sims.optics.ranges import in_range

__all__ = ["PulseDynamics"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))
_UNIFORM_RAD = 8.0
"""Phase steps of this deviation leave exp(-32) of an interference: nothing."""


@dataclass(frozen=True, slots=True)
class PulseDynamics:
    """A diode that current pulses lift over its threshold, beyond mean powers.

    Currents, threshold and energies are those of `source.GainSwitchedDiode`.

    pulse_fwhm_ps:      30 to 100 ps [mem] (sources-modulators-aux.md section 7)
    jitter_rms_ps:      of the turn-on, 5 to 15 ps [mem], less with optical seeding;
                        common to all photons of a pulse
    chirp:              C of the field exp(-(1 + iC) t^2 / (2 T^2)); it widens the
                        spectrum by sqrt(1 + C^2) (Agrawal, Fiber-Optic Communication
                        Systems, section 2.4 [mem])
    noise_rms:          relative intensity noise from pulse to pulse
    noise_neighbour:    correlation of that noise between neighbours, -0.5 to 0.5;
                        negative at low excitation (Nakata et al., Opt. Express 25, 622
                        (2017) [seen abstract])
    linewidth_enhancement: alpha of Henry, 3 to 6 [mem]
    photon_lifetime_ps: of the cavity, 1 to 3 ps [mem]
    peak_photons:       in the cavity at the top of a pulse, 1e4 to 1e6 [mem]
    spontaneous_per_ps: rate at which spontaneous photons enter the mode, some per
                        photon lifetime [mem]

    Raises ValueError outside physics.
    """

    pulse_fwhm_ps: float = 50.0
    jitter_rms_ps: float = 0.0
    chirp: float = 0.0
    noise_rms: float = 0.0
    noise_neighbour: float = 0.0
    linewidth_enhancement: float = 4.0
    photon_lifetime_ps: float = 2.0
    peak_photons: float = 1e5
    spontaneous_per_ps: float = 1.0

    def __post_init__(self) -> None:
        in_range("pulse_fwhm_ps", self.pulse_fwhm_ps, 0.1, 1e5, "ps")
        in_range("jitter_rms_ps", self.jitter_rms_ps, 0.0, 1e4, "ps")
        in_range("chirp", self.chirp, -100.0, 100.0, "1")
        in_range("noise_rms", self.noise_rms, 0.0, 0.3, "1")
        in_range("noise_neighbour", self.noise_neighbour, -0.5, 0.5, "1")
        in_range("linewidth_enhancement", self.linewidth_enhancement, -20.0, 20.0, "1")
        in_range("photon_lifetime_ps", self.photon_lifetime_ps, 0.1, 100.0, "ps")
        in_range("peak_photons", self.peak_photons, 1.0, 1e12, "1")
        in_range("spontaneous_per_ps", self.spontaneous_per_ps, 0.0, 1e6, "1/ps")

    def phase_step_rad(self, bias_over_threshold: float, dark_ps: float) -> float:
        """Return the standard deviation of the phase between neighbouring pulses.

        bias_over_threshold: of the current between pulses
        dark_ps:             how long it lasts

        Phase diffuses at R (1 + alpha^2) / (2 n(t)) (Henry, IEEE J. Quantum Electron.
        18, 259 (1982) [mem]) while the field dies at (1 - bias/threshold) / lifetime:
        the variance is R (1 + alpha^2) / (2 g n) (exp(g t) - 1), g that rate. Uniform
        for deep modulation up to about a gigahertz, correlated at higher rates or a
        bias near threshold (arXiv:2209.09734, arXiv:2412.03738 [seen]). Infinite when
        nothing of the field is left. Above threshold the field stays.
        """
        in_range("bias_over_threshold", bias_over_threshold, 0.0, 100.0, "1")
        in_range("dark_ps", dark_ps, 0.0, 1e9, "ps")
        decay = max(1.0 - bias_over_threshold, 0.0) / self.photon_lifetime_ps
        rate = self.spontaneous_per_ps * (1.0 + self.linewidth_enhancement**2)
        rate /= 2.0 * self.peak_photons
        if decay * dark_ps > 50.0:
            return math.inf
        grown = math.expm1(decay * dark_ps) / decay if decay > 0.0 else dark_ps
        step = math.sqrt(rate * grown)
        return step if step < _UNIFORM_RAD else math.inf

    def dispersed_fwhm_ps(self, dispersion_ps2: float) -> float:
        """Return the width after a group-delay dispersion beta_2 L."""
        return dispersed_fwhm_ps(self.pulse_fwhm_ps, self.chirp, dispersion_ps2)

    def overlap(
        self, other: PulseDynamics, delay_ps: float = 0.0, detuning_thz: float = 0.0
    ) -> float:
        """Return |<E1|E2>|^2 of two pulses: what is left of their interference.

        The Hong-Ou-Mandel visibility of phase-randomised pulses is half of it. Fields
        are Gaussians with linear chirp, the other one later and detuned.
        """
        a = _exponent(self)
        b = _exponent(other).conjugate()
        turn = 2.0 * math.pi * detuning_thz
        linear = 2.0 * b * delay_ps - 1j * turn
        log = linear**2 / (4.0 * (a + b)) - b * delay_ps**2
        norm = 2.0 * math.sqrt(a.real * b.real) / abs(a + b)
        return norm * abs(cmath.exp(log)) ** 2

    def jittered_overlap(self, other: PulseDynamics) -> float:
        """Return the mean overlap over the jitter of both."""
        square = self.jitter_rms_ps**2 + other.jitter_rms_ps**2
        if square == 0.0:
            return self.overlap(other)
        # the overlap is Gaussian in the delay: its width follows from one point
        probe_ps = math.hypot(self.pulse_fwhm_ps, other.pulse_fwhm_ps)
        top = self.overlap(other)
        at_probe = self.overlap(other, 0.1 * probe_ps) / top
        curvature = -2.0 * math.log(at_probe) / (0.1 * probe_ps) ** 2
        return top / math.sqrt(1.0 + curvature * square)

    def noise_memory(self) -> float:
        """Return theta of the noise w_k + theta w_(k-1) with white w."""
        r = self.noise_neighbour
        if r == 0.0:
            return 0.0
        return (1.0 - math.sqrt(max(1.0 - 4.0 * r * r, 0.0))) / (2.0 * r)

    def blurred_fwhm_ps(self) -> float:
        """Return the width that pulses have on the average, jitter included."""
        return math.hypot(self.pulse_fwhm_ps, _FWHM_IN_SIGMAS * self.jitter_rms_ps)

    def width_sigma_ps(self) -> float:
        """Return the standard deviation of a photon's instant in the pulse."""
        return self.pulse_fwhm_ps / _FWHM_IN_SIGMAS


def _exponent(pulse: PulseDynamics) -> complex:
    """Return a of the field exp(-a t^2)."""
    return complex(1.0, pulse.chirp) / (2.0 * half_width_ps(pulse.pulse_fwhm_ps) ** 2)
