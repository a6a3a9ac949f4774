"""Fibres: random rotation of polarization that drifts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.rng import gaussians, stream_key

__all__ = ["FibreDrift", "random_su2"]


def random_su2(key: NDArray[np.uint64], number: int = 0) -> NDArray[np.complex128]:
    """Return a uniformly (Haar) random SU(2) matrix, the same for the same key."""
    q = gaussians(key, number, 1)[0]
    a, b, c, d = q / np.linalg.norm(q)
    return np.array([[a + 1j * b, c + 1j * d], [-c + 1j * d, a - 1j * b]])


class FibreDrift:
    """Random walk of a fibre's SU(2) matrix.

    Each step multiplies by exp(-i alpha . sigma / 2) with alpha normal, variance
    rad_per_sqrt_s^2 dt about each axis of the Poincare sphere, so the overlap of an
    output state with itself falls as <s(t) . s(0)> = exp(-rad_per_sqrt_s^2 t)
    (Czegledi et al., arXiv:1507.00953 [seen abstract; parameter form mem]).

    Steps are keyed by their number, hence the matrix at a tick does not depend on
    which ticks were asked for before.
    """

    def __init__(
        self,
        seed: int,
        rad_per_sqrt_s: float,
        *,
        component: str = "fibre",
        period_ps: int = 10_000,
        ticks_per_step: int = 16,
        start: NDArray[np.complex128] | None = None,
    ) -> None:
        step_s = ticks_per_step * PULSES_PER_TICK * period_ps * 1e-12
        self._sigma_rad = rad_per_sqrt_s * math.sqrt(step_s)
        self._key = stream_key(seed, component, "polarization drift")
        self._start = (
            random_su2(stream_key(seed, component, "polarization start"))
            if start is None
            else start
        )
        self.ticks_per_step = ticks_per_step
        self._step = 0
        self._matrix = self._start

    def next_step(self, tick: int) -> int:
        """Return the first tick after `tick` whose matrix may be another."""
        return (tick // self.ticks_per_step + 1) * self.ticks_per_step

    def at(self, tick: int) -> NDArray[np.complex128]:
        """Return the 2x2 matrix that holds during `tick` (>= 0)."""
        wanted = tick // self.ticks_per_step
        if wanted == self._step:
            return self._matrix
        if wanted < self._step:
            self._step, self._matrix = 0, self._start
        if wanted > self._step and self._sigma_rad > 0.0:
            alphas = gaussians(self._key, self._step, wanted - self._step)[:, :3]
            for alpha in alphas * self._sigma_rad:
                self._matrix = _rotation(alpha) @ self._matrix
        self._step = wanted
        return self._matrix


def _rotation(alpha: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return exp(-i alpha . sigma / 2), a turn by |alpha| of the Poincare sphere."""
    angle = float(np.linalg.norm(alpha))
    if angle == 0.0:
        return np.eye(2, dtype=np.complex128)
    x, y, z = (alpha / angle * math.sin(angle / 2)).tolist()
    c = math.cos(angle / 2)
    return np.array([[c - 1j * x, -z - 1j * y], [z - 1j * y, c + 1j * x]])
