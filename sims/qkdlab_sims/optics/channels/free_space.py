"""Light through open air: diffraction, turbulence, pointing, background.

theory.md section 8; lognormal fading holds for a scintillation index up to about 0.3,
a gamma-gamma law beyond it [M].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import gaussians, stream_key
from qkdlab_sims.optics.source import photon_energy_j

__all__ = ["Fading", "FreeSpacePath", "background_photons_per_s"]

WEAK_TURBULENCE = 0.3
"""Scintillation index up to which fading is lognormal."""
_STEPS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class FreeSpacePath:
    """Geometry and steady losses of a path through air.

    distance_m:        from sender to receiver
    beam_radius_m:     1/e^2 radius at the receiver
    aperture_radius_m: of the receiver
    extinction_db:     absorption and scattering
    optics_db:         of telescopes and filters
    pointing_rms_m:    standard deviation of the beam's centre at the receiver, along
                       each axis
    """

    distance_m: float
    beam_radius_m: float
    aperture_radius_m: float
    extinction_db: float = 0.0
    optics_db: float = 0.0
    pointing_rms_m: float = 0.0

    def __post_init__(self) -> None:
        in_range("distance_m", self.distance_m, 0.0, 1e9, "m")
        in_range("beam_radius_m", self.beam_radius_m, 1e-4, 1e6, "m")
        in_range("aperture_radius_m", self.aperture_radius_m, 1e-4, 100.0, "m")
        in_range("extinction_db", self.extinction_db, 0.0, 300.0, "dB")
        in_range("optics_db", self.optics_db, 0.0, 100.0, "dB")
        in_range("pointing_rms_m", self.pointing_rms_m, 0.0, 1e6, "m")

    @property
    def collected(self) -> float:
        """Return the share of a centred Gaussian beam in the aperture."""
        ratio = self.aperture_radius_m / self.beam_radius_m
        return -math.expm1(-2.0 * ratio * ratio)

    @property
    def transmission(self) -> float:
        """Return the share of the power that arrives when the beam is centred."""
        loss_db = self.extinction_db + self.optics_db
        return float(self.collected * 10.0 ** (-0.1 * loss_db))

    @property
    def mean_pointing_factor(self) -> float:
        """Return the mean of `Fading.pointing`, w^2 / (w^2 + 4 s^2)."""
        w2, s2 = self.beam_radius_m**2, self.pointing_rms_m**2
        return w2 / (w2 + 4.0 * s2)


class Fading:
    """Factors of the transmission that change from one step of time to the next.

    path:                pointing comes from it
    scintillation_index: variance of the received power over its mean squared
    turbulence_s, pointing_s: correlation times, some ms and some 10 ms [mem]
    step_s:              the factors hold for so long

    Both are stationary first-order processes, drawn once for a seed: a step's factors
    do not depend on which were asked for before. They are made in order, and none is
    kept: an earlier step costs all from the first one on. Pointing: factor
    exp(-2 r^2 / w^2) of a point-like aperture at a distance r from the beam's centre.
    """

    def __init__(
        self,
        seed: int,
        path: FreeSpacePath,
        scintillation_index: float,
        *,
        turbulence_s: float = 5e-3,
        pointing_s: float = 20e-3,
        step_s: float = 1e-3,
        component: str = "free space",
    ) -> None:
        in_range("scintillation_index", scintillation_index, 0.0, 5.0, "1")
        in_range("turbulence_s", turbulence_s, 1e-5, 10.0, "s")
        in_range("pointing_s", pointing_s, 1e-5, 100.0, "s")
        in_range("step_s", step_s, 1e-6, 1.0, "s")
        self.path = path
        self.scintillation_index = scintillation_index
        self._walks = [
            _Stationary(stream_key(seed, component, label), math.exp(-step_s / time_s))
            for label, time_s in (
                ("turbulence", turbulence_s),
                ("large eddies", turbulence_s),
                ("pointing x", pointing_s),
                ("pointing y", pointing_s),
            )
        ]

    def turbulence(self, n_steps: int, first: int = 0) -> NDArray[np.float64]:
        """Return float64[n_steps] from step `first` on, mean 1.

        Lognormal exp(s z - s^2 / 2) with s^2 = ln(1 + index) for weak turbulence; else
        the product of two gamma variates of equal shape (gamma-gamma, Andrews and
        Phillips [mem]) with (1 + 1/a)^2 = 1 + index.
        """
        z = self._walks[0].values(first, n_steps)
        if self.scintillation_index <= WEAK_TURBULENCE:
            variance = math.log1p(self.scintillation_index)
            return np.exp(math.sqrt(variance) * z - 0.5 * variance)
        from scipy.special import ndtr
        from scipy.stats import gamma

        shape = 1.0 / (math.sqrt(1.0 + self.scintillation_index) - 1.0)
        other = self._walks[1].values(first, n_steps)
        factors = [gamma.ppf(ndtr(one), shape) / shape for one in (z, other)]
        return np.asarray(factors[0] * factors[1])

    def pointing(self, n_steps: int, first: int = 0) -> NDArray[np.float64]:
        """Return float64[n_steps] from step `first` on, 1 for a centred beam."""
        if self.path.pointing_rms_m == 0.0:
            return np.ones(n_steps)
        offsets = [walk.values(first, n_steps) for walk in self._walks[2:]]
        r2 = self.path.pointing_rms_m**2 * (offsets[0] ** 2 + offsets[1] ** 2)
        return np.exp(-2.0 * r2 / self.path.beam_radius_m**2)

    def transmission(self, n_steps: int, first: int = 0) -> NDArray[np.float64]:
        """Return float64[n_steps], what arrives of the power; never above 1."""
        factors = self.turbulence(n_steps, first) * self.pointing(n_steps, first)
        return np.minimum(self.path.transmission * factors, 1.0)


class _Stationary:
    """A normal process of variance 1 whose correlation falls by `kept` each step.

    Only the state behind the last step asked for is kept.
    """

    def __init__(self, key: NDArray[np.uint64], kept: float) -> None:
        self._key = key
        self._kept = kept
        self._next = 0
        self._state = np.zeros(1)

    def values(self, first: int, n: int) -> NDArray[np.float64]:
        """Return float64[n] from value `first` on."""
        if first < self._next:
            self._next, self._state = 0, np.zeros(1)
        while first - self._next > _STEPS_AT_ONCE:
            self._advance(_STEPS_AT_ONCE)
        self._advance(first - self._next)
        return self._advance(n)

    def _advance(self, n: int) -> NDArray[np.float64]:
        """Return the next `n` values."""
        if n == 0:
            return np.empty(0)
        from scipy.signal import lfilter

        noise = gaussians(self._key, self._next, n)[:, 0]
        drive = math.sqrt(1.0 - self._kept**2) * noise
        if self._next == 0:
            drive[0] = noise[0]
        self._next += n
        made, self._state = lfilter([1.0], [1.0, -self._kept], drive, zi=self._state)
        return np.asarray(made)


def background_photons_per_s(
    radiance_w_m2_sr_nm: float,
    aperture_radius_m: float,
    field_of_view_rad: float,
    filter_nm: float,
    wavelength_nm: float,
) -> float:
    """Return the sky's photons into a receiver, all polarizations together.

    radiance_w_m2_sr_nm: 1e-2 a bright day, 1e-5 full moon, 1e-8 a dark night, near
                         850 nm [mem: orders of magnitude]
    field_of_view_rad:   whole angle of the cone that the receiver sees

    Radiance x pi a^2 x (pi / 4) angle^2 x width of the filter.
    """
    in_range("radiance_w_m2_sr_nm", radiance_w_m2_sr_nm, 0.0, 10.0, "W/(m^2 sr nm)")
    in_range("aperture_radius_m", aperture_radius_m, 0.0, 100.0, "m")
    in_range("field_of_view_rad", field_of_view_rad, 0.0, math.pi, "rad")
    in_range("filter_nm", filter_nm, 0.0, 1000.0, "nm")
    area_m2 = math.pi * aperture_radius_m**2
    solid_angle_sr = 0.25 * math.pi * field_of_view_rad**2
    watts = radiance_w_m2_sr_nm * area_m2 * solid_angle_sr * filter_nm
    return watts / photon_energy_j(wavelength_nm)
