"""Gaussian pulses with linear chirp: the field exp(-(1 + iC) t^2 / 2 T0^2)."""

from __future__ import annotations

import math

__all__ = ["dispersed_fwhm_ps", "half_width_ps"]


def half_width_ps(fwhm_ps: float) -> float:
    """Return T0, the half-width of the power at 1/e, by the power's full width."""
    return fwhm_ps / (2.0 * math.sqrt(math.log(2.0)))


def dispersed_fwhm_ps(fwhm_ps: float, chirp: float, dispersion_ps2: float) -> float:
    """Return the width after a group-delay dispersion beta_2 L.

    (T1 / T0)^2 = (1 + C b)^2 + b^2 with b = beta_2 L / T0^2 (Agrawal, Nonlinear Fiber
    Optics, eq. 3.2.19 [mem])
    """
    b = dispersion_ps2 / half_width_ps(fwhm_ps) ** 2
    return fwhm_ps * math.hypot(1.0 + chirp * b, b)
