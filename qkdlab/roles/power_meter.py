"""An optical power meter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["PowerMeter", "PowerMeterCapabilities"]


@dataclass(frozen=True, slots=True)
class PowerMeterCapabilities:
    """Limits of a power meter with its sensor."""

    min_power_w: float
    max_power_w: float
    min_wavelength_nm: float
    max_wavelength_nm: float
    relative_uncertainty: float
    """Standard uncertainty (k = 1) of the scale, from the sensor's certificate."""


class PowerMeter(Protocol):
    """Average optical power; averages over all pulses."""

    def power_meter_capabilities(self) -> PowerMeterCapabilities:
        """Return the limits."""
        ...

    def set_wavelength_nm(self, value_nm: float) -> None:
        """Choose the responsivity."""
        ...

    def settling_time_s(self) -> float:
        """Return how long after a change of the light a reading is to begin.

        From then on it departs by less than 1e-4 of the change. Whatever makes the
        change has a time of its own.
        """
        ...

    def zero(self) -> None:
        """Measure and remove the dark offset; the light must be off."""
        ...

    def read_power_w(self, n_readings: int = 1) -> list[float]:
        """Return `n_readings` separate readings in watts."""
        ...

    def safe_state(self) -> None:
        """Nothing to do: a meter emits nothing."""
        ...
