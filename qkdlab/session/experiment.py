"""An experiment is one program per party; this is all that a program sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from qkdlab.clock import Clock
from qkdlab.progress import Report
from qkdlab.randomness import Randomness
from qkdlab.roles.needs import Needs

if TYPE_CHECKING:
    from qkdlab.calibration.outcome import StepOutcome
    from qkdlab.calibration.party import PartyBook
    from qkdlab.security.assumptions import Assumption
    from qkdlab.session.conversation import Conversation
    from qkdlab.session.exchange import Side
    from qkdlab.session.recorded import RecordedBlock
    from qkdlab.session.recorder import Recorder

__all__ = [
    "CalibrationHalf",
    "CalibrationStep",
    "Experiment",
    "PartyContext",
    "PartyResult",
    "Program",
    "ReplayProgram",
]

P = TypeVar("P", bound=BaseModel)


@dataclass
class PartyResult:
    """What a party's program returns: public figures only, never key bits."""

    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class PartyContext(Generic[P]):
    """All that a party's program may use.

    party:        its name
    parameters:   the experiment's checked parameters
    roles:        composites and instruments by the names of the configuration
    calibration:  the party's records, valid at the start of the run
    clock:        the only way to wait
    conversation: the sealed classical channel, run as sans-IO parties and plain
                  calibration messages
    recorder:     the party's run file
    randomness:   the party's own bits
    progress:     for people
    authentication: what is known of the pads or signatures; None where the theorem's
                  own words say it
    """

    party: str
    parameters: P
    roles: Mapping[str, Any]
    calibration: PartyBook
    clock: Clock
    conversation: Conversation
    recorder: Recorder
    randomness: Randomness
    progress: Report
    authentication: Assumption | None = None


class Program(Protocol):
    """One party's program."""

    def __call__(self, ctx: PartyContext[Any]) -> PartyResult:
        """Run to the end."""
        ...


class CalibrationHalf(Protocol):
    """One party's half of a step of calibration."""

    def __call__(self, ctx: PartyContext[Any]) -> StepOutcome:
        """Measure; leave the light off."""
        ...


@dataclass(frozen=True)
class CalibrationStep:
    """A step of calibration that runs alone or as one of a sequence.

    name:   as in ``qkdlab calibrate CONFIG STEP``
    title:  what it does, for people
    halves: one per party; the halves talk over ``ctx.conversation`` only
    needs:  per party, quantities of which a valid record must exist
    gives:  per party, quantities of which it makes records
    """

    name: str
    title: str
    halves: Mapping[str, CalibrationHalf]
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class ReplayProgram(Protocol):
    """One party's program for a key block on record."""

    def __call__(self, block: RecordedBlock) -> Side:
        """Return the party of the block and what it is told."""
        ...


@dataclass(frozen=True)
class Experiment:
    """An experiment: the model of its parameters and one program per party.

    needs: what each program asks of its party's station
    steps: of calibration, in the order in which they build on each other
    replays: what goes through a recorded key block again, per party
    """

    name: str
    parameters: type[BaseModel]
    programs: Mapping[str, Program]
    needs: Mapping[str, Needs] = field(default_factory=dict)
    steps: tuple[CalibrationStep, ...] = ()
    replays: Mapping[str, ReplayProgram] = field(default_factory=dict)
