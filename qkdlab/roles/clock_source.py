"""The clock of a bench: a sine, its phase, and the reference that others lock to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["ClockSource", "ClockSourceCapabilities"]


@dataclass(frozen=True, slots=True)
class ClockSourceCapabilities:
    """Limits of a clock source."""

    min_frequency_hz: float
    max_frequency_hz: float
    phase_resolution_deg: float
    max_power_dbm: float


class ClockSource(Protocol):
    """One sine output."""

    def clock_capabilities(self) -> ClockSourceCapabilities:
        """Return the limits."""
        ...

    def set_frequency_hz(self, value_hz: float) -> None:
        """Set the frequency."""
        ...

    def get_frequency_hz(self) -> float:
        """Ask for the frequency."""
        ...

    def set_phase_deg(self, value_deg: float) -> None:
        """Set the phase against the reference; any angle, taken modulo 360.

        A greater phase makes the edges come earlier: 360 degrees are one period.
        """
        ...

    def get_phase_deg(self) -> float:
        """Ask for the phase."""
        ...

    def set_power_dbm(self, value_dbm: float) -> None:
        """Set the level of the sine into 50 Ohm."""
        ...

    def get_power_dbm(self) -> float:
        """Ask for the level."""
        ...

    def set_output_on(self, is_on: bool) -> None:
        """Switch the sine on or off; the reference output is always on."""
        ...

    def get_output_on(self) -> bool:
        """Ask whether the sine is on."""
        ...

    def get_timebase(self) -> str:
        """Ask what it is locked to: ``internal``, ``external`` or ``unlocked``."""
        ...

    def safe_state(self) -> None:
        """Switch the sine off; the reference that others are locked to stays on.

        Pulses made of the sine lift a laser over its threshold without any direct
        current, and are hard on a diode that has none.
        """
        ...
