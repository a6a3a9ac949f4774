"""Three waveplates that undo the fibre's rotation of polarization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qkdlab.calibration.party import PartyBook
from qkdlab.config.composites import WaveplateCompensatorFields
from qkdlab.roles import Rotator

__all__ = ["WaveplateCompensator"]


@dataclass
class WaveplateCompensator:
    """Plates in the order in which light meets them, with their retardances."""

    plates: Sequence[Rotator]
    retardances_waves: tuple[float, ...]
    _angles_deg: list[float | None] = field(default_factory=list)
    _is_homed: bool = False

    def set_angles_deg(self, angles_deg: Sequence[float]) -> None:
        """Turn every plate whose angle changes; return when all are at rest.

        A plate's action repeats every 180 degrees: angles are taken modulo that.
        """
        if len(angles_deg) != len(self.plates):
            raise ValueError("one angle per plate")
        if not self._angles_deg:
            self._angles_deg = [None] * len(self.plates)
        for i, (plate, angle) in enumerate(zip(self.plates, angles_deg, strict=True)):
            wanted = float(angle) % 180.0
            if self._angles_deg[i] != wanted:
                plate.set_angle_deg(wanted)
                self._angles_deg[i] = wanted

    def accuracy_deg(self) -> float:
        """Return the standard uncertainty of an angle, the worst plate's."""
        return max(p.rotator_capabilities().accuracy_deg for p in self.plates)

    def angles_deg(self) -> tuple[float, ...] | None:
        """Return where the plates were turned to; None before they were homed."""
        if not self._is_homed:
            return None
        return tuple(angle for angle in self._angles_deg if angle is not None)

    def home(self) -> None:
        """Find the zero of every plate: mounts forget it with their power."""
        for plate in self.plates:
            plate.home()
        self._angles_deg = [0.0] * len(self.plates)
        self._is_homed = True

    def safe_state(self) -> None:
        """Stop the plates; any angle is safe."""
        for plate in self.plates:
            plate.safe_state()

    @classmethod
    def from_config(
        cls,
        fields: WaveplateCompensatorFields,
        instruments: Mapping[str, Any],
        book: PartyBook,
    ) -> WaveplateCompensator:
        """Build from the fields of a configuration's role."""
        plates = [instruments[name] for name in fields.plates]
        return cls(plates, tuple(fields.retardances_waves))
