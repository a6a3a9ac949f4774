"""A quiet direct voltage, for the bias electrode of a modulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["VoltageSource", "VoltageSourceCapabilities"]


@dataclass(frozen=True, slots=True)
class VoltageSourceCapabilities:
    """Limits of a voltage source, as its range stands."""

    min_v: float
    max_v: float
    resolution_v: float


class VoltageSource(Protocol):
    """One output."""

    def voltage_capabilities(self) -> VoltageSourceCapabilities:
        """Return the limits."""
        ...

    def set_voltage_v(self, value_v: float) -> None:
        """Set the voltage; raises InstrumentError beyond the range."""
        ...

    def get_voltage_v(self) -> float:
        """Ask for the voltage that is set."""
        ...

    def set_output_on(self, is_on: bool) -> None:
        """Switch the output on or off."""
        ...

    def get_output_on(self) -> bool:
        """Ask whether the output is on."""
        ...

    def safe_state(self) -> None:
        """Set zero volts and switch off."""
        ...
