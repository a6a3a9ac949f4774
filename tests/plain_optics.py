"""A slow receiver that looks at every pulse: the reference for the event engine.

It shares nothing with `qkdlab_sims.optics`: fields instead of Stokes vectors, Poisson
photon numbers instead of thinned gaps, NumPy's PCG64 instead of Philox, one list of
events per detector that is walked in order of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

X_STATES = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
Z_STATES = np.array([[1, 1j], [1, -1j]]) / math.sqrt(2)


@dataclass
class PlainDetector:
    """Path and wire of one detector; rates and efficiencies at rest."""

    path: NDArray[np.complex128]  # 2x2, efficiency in it as amplitude
    arrival_ps: int
    dark_rate_hz: float
    bias_ua: float
    half_ua: float
    width_ua: float
    tau_ps: float
    sigma_ps: float
    tail_fraction: float = 0.0
    tail_ps: float = 0.0


@dataclass
class PlainReceiver:
    fields: NDArray[np.complex128]  # [n_contexts, 2], root photons per pulse
    detectors: list[PlainDetector]
    period_ps: int = 10_000
    first_pulse: int = 0
    attacked: float = 0.0
    to_eve: NDArray[np.complex128] = field(default_factory=lambda: np.eye(2))
    noise_rms: float = 0.0

    def clicks(self, n_pulses: int, seed: int) -> list[NDArray[np.int64]]:
        """Return the sorted tags of each detector."""
        rng = np.random.default_rng(seed)
        pulse = np.arange(n_pulses)
        sent = self.fields[(pulse - self.first_pulse) % len(self.fields)]
        if self.noise_rms:
            factor = np.clip(1 + self.noise_rms * rng.standard_normal(n_pulses), 0, 9)
            sent = sent * np.sqrt(factor)[:, None]
        if self.attacked:
            sent = self._intercepted(sent, rng)
        return [self._wire(d, sent, rng) for d in self.detectors]

    def _intercepted(self, sent, rng):
        there = sent @ self.to_eve.T
        power = np.sum(np.abs(there) ** 2, axis=1)
        in_z = rng.random(len(there)) < 0.5
        states = np.where(in_z[:, None, None], Z_STATES, X_STATES)
        overlap = np.abs(np.sum(states[:, 0].conj() * there, axis=1)) ** 2
        wrong = rng.random(len(there)) * power >= overlap
        found = states[np.arange(len(there)), wrong.astype(int)]
        forged = np.sqrt(power)[:, None] * found
        hit = rng.random(len(there)) < self.attacked
        return np.where(hit[:, None], forged, there)

    def _wire(self, d, sent, rng):
        means = np.sum(np.abs(sent @ d.path.T) ** 2, axis=1)
        photons = rng.poisson(means)
        when = np.repeat(np.arange(len(sent)), photons) * self.period_ps + d.arrival_ps
        return self.walk(d, when, len(sent), rng)

    def walk(self, d, when, n_pulses, rng):
        """Return the tags of photons that reach a detector at `when`, and of darks."""
        span = n_pulses * self.period_ps
        n_darks = rng.poisson(d.dark_rate_hz * span * 1e-12)
        darks = rng.integers(0, span, n_darks) + d.arrival_ps
        times = np.concatenate((when, darks))
        jitter = rng.normal(0.0, d.sigma_ps, len(when))
        late = rng.random(len(when)) < d.tail_fraction
        jitter = jitter + late * rng.exponential(d.tail_ps or 1.0, len(when))
        jitter = np.concatenate((jitter, np.zeros(n_darks)))
        order = np.argsort(times, kind="stable")
        lucky = rng.random(len(times)).tolist()
        at = times[order].tolist()
        full = 1 + math.erf((d.bias_ua - d.half_ua) / d.width_ua)
        last = -math.inf
        kept = np.zeros(len(times), bool)
        for i, t in enumerate(at):
            dt = t - last
            if dt < 40 * d.tau_ps:
                current = d.bias_ua * (1 - math.exp(-dt / d.tau_ps))
                now = 1 + math.erf((current - d.half_ua) / d.width_ua)
                if lucky[i] * full >= now:
                    continue
            last = t
            kept[i] = True
        tags = times[order][kept] + np.rint(jitter[order][kept]).astype(np.int64)
        return np.sort(tags)
