"""Phase-randomised pulses as arrivals: `PulsedLight`.

Photons that a set of detectors can absorb from phase-randomised coherent pulses form
independent Poisson processes, so candidates are drawn by exponential gaps on the pulse
axis at a bounding rate and thinned with the mean photon number of their own pulse
(timetags-simulation-hdf5.md section 3.1). Several photons of a pulse, and hence double
and cross clicks, come out right without approximation. Light above `BRIGHT_MEAN`
detectable photons a pulse is visited pulse by pulse, which is the same law.

Light whose settings come on demand has few contexts as a rule; then what each gives
each detector is worked out beforehand, unless Eve is there or the light is bright.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import (
    BRIGHT_MEAN,
    PULSES_PER_TICK,
    draw_arrivals,
)
from qkdlab_sims.optics.photons.fresh._intrinsics import LANES
from qkdlab_sims.optics.photons.fresh._kernels import draw_fresh_arrivals
from qkdlab_sims.optics.photons.own._kernels import NOTHING_OWN, Own
from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS
from qkdlab_sims.optics.settings._kernels import NO_LAW
from qkdlab_sims.optics.settings.joint import JointLaw

__all__ = ["PulsedLight"]

_MAX_TABLE = 1 << 14
"""Contexts up to which a table pays."""

_MAX_DETECTORS = 15
"""Detectors whose clicks can be counted side by side in a word."""


class PulsedLight:
    """An `ArrivalSource`: light behind analysers.

    before:    float64[4, 4], from the light's table to Eve or, without her, anything
    analysers: float64[n_det, 4], from there to the detectors, efficiency in them
    eve:       fraction of pulses that she measures and sends again
    keys:      uint64[3, 2]: clicks, noise, eavesdropper
    own:       what each pulse has of its own beside white noise; none may leave its
               period for that
    """

    def __init__(
        self,
        light: Light,
        before: NDArray[np.float64],
        analysers: NDArray[np.float64],
        eve: float | None,
        period_ps: int,
        keys: NDArray[np.uint64],
        own: Own = NOTHING_OWN,
    ) -> None:
        self._light = light
        self._before = before
        self._analysers = analysers if eve is not None else analysers @ before
        self._eve = eve or 0.0
        self._period_ps = period_ps
        self._keys = keys
        self._own = own
        brightest = _brightest(light.intensity_noise_rms, own.noise_memory)
        self._bound = 0.0
        self._table: NDArray[np.float64] | None = None
        self._law = self._receiver = NO_LAW
        self._stride = 0
        if isinstance(light.law, JointLaw):
            self._receiver = light.law.receiver_record(light.first_pulse)
            self._stride = light.law.stride
        if light.law is not None:
            self._law = light.law.record(light.first_pulse)
        if light.law is not None and eve is None:
            table = _table(light.table.stokes, self._analysers)
            most = float(table[:, len(analysers) - 1].max())
            self._bound = most * brightest * (1.0 + 1e-9)
            few = light.n_contexts <= _MAX_TABLE and len(analysers) <= _MAX_DETECTORS
            if self._bound <= BRIGHT_MEAN and few:
                self._table = table
                white = own.noise_memory == 0.0
                self._factors = _inverse_intensities(
                    light.intensity_noise_rms if white else 0.0
                )
        else:
            self._bound = _mean_bound(analysers, before, light, brightest)
        if self._table is None and isinstance(light.law, JointLaw):
            raise ValueError(
                "settings on demand on both sides want dim light and no eavesdropper"
            )

    @property
    def is_bright(self) -> bool:
        """Return whether every pulse is visited, so that none has anything its own."""
        return self._bound > BRIGHT_MEAN

    @property
    def per_tick(self) -> float:
        """Mean number of candidates in a tick; if bright, of pulses."""
        if self.is_bright:
            return float(PULSES_PER_TICK)
        return PULSES_PER_TICK * self._bound

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        light = self._light
        if self._table is not None:
            reached: int = draw_fresh_arrivals(
                tick,
                tick_end,
                self._table,
                self._factors,
                light.intensity_noise_rms,
                self._own,
                self._law,
                self._receiver,
                self._stride,
                self._bound,
                self._period_ps,
                self._keys,
                poisson_bound(self.per_tick),
                arrival_ps,
                out.t_ps,
                out.chance,
                out.number,
                out.ends,
            )
            return _checked(reached)
        reached = draw_arrivals(
            tick,
            tick_end,
            light.table.stokes,
            -light.first_pulse % light.n_contexts,
            self._law,
            light.law is not None,
            self._before,
            self._analysers,
            self._bound,
            self._eve,
            light.intensity_noise_rms,
            self._own,
            self._period_ps,
            self._keys,
            poisson_bound(self.per_tick),
            arrival_ps,
            out.t_ps,
            out.chance,
            out.number,
            out.ends,
        )
        return _checked(reached)


def _checked(reached: int) -> int:
    if reached < 0:
        raise OverflowError("a tick holds more photons than its bound")
    return reached


@lru_cache(4)
def _inverse_intensities(noise_rms: float) -> NDArray[np.float64]:
    """Return 1 / intensity by level of noise."""
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = 1.0 / np.maximum(
            0.0, 1.0 + noise_rms * NOISE_LEVELS
        )
    return found


def _table(
    stokes: NDArray[np.float64], analysers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the table that `draw_fresh_arrivals` wants."""
    means = np.maximum(0.0, 0.5 * stokes @ analysers.T)
    n_contexts, n_det = means.shape
    table = np.full((n_contexts, -(-n_det // LANES) * LANES), np.inf)
    np.cumsum(means, axis=1, out=table[:, :n_det])
    return table


def _mean_bound(
    analysers: NDArray[np.float64],
    before: NDArray[np.float64],
    light: Light,
    brightest: float,
) -> float:
    """Return a bound on the detectable photons of any pulse, whatever its state.

    brightest: largest energy of a pulse over its mean
    """
    total = analysers.sum(axis=0)
    after = total[0] + float(np.linalg.norm(total[1:]))
    path = before[0, 0] + float(np.linalg.norm(before[0, 1:]))
    mean = 0.5 * after * path * light.table.brightest
    return float(mean * brightest * (1.0 + 1e-9))


def _brightest(noise_rms: float, memory: float) -> float:
    """Return the largest energy of a pulse over its mean."""
    spread = (1.0 + abs(memory)) / math.hypot(1.0, memory)
    return 1.0 + float(NOISE_LEVELS[-1]) * noise_rms * spread
