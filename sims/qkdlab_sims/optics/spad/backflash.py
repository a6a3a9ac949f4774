"""Light that an avalanche sends back: what an observer outside could count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import gaussians, uniforms

__all__ = ["Backflash", "Flashes"]

_FWHM_IN_SIGMAS = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class Flashes:
    """Photons that leave the receiver's input.

    t_ps:          int64[n], sorted
    wavelength_nm: float64[n]
    """

    t_ps: NDArray[np.int64]
    wavelength_nm: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backflash:
    """Hot carriers that recombine in an avalanche (detectors-taggers.md section 7.2).

    Seen in gated InGaAs (Meda 2017), small in GHz gating (arXiv 2006.04107), in Si
    (arXiv 1804.10317) [abs]; the sizes below are [guess].

    probability:    of a photon at the detector's fibre per avalanche; at most one
    delay_ps:       from the click to the middle of the flash: the avalanche's own
    duration_ps:    the flash lasts as long as the current, evenly
    centre_nm, width_nm: its spectrum, Gaussian with this full width at half maximum
    path_db:        loss from the detector to the observer

    Raises ValueError outside physics.
    """

    probability: float
    delay_ps: int = 300
    duration_ps: int = 1_000
    centre_nm: float = 1_450.0
    width_nm: float = 300.0
    path_db: float = 0.0

    def __post_init__(self) -> None:
        in_range("probability", self.probability, 0.0, 1.0, "1")
        in_range("delay_ps", self.delay_ps, 0, 10**7, "ps")
        in_range("duration_ps", self.duration_ps, 0, 10**7, "ps")
        in_range("centre_nm", self.centre_nm, 200.0, 5_000.0, "nm")
        in_range("width_nm", self.width_nm, 0.0, 2_000.0, "nm")
        in_range("path_db", self.path_db, 0.0, 300.0, "dB")

    def flashes(
        self, clicks_ps: NDArray[np.int64], key: NDArray[np.uint64], first: int = 0
    ) -> Flashes:
        """Return the photons that clicks of one detector send to the observer.

        clicks_ps: int64[n], number `first` onwards of the detector's clicks
        key:       uint64[2], of the detector; the numbers of a click follow from its
                   own number, so that it does not matter how clicks are cut
        """
        n = len(clicks_ps)
        u = uniforms(key, first, n)
        seen = u[:, 0] < self.probability * 10.0 ** (-self.path_db / 10.0)
        within = self.delay_ps + self.duration_ps * (u[seen, 1] - 0.5)
        t_ps = clicks_ps[seen] + np.rint(within).astype(np.int64)
        normal = gaussians(key, first, n, stream=1)[seen, 0]
        wavelength_nm = self.centre_nm + self.width_nm / _FWHM_IN_SIGMAS * normal
        order = np.argsort(t_ps, kind="stable")
        return Flashes(t_ps[order], wavelength_nm[order])
