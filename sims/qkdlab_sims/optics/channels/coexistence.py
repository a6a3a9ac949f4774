"""Classical channels in the same fibre: Raman noise and crosstalk.

theory.md section 9; the figures marked [C] there are its test vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.optics.channels.fibre import FibreSpan
from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.source import photon_energy_j

__all__ = ["ClassicalChannel", "noise_photons_per_s", "noise_w"]

_NEPERS_PER_DB = math.log(10.0) / 10.0


@dataclass(frozen=True, slots=True)
class ClassicalChannel:
    """One classical channel beside the quantum one.

    launch_dbm:   where it enters the fibre
    forward:      whether it goes with the photons, from Alice to Bob
    raman_per_km_nm: beta, scattered share of the power per length of fibre and width of
                     the receiver's filter, at the distance of the two wavelengths;
                     2e-9 in the C band [R2], one script uses 3.2e-9 [R2]
    isolation_db: of the filters at Bob against the channel's own wavelength
    """

    launch_dbm: float
    forward: bool = True
    raman_per_km_nm: float = 2e-9
    isolation_db: float = 110.0

    def __post_init__(self) -> None:
        in_range("launch_dbm", self.launch_dbm, -80.0, 30.0, "dBm")
        in_range("raman_per_km_nm", self.raman_per_km_nm, 0.0, 1e-7, "/(km nm)")
        in_range("isolation_db", self.isolation_db, 0.0, 300.0, "dB")

    def raman_w(self, span: FibreSpan, filter_nm: float) -> float:
        """Return what is scattered into the filter's band at Bob's end.

        Forward: P L exp(-a L) b D. Backward, from a sender at Bob's end:
        P (1 - exp(-2 a L)) / 2a b D. Insertion losses lie behind the scattering.
        """
        in_range("filter_nm", filter_nm, 0.0, 100.0, "nm")
        power_w: float = 1e-3 * 10.0 ** (0.1 * self.launch_dbm)
        per_km = span.loss_db_per_km * _NEPERS_PER_DB
        if self.forward:
            effective_km = span.length_km * math.exp(-per_km * span.length_km)
        else:
            effective_km = -math.expm1(-2.0 * per_km * span.length_km) / (2.0 * per_km)
        behind: float = 10.0 ** (-0.1 * span.insertion_loss_db)
        return power_w * effective_km * self.raman_per_km_nm * filter_nm * behind

    def crosstalk_w(self, span: FibreSpan) -> float:
        """Return what leaks through the filters: forward light after the fibre.

        Light against the photons leaks where it is launched, by Bob's own filter.
        """
        power_w: float = 1e-3 * 10.0 ** (0.1 * self.launch_dbm)
        arriving = power_w * (span.transmission if self.forward else 1.0)
        return float(arriving * 10.0 ** (-0.1 * self.isolation_db))


def noise_w(
    channels: tuple[ClassicalChannel, ...], span: FibreSpan, filter_nm: float
) -> float:
    """Return the unpolarized power at Bob's input, within the filter and beside it.

    Four-wave mixing of several channels is not in it.
    """
    return sum(c.raman_w(span, filter_nm) + c.crosstalk_w(span) for c in channels)


def noise_photons_per_s(
    channels: tuple[ClassicalChannel, ...],
    span: FibreSpan,
    filter_nm: float,
    wavelength_nm: float,
) -> float:
    """Return the rate of noise photons at Bob's input, all polarizations together."""
    return noise_w(channels, span, filter_nm) / photon_energy_j(wavelength_nm)
