"""The claim gate: when a length may be called secret (theory-claims section 9).

Everything that decides over a length is written into a `ClaimRecord` and its digest is
announced before the first pulse. After the run the gate compares what happened with the
record and with what the theorem wants. Unless all of it holds, the length is an
estimate, and the verdict names what was violated. Pure functions of public values.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from qkdlab.errors import UsageError
from qkdlab.security import tupkary2024
from qkdlab.security.assumptions import (
    ESTIMATE,
    Assumption,
    Pattern,
    RandomSource,
    Receiver,
    Status,
    claimable_bits,
)
from qkdlab.security.balls import Number, exactly
from qkdlab.security.mismatch import Detectors
from qkdlab.security.over_intensities import Least
from qkdlab.security.slacks import Slack
from qkdlab.security.two_decoys import TwoDecoyCounts

__all__ = [
    "CLAIM",
    "COMPARED_WITH_THEIR_TEXT",
    "Blanking",
    "ClaimRecord",
    "RunFacts",
    "Verdict",
    "judge",
]

CLAIM = "claim"

COMPARED_WITH_THEIR_TEXT: frozenset[str] = frozenset()
"""Theorems whose formulas here somebody has compared with the paper's own text.

Empty: the text of arXiv:2408.17349 could not be read yet. Only who has read it, all of
tupkary2024 beside it, may add a theorem.
"""

_VERSION = 2


class Blanking(StrEnum):
    """What happens to gates after a click, for detectors that remember."""

    NONE = "none"
    ALL_AFTER_ANY_CLICK = "all-after-any-click"
    """Every detector's gates are masked, whatever clicked: independent of basis and
    outcome."""


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """What is fixed before the first pulse.

    session:           of the run, public
    n_pulses:          of the block
    intensities:       lowest and highest mean photon number of each class
    p_key, p_test:     probability of each class given the basis, exact
    epsilons:          as `tupkary2024.Epsilons`
    detectors:         what the calibration says
    calibration:       digest of the signed calibration record that says so
    leak_cap_bits:     lambda_EC of the formula; more ends the block
    committed_length:  the length, or None for the formula's own
    blank_ps:          for which gates are masked after a click
    recovery_ps:       after which what is left of a click is within the limit of its
                       calibration; None where nobody has measured it. What is left
                       behind `blank_ps` is in the range of `detectors`
    limits:            lowest and highest value of observed figures, by name
    """

    session: str
    n_pulses: int
    intensities: tuple[tuple[float, float], ...]
    p_key: tuple[Number, ...]
    p_test: tuple[Number, ...]
    epsilons: tupkary2024.Epsilons
    detectors: Detectors
    calibration: str
    slack: Slack
    leak_cap_bits: int
    committed_length: int | None
    receiver: Receiver
    blanking: Blanking
    blank_ps: int
    recovery_ps: float | None
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    theorem: str = tupkary2024.THEOREM

    def __post_init__(self) -> None:
        if self.n_pulses < 1 or self.leak_cap_bits < 0:
            raise UsageError("a claim record wants pulses, and a cap on the leak")
        if self.committed_length is not None and self.committed_length < 1:
            raise UsageError("a committed length is at least one bit")
        if not self.session or not self.calibration:
            raise UsageError("a claim record names its session and its calibration")

    def canonical(self) -> bytes:
        """Return the record as the one text that is hashed: sorted, compact JSON."""
        return json.dumps(
            {"version": _VERSION, **_plain(asdict(self))},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        ).encode("ascii")

    def digest(self) -> str:
        """Return what is announced before the first pulse, in hexadecimal."""
        prefix = b"qkdlab/claim-record/1\n"
        return hashlib.sha256(prefix + self.canonical()).hexdigest()

    def length(
        self,
        n_key: tuple[int, int, int],
        n_test: tuple[int, int, int],
        m_test: tuple[int, int, int],
    ) -> Least:
        """Return the length that the record grants to counts, by nothing but itself.

        n_key, n_test, m_test: events and test errors by intensity
        """
        return tupkary2024.key_length(
            TwoDecoyCounts(n_key, n_test, m_test, self.p_key, self.p_test),
            list(self.intensities),
            leak_bits=self.leak_cap_bits,
            epsilons=self.epsilons,
            detectors=self.detectors,
            slack=self.slack,
            committed_length=self.committed_length,
        )


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What happened, as far as it concerns a claim; what nobody has seen, did not.

    key_class, pattern, randomness, secret_from_seed: how the run was set up
    blanked_ps:           for which all gates after a click were masked
    authentication:       what is known of it, where that is more than the theorem asks
    announced_digest:     of the claim record, as both parties authenticated it; None
                          when none was announced
    announced_in_time:    before the first pulse
    calibration_verified: digest of the calibration record whose signature was verified
    pulses:               sent, every gate of them counted
    leak_bits:            charged by the ledger, without verification
    one_order:            every announcement came in the one authenticated order
    observed:             the figures that the record limits
    """

    key_class: str
    pattern: Pattern
    randomness: RandomSource
    secret_from_seed: bool
    blanked_ps: int = 0
    authentication: Assumption | None = None
    announced_digest: str | None = None
    announced_in_time: bool = False
    calibration_verified: str | None = None
    pulses: int | None = None
    leak_bits: int | None = None
    one_order: bool = False
    observed: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a length may be called secret.

    label:       ``claim`` or ``estimate``
    assumptions: everything that it rests on
    """

    label: str
    assumptions: tuple[Assumption, ...]
    key_class: str

    @property
    def violated(self) -> tuple[Assumption, ...]:
        """What stands against a claim."""
        return tuple(a for a in self.assumptions if a.status is Status.VIOLATED)

    def claimable(self, secret_bits: int) -> int:
        """Return how many of some bits may be called secret."""
        claim = self.label == CLAIM
        return claimable_bits(
            secret_bits, self.key_class, self.assumptions, claim=claim
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what a result prints."""
        return {
            "label": self.label,
            "violated": [a.name for a in self.violated],
            "assumptions": [a.as_dict() for a in self.assumptions],
        }


