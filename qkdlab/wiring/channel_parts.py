"""Channels of a bench: fibre, open air, satellite; laws: docs/channels.md."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.wiring.base_part import BasePart

__all__ = [
    "LIGHT_SPEED_M_S",
    "AirFading",
    "CoexistingChannel",
    "Fibre",
    "FibreReflections",
    "FibreTemperature",
    "FreeSpace",
    "SatellitePass",
    "SkyLight",
]

LIGHT_SPEED_M_S = 299_792_458.0


class _SubModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FibreTemperature(_SubModel):
    """How a fibre's temperature departs from that of its label: W t + A sin(2 pi t/P).

    t is the time of the world; times of flight grow by `thermal_ps_per_km_k`.
    """

    thermal_ps_per_km_k: float = Field(default=40.0, ge=0, le=200)
    """Of a buried cable about 40 [mem]."""
    warming_k_per_s: float = Field(default=0.0, ge=-1, le=1)
    swing_k: float = Field(default=0.0, ge=0, le=60)
    swing_period_s: float = Field(default=86_400.0, ge=1, le=1e8)


class FibreReflections(_SubModel):
    """Return losses of a fibre's two ends, which send a dim copy after each pulse.

    14.7 dB of an open flat connector, 50 of a polished one, 60 of an angled one [mem].
    """

    near_db: float = Field(ge=0, le=100)
    far_db: float = Field(ge=0, le=100)


class CoexistingChannel(_SubModel):
    """A classical channel in the same fibre: Raman light and crosstalk at Bob."""

    launch_dbm: float = Field(ge=-80, le=30)
    forward: bool = True
    """Whether it goes with the photons; else it enters at Bob's end."""
    raman_per_km_nm: float = Field(default=2e-9, ge=0, le=1e-7)
    """Share of the power scattered into a nanometre in a kilometre, C band [R2]."""
    isolation_db: float = Field(default=110.0, ge=0, le=300)
    """Of the filters at Bob against the channel's own wavelength."""


class Fibre(BasePart):
    """Drifting fibre; ports: ``in``, ``out``."""

    kind: Literal["fibre"]
    length_km: float = Field(ge=0, le=1000)
    loss_db_per_km: float = Field(ge=0, le=100)
    excess_loss_db: float = Field(default=0.0, ge=0, le=100)
    delay_ps_per_km: float = Field(default=4.9e6, ge=3.33e6, le=6e6)
    drift_rad_per_sqrt_s: float = Field(default=0.0, ge=0, le=1e3)
    """Width of the polarization's random walk on the sphere in one second."""
    dispersion_ps_per_nm_km: float = Field(default=0.0, ge=-300, le=300)
    """17 of standard fibre at 1550 nm [mem]; widens pulses, chirped ones more."""
    pmd_ps_per_sqrt_km: float = Field(default=0.0, ge=0, le=20)
    """Mean differential group delay over the root of the length, 0.04 to 0.1 of fibre
    laid after 2000 [mem]; widens pulses and depolarizes."""
    temperature: FibreTemperature | None = None
    reflections: FibreReflections | None = None
    coexisting: tuple[CoexistingChannel, ...] = ()
    filter_nm: float = Field(default=0.8, gt=0, le=100)
    """Width of the receiver's filter, for the light of `coexisting` channels."""

    @model_validator(mode="after")
    def _scatters_where_it_loses(self) -> Self:
        if self.coexisting and self.loss_db_per_km == 0.0:
            raise ValueError("coexisting channels want a loss_db_per_km above 0 dB/km")
        return self


class AirFading(_SubModel):
    """Turbulence, and a beam that does not stand still; changes every `step_s`."""

    scintillation_index: float = Field(default=0.0, ge=0, le=5)
    """Variance of the received power over its mean squared."""
    pointing_rms_rad: float = Field(default=0.0, ge=0, le=0.1)
    """Of the beam's direction along each axis."""
    turbulence_s: float = Field(default=5e-3, ge=1e-5, le=10)
    pointing_s: float = Field(default=20e-3, ge=1e-5, le=100)
    """Correlation times: some ms, some 10 ms [mem]."""
    step_s: float = Field(default=1e-3, ge=1e-6, le=1)


class SkyLight(_SubModel):
    """The sky's light into a receiver's telescope."""

    radiance_w_m2_sr_nm: float = Field(ge=0, le=10)
    """1e-2 of a bright day, 1e-5 under a full moon, 1e-8 of a dark night [mem]."""
    field_of_view_rad: float = Field(gt=0, le=math.pi)
    """Whole angle of the cone that it sees."""
    filter_nm: float = Field(gt=0, le=1000)


class FreeSpace(BasePart):
    """A path through open air between two telescopes; ports: ``in``, ``out``.

    Of a Gaussian beam 1 - exp(-2 a^2 / w^2) falls into the aperture (theory.md section
    8; [mem]); extinction and the optics' loss come on top [D].
    """

    kind: Literal["free_space"]
    distance_m: float = Field(ge=0, le=1e9)
    beam_radius_m: float = Field(ge=1e-4, le=1e6)
    """1/e^2 radius at the receiver."""
    aperture_radius_m: float = Field(ge=1e-4, le=100)
    extinction_db: float = Field(default=0.0, ge=0, le=300)
    optics_db: float = Field(default=0.0, ge=0, le=100)
    fading: AirFading | None = None
    sky: SkyLight | None = None

    @property
    def loss_db(self) -> float:
        """Loss of a centred beam in still air."""
        share = _collected(self.aperture_radius_m / self.beam_radius_m)
        return self.extinction_db + self.optics_db - 10.0 * math.log10(share)

    @property
    def delay_ps(self) -> int:
        """Time of flight."""
        return round(self.distance_m / LIGHT_SPEED_M_S * 1e12)


class SatellitePass(BasePart):
    """A satellite's pass over a ground station; ports: ``in``, ``out``.

    Circular orbit, highest `begin_s` before the world's time 0 (negative: after it).
    Delay and loss follow the range; arrival times stretch by Doppler's law, those of
    the sender's frame marks too, which a beacon carries on the way of the light.
    """

    kind: Literal["satellite_pass"]
    altitude_m: float = Field(ge=1e5, le=1e8)
    top_elevation_deg: float = Field(default=90.0, ge=0.6, le=90)
    begin_s: float = Field(default=0.0, ge=-5000, le=5000)
    divergence_rad: Annotated[float, Field(gt=0, le=0.1)]
    """Half the angle of the beam, at 1/e^2."""
    aperture_radius_m: float = Field(ge=1e-4, le=100)
    zenith_extinction_db: float = Field(default=0.0, ge=0, le=30)
    """Grows as 1 / sin(elevation)."""
    optics_db: float = Field(default=0.0, ge=0, le=100)
    fading: AirFading | None = None
    sky: SkyLight | None = None

    @property
    def loss_db(self) -> float:
        """Loss at the top of a pass through the zenith: the least there can be."""
        radius_m = self.altitude_m * self.divergence_rad
        share = _collected(self.aperture_radius_m / radius_m)
        fixed_db = self.zenith_extinction_db + self.optics_db
        return fixed_db - 10.0 * math.log10(share)

    @property
    def delay_ps(self) -> int:
        """Time of flight over the altitude: the least there can be."""
        return round(self.altitude_m / LIGHT_SPEED_M_S * 1e12)


def _collected(ratio: float) -> float:
    """Return the share of a Gaussian beam in an aperture of `ratio` beam radii."""
    return -math.expm1(-2.0 * ratio * ratio)
