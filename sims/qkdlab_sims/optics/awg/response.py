"""Analogue step response of the Keysight 33600 behind its waveform filters.

The filters are digital and linear-phase in the instrument; here each is a smooth,
causal kernel of finite length. Figures: rise time of STEP at 1 GSa/s about 2.9 ns,
NORM flatter with some overshoot, OFF a staircase behind the output amplifier [mem].
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["StepResponse", "step_response"]

_GRID_PS = 5.0
_RISE_IN_SIGMAS = 2.5631  # 10-90 % of the normal distribution function
_OUTPUT_RISE_PS = 2900.0  # the output amplifier alone [mem]
_STEP_RISE_SAMPLES = 2.9


@dataclass(frozen=True, slots=True)
class StepResponse:
    """Response to a unit step: 0 at the edge, 1 after the last point.

    step: float64[n] on a grid of `grid_ps`
    """

    step: NDArray[np.float64]
    grid_ps: float


@functools.lru_cache(maxsize=16)
def step_response(filter_name: str, sample_rate_hz: float) -> StepResponse:
    """Return the response of filter NORM, STEP or OFF; ValueError for another."""
    sample_ps = 1e12 / sample_rate_hz
    if filter_name == "STEP":
        sigma = max(_OUTPUT_RISE_PS, _STEP_RISE_SAMPLES * sample_ps) / _RISE_IN_SIGMAS
        return _integrate(lambda t: np.exp(-0.5 * (t / sigma) ** 2), 2.65 * sigma)
    if filter_name == "OFF":
        sigma = _OUTPUT_RISE_PS / _RISE_IN_SIGMAS
        return _integrate(lambda t: np.exp(-0.5 * (t / sigma) ** 2), 2.65 * sigma)
    if filter_name == "NORM":
        cutoff = 0.35 / max(_OUTPUT_RISE_PS, 1.3 * sample_ps)
        half = 1.5 / cutoff

        def kernel(t: NDArray[np.float64]) -> NDArray[np.float64]:
            window = 0.5 * (1.0 + np.cos(math.pi * t / half))
            return np.sinc(2.0 * cutoff * t) * window

        return _integrate(kernel, half)
    raise ValueError(f"filter {filter_name!r} is none of NORM, STEP, OFF")


def _integrate(kernel, half_ps: float) -> StepResponse:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Integrate an even kernel over [-half, half], delayed to start at 0."""
    n = math.ceil(2.0 * half_ps / _GRID_PS)
    t = (np.arange(n) + 0.5) * _GRID_PS - half_ps
    step = np.concatenate(([0.0], np.cumsum(kernel(t))))
    step /= step[-1]
    step.flags.writeable = False
    return StepResponse(step, _GRID_PS)