def judge(record: ClaimRecord, facts: RunFacts) -> Verdict:
    """Return whether a run under a record allows a claim."""
    theorem = tupkary2024.assumptions(
        record.detectors,
        record.slack,
        receiver=record.receiver,
        pattern=facts.pattern,
        randomness=facts.randomness,
    )
    known = facts.authentication
    if known is not None:
        apart = tuple(a for a in theorem if a.name != known.name)
        theorem = (*apart, known)
    found = (*_requirements(record, facts), *theorem)
    claim = all(a.status is not Status.VIOLATED for a in found)
    return Verdict(CLAIM if claim else ESTIMATE, found, facts.key_class)


def _requirements(record: ClaimRecord, facts: RunFacts) -> Iterable[Assumption]:
    """Yield what section 9 demands; each is met or violated."""
    outside = [
        name
        for name, (low, high) in record.limits.items()
        if not _is_within(facts.observed.get(name), low, high)
    ]
    recovery_ps = record.recovery_ps
    forgotten = recovery_ps is not None and recovery_ps <= record.blank_ps
    announced = facts.announced_digest == record.digest() and facts.announced_in_time
    checks = {
        "formula compared with the paper": (
            record.theorem == tupkary2024.THEOREM
            and record.theorem in COMPARED_WITH_THEIR_TEXT,
            "by somebody who read the paper's own text",
        ),
        "receiver of the theorem": (
            record.receiver is Receiver.ACTIVE,
            "an active basis choice before threshold detectors",
        ),
        "detectors calibrated and signed for": (
            facts.calibration_verified == record.calibration,
            "the spreads stand in a calibration record whose signature was verified",
        ),
        "claim record announced before the first pulse": (
            announced,
            "its digest, authenticated by both parties",
        ),
        "every pulse counted": (
            facts.pulses == record.n_pulses,
            "as many as the record says, none left out by what it showed",
        ),
        "detectors without memory": (
            record.blanking is Blanking.ALL_AFTER_ANY_CLICK
            and forgotten
            and facts.blanked_ps == record.blank_ps,
            f"gates after any click are masked for all detectors alike, "
            f"{facts.blanked_ps} ps; "
            + (
                "no calibration record tells after how long a click is forgotten"
                if recovery_ps is None
                else "what is left of a click is within its limit after "
                f"{recovery_ps:g} ps"
            ),
        ),
        "leak within its cap": (
            facts.leak_bits is not None and facts.leak_bits <= record.leak_cap_bits,
            f"{facts.leak_bits} of {record.leak_cap_bits} bits",
        ),
        "figures within their limits": (
            bool(record.limits) and not outside,
            "outside: " + ", ".join(outside)
            if outside
            else ", ".join(record.limits) or "the record limits none",
        ),
        "one order of announcements": (
            facts.one_order,
            "authenticated; nothing of a pulse before the list of accepted slots",
        ),
        "key class": (facts.key_class == "secure", f"the run is {facts.key_class}"),
        "secret of its own": (
            not facts.secret_from_seed,
            "the pre-shared secret is not derived from a seed",
        ),
    }
    for name, (met, note) in checks.items():
        yield Assumption(name, Status.MET if met else Status.VIOLATED, note)


def _is_within(observed: Number | None, low: float, high: float) -> bool:
    """Compare without rounding: a float stands for its shortest decimal form."""
    if observed is None or not math.isfinite(observed):
        return False
    return exactly(low) <= exactly(observed) <= exactly(high)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numbers exactly, or by their shortest decimal form."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    if isinstance(value, Fraction | Decimal):
        return str(exactly(value))
    return repr(float(value))
