"""Compiled kernel of the generator's analogue output."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.jit import kernel

__all__ = ["analogue_volts", "spaced_volts"]


@kernel
def spaced_volts(
    volts: NDArray[np.float64],
    first: int,
    stride: int,
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the sum of weights[j] volts[first + i stride - j], cyclic, to out[i]."""
    n = volts.shape[0]
    at = first % n
    for i in range(out.shape[0]):
        value = 0.0
        for j in range(weights.shape[0]):
            k = at - j
            while k < 0:
                k += n
            value += weights[j] * volts[k]
        out[i] = value
        at = (at + stride) % n


@kernel
def analogue_volts(
    volts: NDArray[np.float64],
    sample_ps: float,
    step: NDArray[np.float64],
    step_ps: float,
    times_ps: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the cyclic sample stream's analogue value at `times_ps` to `out`.

    The output is a sum of steps at the sample edges: `step` is the response to a unit
    step on a grid of `step_ps`, 0 before and 1 after its end.
    """
    n = volts.shape[0]
    length = (step.shape[0] - 1) * step_ps
    taps = np.int64(math.ceil(length / sample_ps)) + 1
    for i in range(times_ps.shape[0]):
        x = times_ps[i] / sample_ps
        last = np.int64(math.floor(x))
        # everything older than `taps` samples has settled
        value = volts[(last - taps) % n]
        before = value
        for j in range(last - taps + 1, last + 1):
            now = volts[j % n]
            if now != before:
                y = (x - j) * sample_ps / step_ps
                if y >= step.shape[0] - 1:
                    value += now - before
                else:
                    m = np.int64(y)
                    w = y - m
                    value += (now - before) * (step[m] * (1.0 - w) + step[m + 1] * w)
            before = now
        out[i] = value
