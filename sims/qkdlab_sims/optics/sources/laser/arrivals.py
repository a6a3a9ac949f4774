"""A gain-switched laser as arrivals at detectors: `LaserArrivals`, `PhaseWalk`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import Arrivals, poisson_bound
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.normal._kernels import GAUSS_BOUND
from qkdlab_sims.optics.photons._kernels import PULSES_PER_TICK
from qkdlab_sims.optics.photons.own._kernels import Own
from qkdlab_sims.optics.pulsed import PulsedLight
from qkdlab_sims.optics.ranges import in_range
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.settings._kernels import NO_LAW
from qkdlab_sims.optics.settings.joint import JointLaw
from qkdlab_sims.optics.sources.laser._kernels import (
    Pulses,
    draw_laser,
    fill_noise,
    fill_phases,
)
from qkdlab_sims.optics.sources.laser.dynamics import PulseDynamics

__all__ = ["LaserArrivals", "PhaseWalk"]


class PhaseWalk:
    """What each pulse of a laser has of its own: its phase, and its energy.

    step_rad: standard deviation of the phase between neighbours, as of
              `PulseDynamics.phase_step_rad`; infinite: uniform and independent
    seed, component: key of the numbers, the same as of `LaserArrivals`

    Phases are exact for 2**48 pulses and do not depend on which are asked for: a walk
    is refined between its ends by Brownian bridges (Levy's construction), each middle
    keyed by its pulse. One costs up to 48 normal numbers, the next of a sorted list
    some two per pulse of distance, at most as many.
    """

    def __init__(
        self, dynamics: PulseDynamics, step_rad: float, seed: int, component: str
    ) -> None:
        if step_rad != math.inf:
            in_range("step_rad", step_rad, 0.0, 100.0, "rad")
        self._dynamics = dynamics
        self._step_rad = step_rad
        self._keys = np.array([stream_key(seed, component, "pulses")])

    def phases_rad(self, pulses: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the phases of pulses in [0, 2 pi)."""
        out = np.empty(len(pulses))
        fill_phases(pulses, self._step_rad, self._keys, out)
        return np.mod(out, 2.0 * math.pi)

    def energies(self, pulses: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the energies of pulses over their mean."""
        out = np.empty(len(pulses))
        d = self._dynamics
        fill_noise(pulses, d.noise_rms, d.noise_memory(), self._keys, out)
        return out


class LaserArrivals:
    """An `ArrivalSource`: pulses with timing jitter, width and noise of their own.

    light:     states by context, as for `simulate_pulses`; its `pulse_fwhm_ps` and
               `intensity_noise_rms` are not used, those of `dynamics` are
    analysers: float64[n_det, 4], from there to each detector, efficiency in them
    step_rad:  as of `PhaseWalk`
    interferometer: (contrast, phase) of one that brings each pulse onto the one
               before. Analysers then weigh its two ports: (1, 1, 0, 0) times the
               efficiency is a detector behind the first, (1, -1, 0, 0) behind the
               second; `light` must be unmodulated

    Dim pulses that with jitter and width stay within half a period are a
    `PulsedLight`. Otherwise, and behind an interferometer, candidates come at a
    bounding rate, too, but each asks for what its pulse owns by the pulse's number, at
    ten times the cost. Raises ValueError for a delay of half a tick or more, and for
    settings of the receiver's own that would have to go that way.
    """

    def __init__(
        self,
        dynamics: PulseDynamics,
        light: Light,
        analysers: NDArray[np.float64],
        period_ps: int,
        seed: int,
        component: str = "laser",
        *,
        step_rad: float = math.inf,
        interferometer: tuple[float, float] | None = None,
    ) -> None:
        if interferometer is not None and light.n_contexts != 1:
            raise ValueError("an interferometer of neighbours wants unmodulated light")
        d = dynamics
        delays = d.jitter_rms_ps + d.width_sigma_ps()
        self.lead_ps = math.ceil(GAUSS_BOUND * delays)
        if 4 * self.lead_ps >= PULSES_PER_TICK * period_ps:
            raise ValueError("jitter and width must be shorter than half a tick")
        purposes = ("pulses", "noise", "eavesdropper")
        self._keys = np.array([stream_key(seed, component, p) for p in purposes])
        self._light = light
        self._period_ps = period_ps
        self._apart: PulsedLight | None = None
        if interferometer is None and 2 * self.lead_ps < period_ps:
            apart = self._pulses_apart(d, analysers)
            self._apart = None if apart.is_bright else apart
        # behind an interferometer S0 and S1 are those of its ports
        before = light.transfer()
        if interferometer is not None:
            before = np.diag([before[0, 0], before[0, 0], 0.0, 0.0])
        self._transfer = np.ascontiguousarray(analysers @ before)
        self._record = self._pulses(d, step_rad, interferometer)
        self._law = NO_LAW
        if light.law is not None:
            self._law = light.law.record(light.first_pulse)
        if self._apart is None and isinstance(light.law, JointLaw):
            raise ValueError(
                "settings on demand on both sides want dim pulses, which last less "
                "than half a period with their jitter"
            )

    def _pulses_apart(
        self, d: PulseDynamics, analysers: NDArray[np.float64]
    ) -> PulsedLight:
        """Return the light as one whose pulses stay in their periods."""
        light = replace(
            self._light, intensity_noise_rms=d.noise_rms, known_table=self._light.table
        )
        own = Own(d.jitter_rms_ps, d.width_sigma_ps(), self.lead_ps, d.noise_memory())
        before = light.transfer()
        return PulsedLight(
            light, before, analysers, None, self._period_ps, self._keys, own
        )

    def _pulses(
        self,
        d: PulseDynamics,
        step_rad: float,
        interferometer: tuple[float, float] | None,
    ) -> Pulses:
        """Return the pulses as the kernel wants them that takes one after the other."""
        memory = d.noise_memory()
        spread = (1.0 + abs(memory)) / math.hypot(1.0, memory)
        brightest = 1.0 + GAUSS_BOUND * d.noise_rms * spread
        bound = 0.5 * self._light.table.brightest * self._row_bound() * brightest
        contrast, bias_rad = interferometer or (-1.0, 0.0)
        return Pulses(
            bound * (1.0 + 1e-9),
            d.noise_rms,
            memory,
            d.jitter_rms_ps,
            d.width_sigma_ps(),
            self.lead_ps,
            step_rad,
            contrast,
            bias_rad,
        )

    def _row_bound(self) -> float:
        total = self._transfer.sum(axis=0)
        return float(total[0] + np.linalg.norm(total[1:]))

    @property
    def per_tick(self) -> float:
        """Mean number of candidates in a tick."""
        if self._apart is not None:
            return self._apart.per_tick
        return PULSES_PER_TICK * self._record.bound

    def draw(
        self, tick: int, tick_end: int, arrival_ps: NDArray[np.int64], out: Arrivals
    ) -> int:
        """Fill `out` as `ArrivalSource` says."""
        if self._apart is not None:
            return self._apart.draw(tick, tick_end, arrival_ps, out)
        if self._record.bound == 0.0:
            out.ends[:, : tick_end - tick + 1] = 0
            return tick_end
        light = self._light
        reached: int = draw_laser(
            tick,
            tick_end,
            self._period_ps,
            self._record,
            light.table.stokes,
            -light.first_pulse % light.n_contexts,
            self._law,
            light.law is not None,
            self._transfer,
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
