"""`calibrate`: chosen steps of an experiment's calibration, all parties in one process.

Under the folder: what a run writes, and per party ``<party>/records.yaml`` and one
picture per step that drew curves, ``<party>/<step>.png``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qkdlab.report.plots import draw_curves
from qkdlab.session.experiment import PartyResult
from qkdlab.session.records import FILE_NAME, read_records, write_records
from qkdlab.session.result import plain, write_result
from qkdlab.session.run import Outcome
from qkdlab.session.steps import choose_steps, run_steps
from qkdlab.session.together import PARTIES, experiment_of, performed

if TYPE_CHECKING:
    from qkdlab.calibration.outcome import StepOutcome
    from qkdlab.calibration.records import CalibrationRecord
    from qkdlab.config.models import RunConfig
    from qkdlab.progress import Report
    from qkdlab.session.experiment import CalibrationStep, PartyContext, Program

__all__ = ["calibrate"]


@dataclass
class _Ended:
    """What one party's halves gave, by step, as far as they came."""

    party: str
    outcomes: dict[str, StepOutcome] = field(default_factory=dict)

    def program(self, steps: Sequence[CalibrationStep]) -> Program:
        """Return the party's program: its halves of `steps`."""

        def keep(step: CalibrationStep, outcome: StepOutcome) -> None:
            self.outcomes[step.name] = outcome

        def run(ctx: PartyContext[Any]) -> PartyResult:
            run_steps(ctx, steps, keep)
            return PartyResult()

        return run


def calibrate(
    config: RunConfig,
    folder: Path,
    progress: Report,
    *,
    step: str | None = None,
    records: Path | None = None,
) -> Outcome:
    """Run all steps, or `step` with what it rests on; write everything to `folder`.

    records: folder of an earlier calibration; `step` then runs alone on its records

    A rejected step is an outcome, too: ``result["steps"]`` tells of every step and
    party. Raises UsageError for an unknown step, and as `qkdlab.session.run.run`.
    """
    steps = choose_steps(experiment_of(config).steps, step, alone=records is not None)
    if records is not None:
        known = [*config.calibration, *read_records(records, PARTIES)]
        config = config.model_copy(update={"calibration": known})
    ended = {party: _Ended(party) for party in PARTIES}
    programs = {party: one.program(steps) for party, one in ended.items()}
    with performed(config, folder, progress, programs) as performance:
        aborted, facts = performance.aborted, performance.facts
    accepted = [s for s in steps if _is_accepted(s, ended)]
    files = {
        party: _write(folder / party / FILE_NAME, one, accepted)
        for party, one in ended.items()
    }
    result = {
        **{key: value for key, value in facts.items() if key not in _OF_A_BLOCK},
        "steps": [
            _report(folder, one, s, accepted)
            for s in steps
            for one in ended.values()
            if s.name in one.outcomes and one.party in s.halves
        ],
        "records": {party: str(path) for party, path in files.items()},
        "aborted": None if aborted is None else aborted.fields(),
    }
    write_result(folder, result)
    return Outcome(result, aborted)


_OF_A_BLOCK = ("duration_s", "expected")
"""What the session knows of a run that a calibration has not."""


def _is_accepted(step: CalibrationStep, ended: Mapping[str, _Ended]) -> bool:
    """Tell whether all parties ended a step and accepted it."""
    outcomes = [one.outcomes.get(step.name) for one in ended.values()]
    return all(outcome is not None and outcome.accepted for outcome in outcomes)


def _write(path: Path, ended: _Ended, accepted: Sequence[CalibrationStep]) -> Path:
    records: list[CalibrationRecord] = []
    for step in accepted:
        records += ended.outcomes[step.name].records
    write_records(path, records)
    return path


def _report(
    folder: Path,
    ended: _Ended,
    step: CalibrationStep,
    accepted: Sequence[CalibrationStep],
) -> dict[str, Any]:
    """Return what became of one party's half of a step; draw its curves."""
    outcome = ended.outcomes[step.name]
    plot = None
    if outcome.curves:
        plot = folder / ended.party / f"{step.name}.png"
        draw_curves(outcome.curves, plot, title=f"{ended.party}: {step.title}")
    return {
        "step": step.name,
        "title": step.title,
        "party": ended.party,
        "accepted": step in accepted,
        "problem": outcome.problem,
        "records": [record.model_dump(mode="json") for record in outcome.records],
        "figures": plain(outcome.figures),
        "plot": None if plot is None else str(plot),
    }
