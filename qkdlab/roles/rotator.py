"""A motor that turns a waveplate or polariser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Rotator", "RotatorCapabilities"]


@dataclass(frozen=True, slots=True)
class RotatorCapabilities:
    """Limits of a rotator."""

    resolution_deg: float
    accuracy_deg: float
    """Standard uncertainty of the absolute angle."""


class Rotator(Protocol):
    """Angles in degrees from the rotator's own zero, modulo 360."""

    def rotator_capabilities(self) -> RotatorCapabilities:
        """Return the limits."""
        ...

    def set_angle_deg(self, value_deg: float) -> None:
        """Turn to `value_deg` and return when it has arrived."""
        ...

    def get_angle_deg(self) -> float:
        """Ask for the angle."""
        ...

    def home(self) -> None:
        """Find the zero. Never done on connecting."""
        ...

    def safe_state(self) -> None:
        """Stop; a waveplate is safe at any angle."""
        ...
