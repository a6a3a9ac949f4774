"""A gain-switched laser diode: what leaves it for currents and a temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qkdlab_sims.optics.light import Light

__all__ = ["Emission", "GainSwitchedDiode", "photon_energy_j", "plain_pulses"]

PLANCK_J_S = 6.62607015e-34
LIGHT_SPEED_M_S = 299792458.0
KELVIN = 273.15
ROOM_C = 25.0


def photon_energy_j(wavelength_nm: float) -> float:
    """Return the energy of one photon."""
    return PLANCK_J_S * LIGHT_SPEED_M_S / (wavelength_nm * 1e-9)


@dataclass(frozen=True, slots=True)
class Emission:
    """Light of a laser.

    pulse_j:       energy of one pulse
    continuous_w:  power between and under the pulses
    phase_law:     of the pulses, as in `Light`
    """

    pulse_j: float
    continuous_w: float
    wavelength_nm: float
    phase_law: Literal["random", "correlated"]

    def mean_w(self, period_ps: int) -> float:
        """Return the average power."""
        return self.pulse_j * 1e12 / period_ps + self.continuous_w

    def photons(self, period_ps: int) -> float:
        """Return all photons per period."""
        energy_j = self.mean_w(period_ps) * period_ps * 1e-12
        return energy_j / photon_energy_j(self.wavelength_nm)

    def pulse_share(self, period_ps: int) -> float:
        """Return the part of the photons that is in pulses; 1 in the dark."""
        mean_w = self.mean_w(period_ps)
        return self.pulse_j * 1e12 / period_ps / mean_w if mean_w > 0.0 else 1.0


@dataclass(frozen=True, slots=True)
class GainSwitchedDiode:
    """A diode that short current pulses lift over its threshold.

    threshold_ma:      at 25 degrees; exp(T / threshold_growth_k) with temperature
    slope_mw_per_ma:   continuous power per current above threshold
    pulse_width_ps:    of the current pulse, as it acts on the light pulse's energy
    wavelength_nm:     at 25 degrees, more by wavelength_nm_per_k
    thermistor_ohm, thermistor_beta_k: R25 and beta of the thermistor

    A light pulse has the energy slope x (bias + pulse - threshold) x pulse_width_ps.
    Below threshold the field dies out between pulses, and each pulse starts from
    spontaneous emission: its phase is uniform and new. Above it light goes on between
    the pulses and the phase is correlated (sources-modulators-aux.md section 7, "phase
    randomisation", arXiv:2209.09734 [seen]; the sharp border is a simplification).
    """

    threshold_ma: float
    threshold_growth_k: float
    slope_mw_per_ma: float
    pulse_width_ps: float
    wavelength_nm: float
    wavelength_nm_per_k: float
    thermistor_ohm: float
    thermistor_beta_k: float

    def temperature_c(self, thermistor_ohm: float) -> float:
        """Return the temperature by 1/T = 1/T25 + ln(R / R25) / beta."""
        inverse = 1.0 / (ROOM_C + KELVIN)
        inverse += math.log(thermistor_ohm / self.thermistor_ohm) / (
            self.thermistor_beta_k
        )
        return 1.0 / inverse - KELVIN

    def threshold_at_ma(self, temperature_c: float) -> float:
        """Return the threshold at a temperature."""
        growth = math.exp((temperature_c - ROOM_C) / self.threshold_growth_k)
        return self.threshold_ma * growth

    def emission(
        self, bias_ma: float, pulse_ma: float, thermistor_ohm: float
    ) -> Emission:
        """Return the light for a bias and current pulses on top; 0: no pulses."""
        temperature_c = self.temperature_c(thermistor_ohm)
        above_ma = bias_ma - self.threshold_at_ma(temperature_c)
        watts_per_ma = 1e-3 * self.slope_mw_per_ma
        # What continues under a pulse is counted as continuous light.
        pulse_ma_above = max(above_ma + pulse_ma, 0.0) - max(above_ma, 0.0)
        return Emission(
            pulse_j=watts_per_ma * pulse_ma_above * self.pulse_width_ps * 1e-12,
            continuous_w=watts_per_ma * max(above_ma, 0.0),
            wavelength_nm=self.wavelength_nm
            + self.wavelength_nm_per_k * (temperature_c - ROOM_C),
            phase_law="correlated" if above_ma > 0.0 else "random",
        )


def plain_pulses(
    wavelength_nm: float,
    pulse_fwhm_ps: float = 0.0,
    photons: float = 1.0,
    polarization_rad: float = math.pi / 4,
) -> Light:
    """Return an unmodulated train of pulses, linearly polarized at an angle from H."""
    c, s = math.cos(polarization_rad), math.sin(polarization_rad)
    return Light(
        jones=math.sqrt(photons) * np.array([[c, s]], dtype=np.complex128),
        wavelength_nm=wavelength_nm,
        pulse_fwhm_ps=pulse_fwhm_ps,
    )
