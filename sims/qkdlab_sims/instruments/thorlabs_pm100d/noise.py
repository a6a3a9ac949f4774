"""Noise of the photodiode's amplifier behind the low-pass of its input."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["FilteredNoise"]


class FilteredNoise:
    """White noise through a first-order low-pass, averaged over readings.

    The low-pass remembers: readings that follow each other within its time constant
    err alike, and an average over many time constants gains nothing by it. In units
    of the rms of one elementary sample of `sample_ps` without the low-pass.
    """

    def __init__(self, rng: np.random.Generator, sample_ps: int) -> None:
        self._rng = rng
        self._density = math.sqrt(sample_ps)
        self._lag_ps = 0.0
        self._level = 0.0
        self._t_ps = 0

    def mean(self, t0_ps: int, t1_ps: int, lag_ps: float) -> float:
        """Return the average over [t0, t1); the times of readings never go back.

        lag_ps: time constant of the low-pass, above 0

        With level v of the low-pass, ``lag dv = dW - v dt``, hence
        ``integral of v = W - lag (v1 - v0)``; W and v1 are drawn jointly.
        """
        span_ps = max(1, t1_ps - t0_ps)
        begin = self._level_at(t0_ps, lag_ps)
        kept = math.exp(-span_ps / lag_ps)
        z_walk, z_own = self._rng.standard_normal(2).tolist()
        walk = math.sqrt(span_ps) * z_walk
        # Both come from the same noise: the late part of the walk is still in v1.
        shared = (1.0 - kept) / span_ps
        own = (1.0 - kept**2) / (2.0 * lag_ps) - (1.0 - kept) ** 2 / span_ps
        self._level = begin * kept + shared * walk + math.sqrt(max(0.0, own)) * z_own
        self._t_ps = t0_ps + span_ps
        total: float = walk - lag_ps * (self._level - begin)
        return self._density * total / span_ps

    def _level_at(self, t_ps: int, lag_ps: float) -> float:
        """Return the level of the low-pass, white noise of density 1 behind it."""
        rms = math.sqrt(0.5 / lag_ps)
        kept = 0.0
        if lag_ps == self._lag_ps:
            kept = math.exp(-max(0, t_ps - self._t_ps) / lag_ps)
        self._lag_ps = lag_ps
        fresh = math.sqrt(1.0 - kept**2) * float(self._rng.standard_normal())
        return kept * self._level + rms * fresh
