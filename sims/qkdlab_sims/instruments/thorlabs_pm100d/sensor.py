"""The photodiode and its amplifier: power to current to what the meter believes.

The meter divides the current, less the zero, by the responsivity that its table gives
for the wavelength *set*; the light arrives at its own wavelength.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = [
    "CURRENT_RANGES_A",
    "FAST_LAG_PS",
    "MAX_WAVELENGTH_NM",
    "MIN_WAVELENGTH_NM",
    "SLOW_LAG_PS",
    "Sensor",
]

MIN_WAVELENGTH_NM, MAX_WAVELENGTH_NM = 800.0, 1700.0
"""S155C [mem]."""
CURRENT_RANGES_A = (50e-9, 500e-9, 5e-6, 50e-6, 500e-6, 5e-3)
"""Decades of the photodiode input [mem]."""
_WAVELENGTHS_NM = (800, 900, 1000, 1100, 1200, 1310, 1400, 1550, 1600, 1650, 1700)
_RESPONSIVITY_A_W = (0.15, 0.45, 0.65, 0.74, 0.81, 0.88, 0.93, 1.0, 1.0, 0.92, 0.6)
"""A typical InGaAs diode [guess]; a real sensor carries its own table."""
SLOW_LAG_PS = 1e12 / (2.0 * math.pi * 15.0)
"""Of the input with its low-pass on: 15 Hz, 10.6 ms [mem: "bandwidth low"]."""
FAST_LAG_PS = 1e12 / (2.0 * math.pi * 100e3)
"""And off: 100 kHz [mem], 1.6 us; slower in small ranges, how much is not known."""


@dataclass
class Sensor:
    """One sensor with its amplifier.

    scale_error:       true relative error of the calibration
    light_wavelength_nm: of the light that really falls in
    dark_current_a:    diode and amplifier without light, what zeroing removes
    noise_of_range:    rms of one elementary sample without the low-pass, as part of
                       the range [guess]
    zero_limit_a:      zeroing fails above this: there is light on the sensor [guess]
    """

    scale_error: float = 0.0
    light_wavelength_nm: float = 1550.12
    dark_current_a: float = 0.4e-9
    noise_of_range: float = 2e-5
    zero_limit_a: float = 20e-9
    zero_a: float = 0.0

    def responsivity_a_w(self, wavelength_nm: float) -> float:
        """Return the responsivity of the table, in A/W."""
        return float(np.interp(wavelength_nm, _WAVELENGTHS_NM, _RESPONSIVITY_A_W))

    def current_a(
        self, power_w: float, noise: float, *, range_a: float | None = None
    ) -> float:
        """Return the current of a reading, dark current and noise included.

        noise:   in rms of one elementary sample without the low-pass
        range_a: whose noise it is; None: the smallest that holds the current
        """
        gain = self.responsivity_a_w(self.light_wavelength_nm) * (1 + self.scale_error)
        mean_a = power_w * gain + self.dark_current_a
        rms_a = self.noise_of_range * (range_a or self.range_for(mean_a))
        return mean_a + noise * rms_a

    def range_for(self, current_a: float) -> float:
        """Return the smallest range in A that holds `current_a`, or the largest."""
        for range_a in CURRENT_RANGES_A:
            if abs(current_a) <= range_a:
                return range_a
        return CURRENT_RANGES_A[-1]

    def try_zero(self, current_a: float) -> bool:
        """Take `current_a` as the new zero unless it is too large for darkness."""
        if abs(current_a) > self.zero_limit_a:
            return False
        self.zero_a = current_a
        return True
