"""Dark rate, and efficiency from calibrated power."""

from __future__ import annotations

import math

from qkdlab.calibration.measured import Measured

__all__ = ["dark_rate", "mean_photons", "pulsed_efficiency"]

_PLANCK_J_S = 6.62607015e-34
_LIGHT_M_PER_S = 299_792_458.0


def dark_rate(clicks: int, seconds: float, dead_time_s: float = 0.0) -> Measured:
    """Return the dark rate in Hz of a detector at rest, counted with the input shut.

    Corrected for the time in which the detector was dead after its clicks.
    """
    live_s = seconds - clicks * dead_time_s
    if live_s <= 0.0:
        raise ValueError("the detector was never live")
    return Measured(clicks / live_s, max(clicks, 1) ** 0.5 / live_s)


def mean_photons(
    power_w: Measured, wavelength_nm: float, pulse_rate_hz: float
) -> Measured:
    """Return the mean photons of a pulse at the place where `power_w` is meant."""
    photon_j = _PLANCK_J_S * _LIGHT_M_PER_S / (wavelength_nm * 1e-9)
    scale = 1.0 / (photon_j * pulse_rate_hz)
    return Measured(power_w.value * scale, power_w.uncertainty * scale)


def pulsed_efficiency(
    photons: Measured, clicks: int, dark_clicks: float, pulses: int
) -> Measured:
    """Return the efficiency: ln[(1 - p_dark) / (1 - p_click)] / mu.

    clicks:      slots of `pulses` with a click, detector at rest before each
    dark_clicks: slots with a click among as many without light
    Source: ETSI GS QKD 011, detection efficiency with attenuated pulses [mem].
    Raises ValueError when every pulse clicked or none did.
    """
    p_click, p_dark = clicks / pulses, dark_clicks / pulses
    if not 0.0 < p_click < 1.0:
        raise ValueError("the efficiency wants some clicks, and some pulses without")
    exponent = math.log((1.0 - p_dark) / (1.0 - p_click))
    counted = p_click / (1.0 - p_click) / pulses + p_dark / (1.0 - p_dark) / pulses
    value = exponent / photons.value
    relative = math.hypot(
        math.sqrt(counted) / exponent, photons.uncertainty / photons.value
    )
    return Measured(value, value * relative)
