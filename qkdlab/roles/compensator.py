"""Waveplates that undo a fibre's rotation; the station builds it from rotators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["PolarizationCompensator"]


class PolarizationCompensator(Protocol):
    """Plates in the order in which light meets them.

    retardances_waves: of each plate, nominal
    """

    retardances_waves: tuple[float, ...]

    def set_angles_deg(self, angles_deg: Sequence[float]) -> None:
        """Turn the plates, one angle each; return when all are at rest."""
        ...

    def accuracy_deg(self) -> float:
        """Return the standard uncertainty of an angle, the worst plate's."""
        ...

    def angles_deg(self) -> tuple[float, ...] | None:
        """Return where the plates were turned to; None before they were homed."""
        ...

    def home(self) -> None:
        """Find the zero of every plate."""
        ...

    def safe_state(self) -> None:
        """Stop the plates; any angle is safe."""
        ...
