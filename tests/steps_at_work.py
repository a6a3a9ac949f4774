"""Both halves of calibration steps on one simulated bench, with a plain conversation.

Real drivers and the simulated world; what the parties say goes through JSON, but is
neither sealed nor recorded.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench_at_work import Work, context

from qkdlab.calibration.outcome import StepOutcome
from qkdlab.clock import Clock
from qkdlab.session.experiment import CalibrationStep
from qkdlab_experiments.calibration.sequence import STEPS

PATIENCE_PS = 1000 * 10**12


class Talk:
    """One end of a conversation in one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inbox: deque[str] = deque()
        self.peer: Talk = self
        self.said: list[str] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.said.append(kind)
        self.peer._inbox.append(json.dumps({"kind": kind, **fields}, allow_nan=False))

    def receive(self, kind: str) -> dict[str, Any]:
        deadline_ps = self._clock.now_ps() + PATIENCE_PS
        self._clock.wait(lambda: bool(self._inbox), deadline_ps=deadline_ps)
        fields: dict[str, Any] = json.loads(self._inbox.popleft())
        assert fields.pop("kind") == kind
        return fields


def contexts(work: Work) -> dict[str, Any]:
    """Return a context per party whose conversations meet."""
    ctx = {party: context(work, party) for party in work.stations}
    talks = {party: Talk(work.clock) for party in ctx}
    for party, peer in (("alice", "bob"), ("bob", "alice")):
        talks[party].peer = talks[peer]
        ctx[party].conversation = talks[party]
    return ctx


def run_together(work: Work, programs: dict[str, Callable[[], object]]) -> None:
    """Run one program per party to its end."""
    for party, program in programs.items():
        work.clock.spawn(party, program)
    work.clock.run()


def step_of_bob(work: Work, ctx: dict[str, Any], name: str) -> dict[str, Any]:
    """Run one step alone, accepted by both; return what Bob found."""
    step = next(step for step in STEPS if step.name == name)
    found = run_steps(work, ctx, [step])[name]
    assert all(outcome.accepted for outcome in found.values()), found
    return dict(found["bob"].figures)


def run_steps(
    work: Work, ctx: dict[str, Any], steps: Sequence[CalibrationStep]
) -> dict[str, dict[str, StepOutcome]]:
    """Run steps; return outcomes by step and party. Stops after a rejected one."""
    outcomes: dict[str, dict[str, StepOutcome]] = {}
    for step in steps:
        found: dict[str, StepOutcome] = {}

        def half(party: str, step: CalibrationStep, found: dict[str, Any]) -> None:
            found[party] = step.halves[party](ctx[party])

        run_together(work, {p: partial(half, p, step, found) for p in step.halves})
        outcomes[step.name] = found
        for party, outcome in found.items():
            for record in outcome.records:
                ctx[party].calibration.add(record)
        if not all(outcome.accepted for outcome in found.values()):
            break
    return outcomes
