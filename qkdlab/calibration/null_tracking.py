"""The null of a Mach-Zehnder from the power at three bias voltages around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from qkdlab.calibration.measured import Measured

__all__ = ["null_offset_v", "null_valid_for_s"]

_SIGMAS = 4.0
_LONGEST_S = 86_400.0


def null_valid_for_s(
    dark_share: float, walk_rad_per_sqrt_s: float, creep_rad: float
) -> float:
    """Return for how long a null that was found may be used.

    dark_share:          power of the darkest class over that of the brightest
    walk_rad_per_sqrt_s: width in one second of the random walk of the phase
    creep_rad:           by which charges may still move the phase

    A class driven to the share T of the brightest changes by ``cot(asin(sqrt(T)))``
    times what the phase has moved. The null holds until creep and four standard
    deviations of the walk, which grow with the root of time, would double the darkest
    class: what a block refuses. The uncertainty of its record is that of the moment at
    which it was found. 0 where creep alone is too much; a day at most.
    """
    doubles_rad = math.tan(math.asin(math.sqrt(dark_share)))
    walk_rad = max(0.0, doubles_rad - creep_rad) / _SIGMAS
    if walk_rad_per_sqrt_s <= 0.0:
        return _LONGEST_S if walk_rad > 0.0 else 0.0
    return min((walk_rad / walk_rad_per_sqrt_s) ** 2, _LONGEST_S)


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
