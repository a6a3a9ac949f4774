"""The null of a Mach-Zehnder from the power at three bias voltages around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from qkdlab.calibration.measured import Measured

__all__ = ["null_offset_v"]


def null_offset_v(
    below_w: Sequence[float],
    at_w: Sequence[float],
    above_w: Sequence[float],
    dither_v: float,
    v_pi_v: float,
) -> Measured:
    """Return by how much the null lies above the voltage in the middle.

    below_w, at_w, above_w: readings of the power at ``V - dither``, V, ``V + dither``;
                            two or more each

    With ``P = a - b cos(pi (V - V0) / V_pi)`` and ``x = pi dither / V_pi`` it is exact:
    ``tan(pi (V - V0) / V_pi) = (P+ - P-) / (P+ + P- - 2 P0) (1 - cos x) / sin x``.
    """
    p_below, p_at, p_above = fmean(below_w), fmean(at_w), fmean(above_w)
    x = math.pi * dither_v / v_pi_v
    slope = (p_above - p_below) / math.sin(x)
    curve = (p_above + p_below - 2.0 * p_at) / (1.0 - math.cos(x))
    phase = math.atan2(slope, curve)
    errors = [stdev(r) / len(r) ** 0.5 for r in (below_w, at_w, above_w)]
    slope_error = math.hypot(errors[0], errors[2]) / math.sin(x)
    curve_error = math.hypot(errors[0], errors[2], 2.0 * errors[1])
    curve_error /= 1.0 - math.cos(x)
    size = math.hypot(slope, curve)
    spread = math.hypot(
        math.cos(phase) * slope_error, math.sin(phase) * curve_error
    ) / max(size, 1e-300)
    return Measured(-phase * v_pi_v / math.pi, spread * v_pi_v / math.pi)
