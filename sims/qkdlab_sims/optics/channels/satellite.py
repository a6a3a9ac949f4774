"""A satellite's pass: slant range, elevation, and the clock that Doppler stretches.

theory.md section 8: circular orbit, the earth's turning left out (below 7 % of the
angular speed in low orbits), no atmosphere in the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.source import LIGHT_SPEED_M_S

__all__ = ["EARTH_RADIUS_M", "Pass", "slant_range_m"]

EARTH_RADIUS_M = 6_371_000.0
_EARTH_MU = 3.986004418e14
"""Gravitational parameter in m^3/s^2."""


def slant_range_m(altitude_m: float, elevation_rad: float) -> float:
    """Return the distance to a satellite seen under an elevation.

    sqrt((R sin e)^2 + 2 R h + h^2) - R sin e
    """
    in_range("altitude_m", altitude_m, 1e5, 1e8, "m")
    in_range("elevation_rad", elevation_rad, 0.0, math.pi / 2, "rad")
    up_m = EARTH_RADIUS_M * math.sin(elevation_rad)
    return math.sqrt(up_m**2 + 2.0 * EARTH_RADIUS_M * altitude_m + altitude_m**2) - up_m


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass over a ground station, highest at time 0.

    altitude_m:          of a circular orbit
    top_elevation_rad:   at time 0
    """

    altitude_m: float
    top_elevation_rad: float = math.pi / 2

    def __post_init__(self) -> None:
        in_range("altitude_m", self.altitude_m, 1e5, 1e8, "m")
        in_range("top_elevation_rad", self.top_elevation_rad, 0.01, math.pi / 2, "rad")

    @property
    def rate_rad_per_s(self) -> float:
        """Return the angular speed about the earth's centre."""
        return math.sqrt(_EARTH_MU / (EARTH_RADIUS_M + self.altitude_m) ** 3)

    @property
    def _closest_rad(self) -> float:
        """Angle between station and satellite at time 0, from the earth's centre."""
        cosine = EARTH_RADIUS_M / (EARTH_RADIUS_M + self.altitude_m)
        e = self.top_elevation_rad
        return math.acos(cosine * math.cos(e)) - e

    def range_m(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance at times from the top."""
        radius_m = EARTH_RADIUS_M + self.altitude_m
        cosine = math.cos(self._closest_rad) * np.cos(self.rate_rad_per_s * t_s)
        squared = EARTH_RADIUS_M**2 + radius_m**2
        return np.asarray(np.sqrt(squared - 2.0 * EARTH_RADIUS_M * radius_m * cosine))

    def elevation_rad(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the elevation at times from the top; negative below the horizon."""
        radius_m = EARTH_RADIUS_M + self.altitude_m
        d = self.range_m(t_s)
        sine = (radius_m**2 - EARTH_RADIUS_M**2 - d**2) / (2.0 * EARTH_RADIUS_M * d)
        return np.asarray(np.arcsin(np.clip(sine, -1.0, 1.0)))

    def range_rate_m_per_s(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how fast the distance grows."""
        radius_m = EARTH_RADIUS_M + self.altitude_m
        rate = self.rate_rad_per_s
        sine = math.cos(self._closest_rad) * np.sin(rate * t_s)
        growth = EARTH_RADIUS_M * radius_m * rate * sine
        return np.asarray(growth / self.range_m(t_s))

    def stretch_ppm(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much the sender's clock seems slow, first order in v / c."""
        return 1e6 * self.range_rate_m_per_s(t_s) / LIGHT_SPEED_M_S

    def arrival_ps(
        self, sent_ps: NDArray[np.int64], begin_s: float
    ) -> NDArray[np.int64]:
        """Return int64[n], when light arrives that was sent at `sent_ps`.

        begin_s: time from the top at sent_ps = 0. Delays are computed in float64 and
        rounded: 0.2 ps over 1000 km, and order is kept.
        """
        t_s: NDArray[np.float64] = begin_s + sent_ps.astype(np.float64) * 1e-12
        delay_ps = self.range_m(t_s) / LIGHT_SPEED_M_S * 1e12
        return sent_ps + np.rint(delay_ps).astype(np.int64)
