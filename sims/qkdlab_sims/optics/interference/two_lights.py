"""`TwoLights`: two independent lights that meet, as arrivals at detectors.

Given the phase between two coherent pulses every detector sees a coherent pulse, so
photons are drawn and thinned as those of one light are (`pulsed`): the statistics of
threshold detectors, double clicks and coincidences are exact. A thermal pulse is a
coherent one of random power. Pulses that overlap in part interfere with a contrast
smaller than 1; only the sums of powers and the contrast enter.

Drawing by the pair's phase: timetags-simulation-hdf5.md section 3.1, "MDI/TF". That
detectors are independent given the phase is [D] of coherent light. Visibilities are
those of theory.md section 3, "HOM": 2 m_a m_b / (m_a + m_b)^2 times the overlap [M], of
threshold detectors 0.49990 at a mean of 0.1 each [C].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.interference.overlap import PulsePair
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.rng import stream_key

__all__ = ["Input", "TwoLights"]

_MAX_PAIRS = 1 << 10
"""Pairs of contexts up to which a table pays; more do not stay in the caches."""

_THERMAL_BOUND = 33.0 * math.log(2.0)
"""Greatest power over its mean that 32 random bits can give."""


@dataclass(frozen=True, eq=False)
class Input:
    """One light and its way to the detectors.

    paths: complex128[n_det, 2], row d takes the Jones vector of a pulse to the
           amplitude at detector d; the root of the efficiency at rest is in it
    statistics: of a pulse's power
    """

    light: Light
    paths: NDArray[np.complex128]
    statistics: Literal["coherent", "thermal"] = "coherent"

    def fields(self) -> NDArray[np.complex128]:
        """Return complex128[n_contexts, n_det], roots of detectable photons."""
        pulses = self.light.jones @ self.light.matrix.T
        share = math.sqrt(self.light.pulse_share)
        return np.asarray(share * pulses @ self.paths.T)

    def greatest(self) -> float:
        """Return a bound on a pulse's power over that of its context."""
        from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS

        top = 1.0 + float(NOISE_LEVELS[-1]) * self.light.intensity_noise_rms
        return top * (_THERMAL_BOUND if self.statistics == "thermal" else 1.0)


class TwoLights:
    """An `ArrivalSource`: two lights with independent random phases.

    a, b:  the inputs, of one pulse period
    pair:  how alike their pulses are
    seed, component: key of all random numbers
    """

    def __init__(
        self,
        a: Input,
        b: Input,
        pair: PulsePair,
        period_ps: int,
        seed: int,
        component: str = "interference",
    ) -> None:
        if a.paths.shape != b.paths.shape or a.paths.shape[1:] != (2,):
            raise ValueError("two lights want paths to the same detectors")
        from qkdlab_sims.optics.photons.states._kernels import NOISE_LEVELS
        from qkdlab_sims.optics.settings._kernels import NO_LAW

        if "correlated" in (a.light.phase_law, b.light.phase_law):
            raise ValueError("two lights want phases that are new for each pulse")
        self._inputs = (a, b)
        self._laws = [
            NO_LAW if one.law is None else one.law.record(one.first_pulse)
            for one in (a.light, b.light)
        ]
        self._pair = pair
        self._period_ps = period_ps
        streams = ("candidates", "marks", "powers")
        self._keys = np.array([stream_key(seed, component, s) for s in streams])
        fields = [one.fields() for one in (a, b)]
        self._fields = [_parts(one) for one in fields]
        self._table = _table(*fields)
        noise = [one.light.intensity_noise_rms for one in (a, b)]
        powers = 1.0 + np.outer(noise, NOISE_LEVELS)
        self._scale = np.sqrt(np.maximum(powers, 0.0))
        steps_ps, which = np.unique(pair.jitter_ps * NOISE_LEVELS, return_inverse=True)
        overlaps = np.array([pair.overlap(step_ps) for step_ps in steps_ps.tolist()])
        self._alike = 2.0 * overlaps[which]
        angles = 2.0 * math.pi * (np.arange(1024) + 0.5) / 1024
        self._phases = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self._most = self._bounds()
        self._bound = sum(float(most.max()) for most in self._most)

    @property
    def per_tick(self) -> float:
        """Mean number of candidates in a tick."""
        from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK

        return PULSES_PER_TICK * self._bound

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        from qkdlab_sims.optics.interference._kernels import draw_two_lights

        lights = [one.light for one in self._inputs]
        a, b = self._inputs
        reached: int = draw_two_lights(
            tick,
            tick_end,
            self._fields[0],
            self._fields[1],
            self._table,
            self._laws[0],
            self._laws[1],
            (lights[0].law is not None, lights[1].law is not None),
            (
                -lights[0].first_pulse % lights[0].n_contexts,
                -lights[1].first_pulse % lights[1].n_contexts,
            ),
            self._most[0],
            self._most[1],
            (a.statistics == "thermal", b.statistics == "thermal"),
            self._scale,
            self._alike,
            self._phases,
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
        if reached < 0:
            raise OverflowError("a tick holds more photons than its bound")
        return reached

    def _bounds(self) -> list[NDArray[np.float64]]:
        """Return by input and context what together bounds a pulse's mean.

        All detectors together see E+ G E of the joint field E, and G has a largest
        eigenvalue; partly overlapping pulses give a mean of such values.
        """
        joint = np.hstack([one.paths for one in self._inputs])
        largest = float(np.linalg.eigvalsh(joint.conj().T @ joint)[-1])
        bounds = []
        for one in self._inputs:
            pulses = one.light.jones @ one.light.matrix.T
            powers = one.light.pulse_share * (np.abs(pulses) ** 2).sum(axis=1)
            bounds.append(largest * one.greatest() * (1.0 + 1e-9) * powers)
        return bounds


def _parts(fields: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return float64[n_contexts, n_det, 2], real and imaginary."""
    return np.stack([fields.real, fields.imag], axis=2)


def _table(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the table that `draw_two_lights` wants."""
    from qkdlab_sims.optics.interference._intrinsics import LANES, N_PARTS

    n_det = a.shape[1]
    n_groups = -(-n_det // LANES)
    if len(a) * len(b) > _MAX_PAIRS:
        return np.empty((0, n_groups, N_PARTS, LANES))
    cross = a[:, None, :] * b[None, :, :].conj()
    powers = np.abs(a) ** 2, np.abs(b) ** 2
    each = (
        np.broadcast_to(powers[0][:, None, :], cross.shape),
        np.broadcast_to(powers[1][None, :, :], cross.shape),
        cross.real,
        cross.imag,
    )
    sums = np.zeros((len(a) * len(b), N_PARTS, n_groups * LANES))
    sums[:, :, :n_det] = np.cumsum(np.stack(each, axis=2), axis=3).reshape(
        -1, N_PARTS, n_det
    )
    sums[:, 0, n_det:] = np.inf
    return np.ascontiguousarray(
        sums.reshape(-1, N_PARTS, n_groups, LANES).swapaxes(1, 2)
    )
