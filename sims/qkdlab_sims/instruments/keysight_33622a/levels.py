"""Amplitude, offset and load of one channel.

The source has 50 Ohm in series, so the load setting changes what the instrument shows
and accepts, never what it emits (33500/33600 user's guide, "Output Termination"
[doc]). Inside, everything is the open-circuit voltage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qkdlab_sims.instruments.scpi import ScpiError

__all__ = ["CLIPPED_HIGH", "CLIPPED_LOW", "Levels"]

SOURCE_OHM = 50.0
MAX_EMF_PEAK_V = 10.0
MIN_EMF_PP_V = 2e-3
AMPLITUDE_LIMITS = ((60e6, 20.0), (80e6, 10.0), (math.inf, 8.0))
"""Greatest open-circuit Vpp up to a frequency in Hz [mem]."""

CLIPPED_HIGH = "Data out of range; value clipped to upper limit"
CLIPPED_LOW = "Data out of range; value clipped to lower limit"


@dataclass
class Levels:
    """Open-circuit peak-to-peak amplitude and offset, and how they are shown."""

    emf_pp_v: float = 0.2
    emf_offset_v: float = 0.0
    load_ohm: float = 50.0
    """``inf`` for high impedance."""

    @property
    def shown_per_emf(self) -> float:
        """Return the voltage at the set load per open-circuit volt."""
        if math.isinf(self.load_ohm):
            return 1.0
        return self.load_ohm / (self.load_ohm + SOURCE_OHM)

    @property
    def amplitude_v(self) -> float:
        """Return Vpp as shown."""
        return self.emf_pp_v * self.shown_per_emf

    @property
    def offset_v(self) -> float:
        """Return the offset as shown."""
        return self.emf_offset_v * self.shown_per_emf

    @property
    def high_v(self) -> float:
        """Return the upper level as shown."""
        return self.offset_v + self.amplitude_v / 2

    @property
    def low_v(self) -> float:
        """Return the lower level as shown."""
        return self.offset_v - self.amplitude_v / 2

    @property
    def min_amplitude_v(self) -> float:
        """Return the least Vpp as shown."""
        return MIN_EMF_PP_V * self.shown_per_emf

    @property
    def max_peak_v(self) -> float:
        """Return the greatest voltage as shown."""
        return MAX_EMF_PEAK_V * self.shown_per_emf

    def max_amplitude_v(self, frequency_hz: float) -> float:
        """Return the greatest Vpp as shown, at a repetition frequency."""
        limit_v = next(v for f, v in AMPLITUDE_LIMITS if frequency_hz <= f)
        return limit_v * self.shown_per_emf

    def set_amplitude(self, value_v: float, frequency_hz: float) -> None:
        """Set Vpp as shown; an offset that no longer fits is reduced.

        Raises ScpiError -222 (clipped) or -221 (offset reduced) after setting.
        """
        top = self.max_amplitude_v(frequency_hz)
        low = self.min_amplitude_v
        clipped = min(max(value_v, low), top)
        self.emf_pp_v = clipped / self.shown_per_emf
        room_v = MAX_EMF_PEAK_V - self.emf_pp_v / 2
        if abs(self.emf_offset_v) > room_v * (1 + 1e-9):
            self.emf_offset_v = math.copysign(room_v, self.emf_offset_v)
            raise ScpiError(-221, "Settings conflict; offset changed due to amplitude")
        if value_v > top * (1 + 1e-9):
            raise ScpiError(-222, CLIPPED_HIGH)
        if value_v < low * (1 - 1e-9):
            raise ScpiError(-222, CLIPPED_LOW)

    def set_offset(self, value_v: float) -> None:
        """Set the offset as shown; raises ScpiError -222 after clipping it."""
        room_v = MAX_EMF_PEAK_V - self.emf_pp_v / 2
        emf_v = value_v / self.shown_per_emf
        self.emf_offset_v = min(max(emf_v, -room_v), room_v)
        if emf_v > room_v * (1 + 1e-9):
            raise ScpiError(-222, CLIPPED_HIGH)
        if emf_v < -room_v * (1 + 1e-9):
            raise ScpiError(-222, CLIPPED_LOW)

    def set_range(self, low_v: float, high_v: float, frequency_hz: float) -> None:
        """Set both levels as shown; raises ScpiError -221 or -222."""
        if high_v <= low_v or max(abs(low_v), abs(high_v)) > self.max_peak_v * (
            1 + 1e-9
        ):
            raise ScpiError(-221)
        self.emf_offset_v = 0.0
        self.set_amplitude(high_v - low_v, frequency_hz)
        self.set_offset((high_v + low_v) / 2)

    def limit_to(self, frequency_hz: float) -> None:
        """Reduce the amplitude to what a new frequency allows; raises -221 then."""
        top = self.max_amplitude_v(frequency_hz)
        if self.amplitude_v > top * (1 + 1e-9):
            self.emf_pp_v = top / self.shown_per_emf
            raise ScpiError(-221, "Settings conflict; amplitude changed")
