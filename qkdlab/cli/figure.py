"""One figure of `qkdlab benchmark`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside its baseline.

    ratio:   value over baseline
    details: what else was found, for programs
    """

    group: str
    name: str
    value: float
    unit: str
    baseline_what: str
    baseline_value: float
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The value in units of the baseline."""
        return self.value / self.baseline_value

    def as_json(self) -> dict[str, Any]:
        """Return the figure as other programs read it."""
        return {
            "group": self.group,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": {"what": self.baseline_what, "value": self.baseline_value},
            "ratio": self.ratio,
            **({"details": dict(self.details)} if self.details else {}),
        }

    def as_row(self) -> list[str]:
        """Return the figure as a row of a table."""
        return [
            f"{self.group} {self.name}",
            f"{self.value:.3g}",
            self.unit,
            f"{self.baseline_value:.3g}",
            self.baseline_what,
            f"{self.ratio:.3g}",
        ]
