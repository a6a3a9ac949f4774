"""Parts of open air by time: how much light they pass, how late it comes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qkdlab.clock import PS_PER_S
from qkdlab.wiring.parts import FreeSpace, SatellitePass
from qkdlab_sims.bench.incidents import NEVER_PS
from qkdlab_sims.optics.channels.free_space import (
    Fading,
    FreeSpacePath,
    background_photons_per_s,
)
from qkdlab_sims.optics.channels.satellite import Pass
from qkdlab_sims.optics.source import LIGHT_SPEED_M_S

__all__ = ["Air", "background_per_s"]

_STEP_S = 0.01
"""A satellite without fading is looked at this often."""
_STEPS_AT_ONCE = 1024


def background_per_s(part: FreeSpace | SatellitePass, wavelength_nm: float) -> float:
    """Return the sky's photons that leave the receiver's telescope."""
    if part.sky is None:
        return 0.0
    rate: float = 10.0 ** (-0.1 * part.optics_db) * background_photons_per_s(
        part.sky.radiance_w_m2_sr_nm,
        part.aperture_radius_m,
        part.sky.field_of_view_rad,
        part.sky.filter_nm,
        wavelength_nm,
    )
    return rate


class Air:
    """One part of open air, in steps of time that depend on nothing else.

    Raises ValueError for values outside physics.
    """

    def __init__(self, part: FreeSpace | SatellitePass, seed: int, name: str) -> None:
        self._part = part
        self._pass: Pass | None = None
        if isinstance(part, SatellitePass):
            self._pass = Pass(part.altitude_m, math.radians(part.top_elevation_deg))
        fading = part.fading
        step_s = fading.step_s if fading else _STEP_S
        self._step_ps = max(1, round(step_s * PS_PER_S))
        self._stands = fading is None and self._pass is None
        self._fading: Fading | None = None
        self._first = 0
        self._known = np.empty(0)
        if fading is not None:
            self._fading = Fading(
                seed,
                _path_of(part),
                fading.scintillation_index,
                turbulence_s=fading.turbulence_s,
                pointing_s=fading.pointing_s,
                step_s=step_s,
                component=name,
            )

    def factor(self, t_ps: int) -> float:
        """Return what passes at `t_ps` over what the part's own loss leaves."""
        if self._stands:
            return 1.0
        step = t_ps // self._step_ps
        return self._weather(step) * self._geometry(step * self._step_ps)

    def next_step_ps(self, t_ps: int) -> int:
        """Return when, after `t_ps`, the factor may be another."""
        if self._stands:
            return NEVER_PS
        return (t_ps // self._step_ps + 1) * self._step_ps

    @property
    def flight_ps(self) -> _Flight | None:
        """Return how much later than nominally light comes, by when it was sent."""
        if self._pass is None or not isinstance(self._part, SatellitePass):
            return None
        return _Flight(self._pass, self._part.begin_s, self._part.altitude_m)

    def _weather(self, step: int) -> float:
        if self._fading is None:
            return 1.0
        if not self._first <= step < self._first + len(self._known):
            self._first = step - step % _STEPS_AT_ONCE
            made = self._fading.transmission(_STEPS_AT_ONCE, self._first)
            self._known = made / self._fading.path.transmission
        return float(self._known[step - self._first])

    def _geometry(self, t_ps: int) -> float:
        part, one = self._part, self._pass
        if one is None or not isinstance(part, SatellitePass):
            return 1.0
        t_s = np.array([part.begin_s + t_ps / PS_PER_S])
        sine = math.sin(float(one.elevation_rad(t_s)[0]))
        if sine <= 0.0:
            return 0.0
        radius_m = float(one.range_m(t_s)[0]) * part.divergence_rad
        ratio = part.aperture_radius_m / radius_m
        collected = -math.expm1(-2.0 * ratio * ratio)
        loss_db = part.zenith_extinction_db / sine + part.optics_db
        passed: float = collected * 10.0 ** (0.1 * (part.loss_db - loss_db))
        return passed


class _Flight:
    """Times of flight of a pass beyond that over its altitude."""

    def __init__(self, one: Pass, begin_s: float, altitude_m: float) -> None:
        self._pass, self._begin_s, self._altitude_m = one, begin_s, altitude_m

    def __call__(self, sent_ps: NDArray[np.int64]) -> NDArray[np.float64]:
        t_s: NDArray[np.float64] = self._begin_s + sent_ps / PS_PER_S
        further_m = self._pass.range_m(t_s) - self._altitude_m
        return np.asarray(further_m / LIGHT_SPEED_M_S * PS_PER_S)


def _path_of(part: FreeSpace | SatellitePass) -> FreeSpacePath:
    pointing_rad = part.fading.pointing_rms_rad if part.fading else 0.0
    if isinstance(part, FreeSpace):
        distance_m, radius_m = part.distance_m, part.beam_radius_m
    else:
        # beam and its wandering grow alike with the range
        distance_m = part.altitude_m
        radius_m = part.altitude_m * part.divergence_rad
    return FreeSpacePath(
        distance_m, radius_m, part.aperture_radius_m,
        pointing_rms_m=pointing_rad * distance_m,
    )  # fmt: skip
