"""Safe state: light first, then drive, laser, detectors, tagger (BENCHES).

Every step is tried, whatever became of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qkdlab.errors import InstrumentError

__all__ = ["SafeStep", "in_safe_order", "make_safe", "report_failures"]

_ORDER = (
    ("Attenuator", "Shutter"),
    ("PatternGenerator", "CounterModeTransmitter", "ClockSource"),
    ("LaserDriver",),
    ("VoltageSource",),
    ("BiasSource", "DetectorBank"),
    ("TimeTagger",),
)


@dataclass(frozen=True, slots=True)
class SafeStep:
    """One instrument with the roles that it plays."""

    name: str
    instrument: Any
    roles: tuple[str, ...]

    def plays(self, *roles: str) -> bool:
        """Tell whether the instrument has one of `roles`."""
        return bool(set(roles) & set(self.roles))

    @property
    def rank(self) -> int:
        """Where it comes in the order; instruments without a hazard come last."""
        ranks = [i for i, group in enumerate(_ORDER) if self.plays(*group)]
        return min(ranks, default=len(_ORDER))


def in_safe_order(steps: Iterable[SafeStep]) -> list[SafeStep]:
    """Return the steps as safe state takes them; ties stay as given."""
    return sorted(steps, key=lambda step: step.rank)


def make_safe(steps: Iterable[SafeStep]) -> list[Exception]:
    """Bring all instruments to their safe state; return what failed."""
    failures: list[Exception] = []
    for step in in_safe_order(steps):
        try:
            step.instrument.safe_state()
        except Exception as error:
            failures.append(error)
    return failures


def report_failures(
    party: str, failures: Sequence[Exception], first: BaseException | None
) -> None:
    """Say what could not be made safe without hiding `first`.

    With an error under way the failures become its notes; without one they are raised
    as a single InstrumentError.
    """
    if not failures:
        return
    lines = [f"safe state failed: {failure}" for failure in failures]
    if first is None:
        raise InstrumentError(
            party, " | ".join(lines), "bring these instruments to safety by hand"
        )
    for line in lines:
        first.add_note(line)
