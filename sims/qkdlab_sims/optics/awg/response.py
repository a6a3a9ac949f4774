"""Analogue response of the Keysight 33600 behind its waveform filters.

The instrument interpolates by linear-phase digital filters; here each filter is a
smooth causal kernel of finite length, so its latency is part of the response. STEP
has a 10-90 % rise of 2.9 ns at 1 GSa/s and no overshoot, NORM is flatter and
overshoots, OFF is the staircase behind the output amplifier; lower sample rates slow
NORM and STEP down in proportion [mem, all figures]. DIRECT is the staircase of a fast
converter behind an output amplifier of some 5 GHz [guess].
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.awg._kernels import analogue_volts, spaced_volts

__all__ = ["StepResponse", "analogue", "latency_ps", "step_response"]

_GRID_PS = 5.0  # fine enough for 1e-6 by linear interpolation
_OUTPUT_RISE_PS = 2900.0
_DIRECT_RISE_PS = 70.0
_STEP_RISE_SAMPLES = 2.9
_NORM_CUTOFF_HZ = 200e6
_NORM_CUTOFF_PER_SAMPLE_RATE = 0.27
_RISE_IN_SIGMAS = 2.5631  # 10-90 % of the normal distribution function
_ONSET_IN_SIGMAS = 2.65  # a step begins to show this long before its middle
_TAIL_IN_SIGMAS = 5.0
_ROUNDING_PS = 1e-3


@dataclass(frozen=True, slots=True)
class StepResponse:
    """Response to a unit step: 0 at the edge, 1 after the last point.

    step: float64[n] on a grid of `grid_ps`
    """

    step: NDArray[np.float64]
    grid_ps: float


@functools.lru_cache(maxsize=16)
def step_response(filter_name: str, sample_rate_hz: float) -> StepResponse:
    """Return the response of a filter by its name; ValueError for another."""
    sample_ps = 1e12 / sample_rate_hz
    if filter_name == "STEP":
        return _gaussian(max(_OUTPUT_RISE_PS, _STEP_RISE_SAMPLES * sample_ps))
    if filter_name == "OFF":
        return _gaussian(_OUTPUT_RISE_PS)
    if filter_name == "NORM":
        return _windowed_sinc(
            min(_NORM_CUTOFF_HZ, _NORM_CUTOFF_PER_SAMPLE_RATE * sample_rate_hz)
        )
    if filter_name == "DIRECT":
        return _gaussian(_DIRECT_RISE_PS)
    raise ValueError(f"filter {filter_name!r} is none of NORM, STEP, OFF, DIRECT")


def latency_ps(filter_name: str, sample_rate_hz: float) -> float:
    """Return when a step has come half-way."""
    response = step_response(filter_name, sample_rate_hz)
    return float(np.searchsorted(response.step, 0.5)) * response.grid_ps


def analogue(
    volts: NDArray[np.float64],
    sample_ps: float,
    response: StepResponse,
    times_ps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the output at `times_ps` after the edge of sample 0.

    volts: one period of samples, which repeats for ever
    """
    out = np.empty(len(times_ps))
    times = np.ascontiguousarray(times_ps, dtype=np.float64)
    samples = np.ascontiguousarray(volts, dtype=np.float64)
    stride = _stride(times, sample_ps)
    if stride is not None:
        first = math.floor(times[0] / sample_ps)
        weights = _weights(response, sample_ps, times[0] / sample_ps - first)
        spaced_volts(samples, first, stride, weights, out)
        return out
    analogue_volts(samples, sample_ps, response.step, response.grid_ps, times, out)
    return out


def _stride(times_ps: NDArray[np.float64], sample_ps: float) -> int | None:
    """Return the spacing in samples if it is the same whole number throughout."""
    if len(times_ps) < 2:
        return None
    spacing_ps = (times_ps[-1] - times_ps[0]) / (len(times_ps) - 1)
    stride = round(spacing_ps / sample_ps)
    in_step_ps = times_ps[0] + stride * sample_ps * np.arange(len(times_ps))
    is_in_step = stride > 0 and np.all(np.abs(times_ps - in_step_ps) < _ROUNDING_PS)
    return stride if is_in_step else None


def _weights(
    response: StepResponse, sample_ps: float, part: float
) -> NDArray[np.float64]:
    """Return what the present sample and those before it count, `part` into it."""
    length_ps = (len(response.step) - 1) * response.grid_ps
    since_ps = (part + np.arange(math.ceil(length_ps / sample_ps) + 1)) * sample_ps
    grid_ps = np.arange(len(response.step)) * response.grid_ps
    return np.diff(np.interp(since_ps, grid_ps, response.step), prepend=0.0)


def _gaussian(rise_ps: float) -> StepResponse:
    sigma = rise_ps / _RISE_IN_SIGMAS
    return _integrate(
        lambda t: np.exp(-0.5 * (t / sigma) ** 2),
        _ONSET_IN_SIGMAS * sigma,
        _TAIL_IN_SIGMAS * sigma,
    )


def _windowed_sinc(cutoff_hz: float) -> StepResponse:
    period_ps = 1e12 / cutoff_hz

    def kernel(t: NDArray[np.float64]) -> NDArray[np.float64]:
        window = np.cos(0.5 * math.pi * t / period_ps)
        product: NDArray[np.float64] = np.sinc(2.0 * t / period_ps) * window
        return product

    return _integrate(kernel, period_ps, period_ps)


def _integrate(
    kernel: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    before_ps: float,
    after_ps: float,
) -> StepResponse:
    """Integrate a kernel over [-before, after], delayed to start at 0."""
    n = math.ceil((before_ps + after_ps) / _GRID_PS)
    t = (np.arange(n, dtype=np.float64) + 0.5) * _GRID_PS - before_ps
    step = np.zeros(n + 1)
    step[1:] = np.cumsum(kernel(t))
    step /= step[-1]
    step.flags.writeable = False
    return StepResponse(step, _GRID_PS)
