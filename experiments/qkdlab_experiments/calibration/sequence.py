"""The steps in order, by name; their halves are imported when they run.

`qkdlab.session.steps.run_steps` runs them. Whoever only checks a configuration imports
this module and nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qkdlab.session.experiment import CalibrationHalf, CalibrationStep

if TYPE_CHECKING:
    from qkdlab.calibration.outcome import StepOutcome
    from qkdlab.session.experiment import PartyContext

__all__ = ["STEPS"]


def _half(module: str, party: str) -> CalibrationHalf:
    """Return the function `party` of a module beside this one, not yet imported."""

    def half(ctx: PartyContext[Any]) -> StepOutcome:
        found = import_module(f"qkdlab_experiments.calibration.{module}")
        run: CalibrationHalf = getattr(found, party)
        return run(ctx)

    return half


def _halves(module: str, *parties: str) -> dict[str, CalibrationHalf]:
    return {party: _half(module, party) for party in parties}


STEPS: tuple[CalibrationStep, ...] = ()
"""(1) to (10) of BENCHES, "Calibration order"."""
