"""The nanowires that a WebSQ driver sees when no world stands behind it.

Dark counts grow exponentially with the bias until the wire switches; then it stays
resistive, its voltage high and its counts zero, until the bias is taken away. The
figures come from a measured sweep of four channels (detector reference, 7.1 [run]).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MEASURED", "Nanowire"]

_RESET_UA = 1.0
"""A latched wire recovers when its bias falls below this [guess]."""
_FLOOR_HZ = 5.0


@dataclass(slots=True)
class Nanowire:
    """One wire with its read-out.

    switching_current_ua: bias at which it latches
    dark_slope_per_ua:    d ln(dark rate) / dI
    dark_rate_hz:         dark rate 1 uA below switching
    sound_mv:             voltage just below switching
    latched_mv:           voltage just above
    latched_mv_per_ua:    and how it grows
    """

    switching_current_ua: float
    dark_slope_per_ua: float
    dark_rate_hz: float
    sound_mv: float = 10.0
    latched_mv: float = 2500.0
    latched_mv_per_ua: float = 105.0
    bias_ua: float = 0.0
    is_latched: bool = False

    def set_bias(self, bias_ua: float) -> None:
        """Apply a bias; it latches above the switching current."""
        self.bias_ua = bias_ua
        if abs(bias_ua) > self.switching_current_ua:
            self.is_latched = True
        elif abs(bias_ua) < _RESET_UA:
            self.is_latched = False

    def voltage_mv(self) -> float:
        """Return the voltage over the wire."""
        if self.is_latched:
            above = abs(self.bias_ua) - self.switching_current_ua
            magnitude = max(0.0, self.latched_mv + self.latched_mv_per_ua * above)
            return math.copysign(magnitude, self.bias_ua)
        return self.sound_mv * self.bias_ua / self.switching_current_ua

    def dark_rate_at(self, bias_ua: float) -> float:
        """Return the dark rate in counts per second of a wire that has not latched."""
        if abs(bias_ua) > self.switching_current_ua:
            return 0.0
        above = abs(bias_ua) - (self.switching_current_ua - 1.0)
        return _FLOOR_HZ + self.dark_rate_hz * math.exp(self.dark_slope_per_ua * above)

    def bias_for_dark_rate(self, rate_hz: float) -> float:
        """Return the bias in uA for `rate_hz`, at most 0.2 uA below switching."""
        limit = self.switching_current_ua - 0.2
        if rate_hz <= _FLOOR_HZ:
            return 0.0
        above = math.log((rate_hz - _FLOOR_HZ) / self.dark_rate_hz)
        bias = self.switching_current_ua - 1.0 + above / self.dark_slope_per_ua
        return min(max(0.0, bias), limit)


MEASURED: tuple[Nanowire, ...] = (
    Nanowire(28.1, 7.6, 11.0, 9.0, 2110.0, 106.0),
    Nanowire(30.1, 7.5, 13.0, 7.0, 2570.0, 104.0),
    Nanowire(32.4, 5.6, 243.0, 12.0, 2920.0, 102.0),
    Nanowire(31.8, 6.1, 80.0, 11.0, 2630.0, 115.0),
)
"""The four channels of the measured sweep."""
