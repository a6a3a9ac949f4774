"""A delay generator: edges at settable times after a trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["DelayGenerator", "DelayGeneratorCapabilities"]


@dataclass(frozen=True, slots=True)
class DelayGeneratorCapabilities:
    """Limits of a delay generator.

    insertion_delay_ps: from the trigger to an output with delay zero
    """

    outputs: tuple[str, ...]
    resolution_ps: int
    max_delay_ps: int
    max_trigger_hz: float
    insertion_delay_ps: int


class DelayGenerator(Protocol):
    """Outputs are named as on the front panel: ``T0``, ``AB``, ``CD``, ``EF``, ``GH``.

    A pulse rises at the first of its two edges.
    """

    def delay_capabilities(self) -> DelayGeneratorCapabilities:
        """Return the limits."""
        ...

    def set_pulse(self, output: str, delay_ps: int, width_ps: int) -> None:
        """Set when a pulse begins after the trigger, and how long it lasts."""
        ...

    def get_pulse(self, output: str) -> tuple[int, int]:
        """Ask for (delay_ps, width_ps)."""
        ...

    def set_level(self, output: str, amplitude_v: float, offset_v: float = 0.0) -> None:
        """Set the step of a pulse into 50 Ohm and the level from which it goes."""
        ...

    def get_level(self, output: str) -> tuple[float, float]:
        """Ask for (amplitude_v, offset_v)."""
        ...

    def set_external_trigger(self, threshold_v: float, *, rising: bool = True) -> None:
        """Take triggers from the external input."""
        ...

    def is_triggered(self) -> bool:
        """Listen for a while; tell whether a trigger came.

        Raises InstrumentError when triggers come faster than the delays allow.
        """
        ...

    def safe_state(self) -> None:
        """Nothing to do: a delay drives no hazard."""
        ...
