"""A variable optical attenuator with a shutter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Attenuator", "AttenuatorCapabilities"]


@dataclass(frozen=True, slots=True)
class AttenuatorCapabilities:
    """Limits of an attenuator."""

    min_db: float
    max_db: float
    resolution_db: float
    has_shutter: bool
    repeatability_db: float = 0.0
    """Standard deviation from one setting of the same value to the next."""


class Attenuator(Protocol):
    """Attenuation in dB of optical power, and a shutter."""

    def attenuator_capabilities(self) -> AttenuatorCapabilities:
        """Return the limits."""
        ...

    def set_attenuation_db(self, value_db: float) -> None:
        """Set the attenuation and return when it has settled."""
        ...

    def get_attenuation_db(self) -> float:
        """Ask the instrument for its attenuation."""
        ...

    def set_shutter_open(self, is_open: bool) -> None:
        """Open or close the shutter."""
        ...

    def get_shutter_open(self) -> bool:
        """Ask the instrument whether its shutter is open."""
        ...

    def safe_state(self) -> None:
        """Close the shutter, then set the greatest attenuation."""
        ...
