"""From volts to converter codes, and back to what the converter really gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODE_STEP", "FULL_SCALE", "Waveform", "fit"]

FULL_SCALE = 32767
"""Code of the upper level [doc]."""
CODE_STEP = 4
"""The converter has 14 of a code's 16 bits [mem]; codes are multiples of this."""
MAX_CODE = FULL_SCALE // CODE_STEP * CODE_STEP
LEVEL_STEP_V = 1e-3
"""Amplitude and offset are set in millivolts, which the instrument keeps exactly."""
MIN_AMPLITUDE_V = 1e-3


@dataclass(frozen=True)
class Waveform:
    """Codes and the levels that they belong to.

    codes: int16[n]; amplitude_v: peak to peak at full scale; offset_v: at code 0
    """

    codes: NDArray[np.int16]
    amplitude_v: float
    offset_v: float

    def volts(self) -> NDArray[np.float64]:
        """Return what the converter gives into the matched load."""
        step_v = self.amplitude_v / 2 / FULL_SCALE
        return self.offset_v + step_v * self.codes.astype(np.float64)


def fit(
    volts: NDArray[np.float64],
    max_output_v: float,
    span_v: tuple[float, float] | None = None,
) -> Waveform:
    """Return the waveform that uses the converter's full range for `volts`.

    `span_v`, lowest and highest voltage, takes the place of those of `volts`: all
    waveforms of one span get the same amplitude and offset. The top code lies 0.01 %
    below the upper level, so a waveform that touches `max_output_v` on both sides ends
    that much lower.
    """
    low_v, high_v = span_v or (float(volts.min()), float(volts.max()))
    offset_v = round((low_v + high_v) / 2 / LEVEL_STEP_V) * LEVEL_STEP_V
    most_v = max_output_v - MIN_AMPLITUDE_V
    offset_v = min(max(offset_v, -most_v), most_v)
    half_v = max(high_v - offset_v, offset_v - low_v) * FULL_SCALE / MAX_CODE
    # The small slack keeps rounding errors from adding a whole step.
    steps = math.ceil(2 * half_v / LEVEL_STEP_V - 1e-6)
    amplitude_v = max(steps * LEVEL_STEP_V, MIN_AMPLITUDE_V)
    amplitude_v = min(amplitude_v, 2 * (max_output_v - abs(offset_v)))
    fraction = (volts - offset_v) / (amplitude_v / 2)
    steps_of_code = np.round(fraction * FULL_SCALE / CODE_STEP)
    codes = np.clip(steps_of_code * CODE_STEP, -MAX_CODE, MAX_CODE)
    return Waveform(codes.astype(np.int16), round(amplitude_v, 6), round(offset_v, 6))
