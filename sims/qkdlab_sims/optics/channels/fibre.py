"""A length of fibre: loss, delay, broadening, and what temperature does to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.optics.gaussian import dispersed_fwhm_ps
from qkdlab_sims.optics.ranges import in_range

__all__ = ["FibreSpan"]

_LIGHT_NM_PER_PS = 299_792.458
"""Speed of light in vacuum."""


@dataclass(frozen=True, slots=True)
class FibreSpan:
    """A fibre and its connectors.

    length_km:               0 to 1000
    loss_db_per_km:          0.20 standard, 0.16 ultra-low-loss at 1550 nm [mem]
    insertion_loss_db:       splices, connectors and filters together
    delay_ps_per_km:         group delay, 4.9e6 at an index of 1.468 [mem]
    dispersion_ps_per_nm_km: 17 for standard fibre at 1550 nm, 0 when shifted [mem]
    pmd_ps_per_sqrt_km:      mean differential group delay over the root of the length,
                             0.04 to 0.1 for fibre laid after 2000 [mem]
    thermal_ps_per_km_k:     growth of the delay with temperature, about 40 [mem]
    """

    length_km: float
    loss_db_per_km: float = 0.20
    insertion_loss_db: float = 0.0
    delay_ps_per_km: float = 4.9e6
    dispersion_ps_per_nm_km: float = 17.0
    pmd_ps_per_sqrt_km: float = 0.05
    thermal_ps_per_km_k: float = 40.0

    def __post_init__(self) -> None:
        in_range("length_km", self.length_km, 0.0, 1000.0, "km")
        in_range("loss_db_per_km", self.loss_db_per_km, 0.0, 100.0, "dB/km")
        in_range("insertion_loss_db", self.insertion_loss_db, 0.0, 100.0, "dB")
        in_range("delay_ps_per_km", self.delay_ps_per_km, 3.33e6, 6e6, "ps/km")
        in_range(
            "dispersion_ps_per_nm_km",
            self.dispersion_ps_per_nm_km,
            -300.0,
            300.0,
            "ps/(nm km)",
        )
        in_range(
            "pmd_ps_per_sqrt_km", self.pmd_ps_per_sqrt_km, 0.0, 20.0, "ps/sqrt(km)"
        )
        in_range(
            "thermal_ps_per_km_k", self.thermal_ps_per_km_k, 0.0, 200.0, "ps/(km K)"
        )

    @property
    def loss_db(self) -> float:
        """Return the whole loss."""
        return self.length_km * self.loss_db_per_km + self.insertion_loss_db

    @property
    def transmission(self) -> float:
        """Return the share of the power that arrives."""
        return float(10.0 ** (-0.1 * self.loss_db))

    def delay_ps(self, warmer_k: float = 0.0) -> int:
        """Return the group delay of a fibre that is so much warmer than its label."""
        per_km = self.delay_ps_per_km + self.thermal_ps_per_km_k * warmer_k
        return round(self.length_km * per_km)

    @property
    def mean_dgd_ps(self) -> float:
        """Return the mean differential group delay of its principal states."""
        return self.pmd_ps_per_sqrt_km * math.sqrt(self.length_km)

    def broadened_fwhm_ps(
        self, pulse_fwhm_ps: float, wavelength_nm: float, chirp: float = 0.0
    ) -> float:
        """Return the width of a Gaussian pulse at the end.

        pulse_fwhm_ps: of the power at the beginning, above 0
        chirp:         C of exp(-(1 + iC) t^2 / 2 T0^2); a gain-switched diode has about
                       -5 [mem], and dispersion then widens the pulse sqrt(1 + C^2)
                       times as much from the first metre on

        """
        in_range("pulse_fwhm_ps", pulse_fwhm_ps, 1e-3, math.inf, "ps")
        ps2 = self.dispersion_ps2(wavelength_nm)
        return dispersed_fwhm_ps(pulse_fwhm_ps, chirp, ps2)

    def dispersion_ps2(self, wavelength_nm: float) -> float:
        """Return beta_2 L, which is -D L lambda^2 / (2 pi c)."""
        in_range("wavelength_nm", wavelength_nm, 600.0, 2000.0, "nm")
        # ps/nm times nm^2 over nm/ps
        ps2 = -self.dispersion_ps_per_nm_km * self.length_km * wavelength_nm**2
        return ps2 / (2.0 * math.pi * _LIGHT_NM_PER_PS)
