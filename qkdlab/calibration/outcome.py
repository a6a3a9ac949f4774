"""What a step of calibration gives: records, curves with their fits, a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qkdlab.calibration.records import CalibrationRecord

__all__ = ["Curve", "StepOutcome"]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points with what was fitted through them, ready to be drawn.

    x, y, y_error: one entry per point; errors are standard uncertainties, empty when
                   not known
    fit_x, fit_y:  a line to be drawn through them, empty when nothing was fitted
    marks:         places on the x axis worth a line, by what they are
    """

    title: str
    x_label: str
    """With the unit in brackets, as ``bias (uA)``."""
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    y_error: tuple[float, ...] = ()
    fit_x: tuple[float, ...] = ()
    fit_y: tuple[float, ...] = ()
    marks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """One party's half of one step.

    records:  what was measured, with uncertainties and validity
    figures:  numbers for people and programs, JSON-able, public
    problem:  why the step is rejected, in the user's words; None when it is accepted
    """

    records: tuple[CalibrationRecord, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    problem: str | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether the bench may go on with what was measured."""
        return self.problem is None
