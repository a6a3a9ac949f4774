"""Pulsed lasers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qkdlab_sims.optics.light import Light

__all__ = ["GainSwitchedLaser", "photon_energy_j"]

PLANCK_J_S = 6.62607015e-34
LIGHT_SPEED_M_S = 299792458.0


def photon_energy_j(wavelength_nm: float) -> float:
    """Return the energy of one photon."""
    return PLANCK_J_S * LIGHT_SPEED_M_S / (wavelength_nm * 1e-9)


@dataclass(frozen=True, slots=True)
class GainSwitchedLaser:
    """A diode that falls below threshold between pulses.

    mean_power_dbm: average optical power
    repetition_hz:  pulses per second
    polarization_rad: linear, angle from H
    intensity_noise_rms: relative, from pulse to pulse

    Each pulse starts from spontaneous emission, so its phase is uniform and new
    (sources-modulators-aux.md section 7, "phase randomisation").
    """

    mean_power_dbm: float
    wavelength_nm: float
    repetition_hz: float
    pulse_fwhm_ps: float = 0.0
    polarization_rad: float = math.pi / 4
    intensity_noise_rms: float = 0.0

    def mean_photons_per_pulse(self) -> float:
        """Return average power / (photon energy x repetition rate)."""
        watts: float = 1e-3 * 10.0 ** (self.mean_power_dbm / 10.0)
        energy_j = photon_energy_j(self.wavelength_nm)
        return watts / (energy_j * self.repetition_hz)

    def light(self) -> Light:
        """Return the unmodulated pulse train, one context."""
        amplitude = math.sqrt(self.mean_photons_per_pulse())
        c, s = math.cos(self.polarization_rad), math.sin(self.polarization_rad)
        return Light(
            jones=amplitude * np.array([[c, s]], dtype=np.complex128),
            wavelength_nm=self.wavelength_nm,
            pulse_fwhm_ps=self.pulse_fwhm_ps,
            intensity_noise_rms=self.intensity_noise_rms,
        )
