"""A laser diode with its current source and its thermoelectric cooler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LaserDriver", "LaserDriverCapabilities"]


@dataclass(frozen=True, slots=True)
class LaserDriverCapabilities:
    """Limits of a laser driver.

    max_current_ma:        of the driver itself, not of the diode
    current_resolution_ma: least step that makes a difference
    """

    max_current_ma: float
    current_resolution_ma: float


class LaserDriver(Protocol):
    """Direct current and temperature; what is fast comes in through a bias-T.

    The temperature is that of a thermistor, in ohms: drivers know no curve.
    """

    def laser_capabilities(self) -> LaserDriverCapabilities:
        """Return the limits."""
        ...

    def set_current_limit_ma(self, value_ma: float) -> None:
        """Set the greatest current, read it back.

        Raises InstrumentError when the instrument did not take it.
        """
        ...

    def get_current_limit_ma(self) -> float:
        """Ask for the greatest current."""
        ...

    def set_current_ma(self, value_ma: float) -> None:
        """Set the direct current; raises InstrumentError above the limit."""
        ...

    def get_current_ma(self) -> float:
        """Ask for the direct current."""
        ...

    def get_photodiode_ma(self) -> float:
        """Ask for the current of the monitor photodiode in the package."""
        ...

    def set_laser_on(self, is_on: bool) -> None:
        """Switch the current on or off.

        Raises InstrumentError when it is to go on while the cooler is off or the
        temperature outside its tolerance, or while no current limit was set.
        """
        ...

    def get_laser_on(self) -> bool:
        """Ask whether the current is on."""
        ...

    def set_cooler_on(self, is_on: bool) -> None:
        """Switch the temperature control on or off; off only with the laser off."""
        ...

    def set_thermistor_ohm(self, value_ohm: float) -> None:
        """Set the temperature and return when it is within its tolerance.

        Raises InstrumentError when that takes too long.
        """
        ...

    def get_thermistor_ohm(self) -> float:
        """Ask for the actual temperature."""
        ...

    def safe_state(self) -> None:
        """Set the current to zero and switch it off; the cooler stays as it is."""
        ...
