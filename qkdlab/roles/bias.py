"""The bias of a bank of superconducting detectors, with its counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["BiasSource", "BiasSourceCapabilities"]


@dataclass(frozen=True, slots=True)
class BiasSourceCapabilities:
    """Limits of a bias source.

    is_fixed: nothing can be set, the detectors are on by themselves
    """

    n_detectors: int
    max_bias_ua: float
    min_period_ms: int
    is_fixed: bool = False


class BiasSource(Protocol):
    """Detectors are numbered from 0. Vectors have one entry per detector."""

    def bias_capabilities(self) -> BiasSourceCapabilities:
        """Return the limits."""
        ...

    def set_bias_ua(self, currents_ua: list[float]) -> None:
        """Set all bias currents and return when they have settled."""
        ...

    def get_bias_ua(self) -> list[float]:
        """Ask for the bias currents."""
        ...

    def get_voltages_mv(self) -> list[float]:
        """Ask for the voltages over the detectors; high when latched."""
        ...

    def count_rates_hz(self, duration_s: float) -> list[float]:
        """Count for about `duration_s` and return the rates."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the bias of all detectors on or off."""
        ...

    def safe_state(self) -> None:
        """Set all bias currents to zero and switch off."""
        ...
