"""`run_steps`: steps of calibration, one after the other, on both parties together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.plugins import did_you_mean
from qkdlab.session.experiment import CalibrationStep, PartyContext
from qkdlab.session.result import plain

__all__ = ["Keep", "choose_steps", "run_steps"]

Keep = Callable[[CalibrationStep, StepOutcome], None]
"""Called with each step that this party ended, accepted or not."""

_MAX_PROBLEM = 500


def choose_steps(
    steps: Sequence[CalibrationStep], name: str | None, *, alone: bool
) -> tuple[CalibrationStep, ...]:
    """Return all steps, or the one called `name` with those before it unless `alone`.

    Raises UsageError when there is no such step, or none at all.
    """
    if not steps:
        raise UsageError("this experiment has no steps of calibration; run it")
    if name is None:
        return tuple(steps)
    names = [step.name for step in steps]
    if name not in names:
        raise UsageError(
            f"no step of calibration is called '{name}'{did_you_mean(name, names)}; "
            f"there are: {', '.join(names)}"
        )
    at = names.index(name)
    return tuple(steps[at if alone else 0 : at + 1])


def run_steps(
    ctx: PartyContext[Any],
    steps: Sequence[CalibrationStep],
    keep: Keep | None = None,
) -> dict[str, StepOutcome]:
    """Run this party's half of each step; return what it gave, by step.

    After each step the parties tell each other, authenticated, whether they accept it.
    Records of an accepted step count from then on. Both parties end in
    SecurityAbort(CALIBRATION_FAILED) when one of them rejects a step.

    Raises what the halves raise, and as `PartyBook.record` for a record that a step
    needs and nobody made, or that is too old.
    """
    outcomes: dict[str, StepOutcome] = {}
    for done, step in enumerate(steps):
        ctx.progress(f"calibration: {step.name}", done, len(steps))
        for quantity in step.needs.get(ctx.party, ()):
            ctx.calibration.record(quantity)
        outcome = _half(ctx, step)
        outcomes[step.name] = outcome
        if keep is not None:
            keep(step, outcome)
        ctx.recorder.result(f"calibration_{step.name}", _summary(outcome))
        for record in outcome.records:
            ctx.recorder.calibration(record)
        _agree(ctx, step, outcome)
        for record in outcome.records:
            ctx.calibration.add(record)
    return outcomes


def _half(ctx: PartyContext[Any], step: CalibrationStep) -> StepOutcome:
    half = step.halves.get(ctx.party)
    return StepOutcome() if half is None else half(ctx)


def _summary(outcome: StepOutcome) -> dict[str, Any]:
    return {
        "accepted": outcome.accepted,
        "problem": outcome.problem,
        "values": {r.quantity: [r.value, r.uncertainty] for r in outcome.records},
        "figures": plain(outcome.figures),
    }


def _agree(ctx: PartyContext[Any], step: CalibrationStep, own: StepOutcome) -> None:
    """Tell the peer how the step ended, hear the same, and stop when one rejects it."""
    ctx.conversation.send(
        "step-done",
        step=step.name,
        accepted=own.accepted,
        problem=own.problem,
        figures=plain(own.figures),
    )
    said = ctx.conversation.receive("step-done")
    problem = said.get("problem")
    sound = (
        said.get("step") == step.name
        and isinstance(said.get("figures"), dict)
        and (problem is None or isinstance(problem, str))
        and said.get("accepted") is (problem is None)
    )
    if not sound:
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION,
            f"the other party did not end the step '{step.name}' as it should",
        )
    if not own.accepted:
        raise _rejected(step, str(own.problem))
    if problem is not None:
        raise _rejected(step, f"the other party: {_shown(problem)}")


def _shown(text: str) -> str:
    """Return a text of the peer's without what could play with a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:_MAX_PROBLEM])


def _rejected(step: CalibrationStep, problem: str) -> SecurityAbort:
    return SecurityAbort(
        AbortCode.CALIBRATION_FAILED, f"step '{step.name}' rejected: {problem}"
    )
