"""What a length rests on, in a form that programs can read (SECURITY rule 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "NOT_A_CLAIM",
    "Assumption",
    "Pattern",
    "RandomSource",
    "Receiver",
    "Status",
    "bb84_assumptions",
    "claimable_bits",
]

NOT_A_CLAIM = "published formula, not a claim"
"""The label of every length that puts observed counts into a fixed-length formula."""


class Status(StrEnum):
    """Whether an assumption of the theorem holds for a run."""

    MET = "met"
    ASSUMED = "assumed"
    VIOLATED = "violated"


class Receiver(StrEnum):
    """How Bob chooses his basis."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    PASSIVE_BALANCED = "passive-balanced"
    PASSIVE_BIASED = "passive-biased"


class Pattern(StrEnum):
    """Where Alice's settings come from."""

    UNKNOWN = "unknown"
    FRESH = "fresh"
    """A random number per pulse, used once."""
    COUNTER = "counter"
    """A cipher's key stream."""
    CYCLIC = "cyclic"
    """One stored pattern, repeated."""


class RandomSource(StrEnum):
    """Where a party's random bits come from."""

    UNKNOWN = "unknown"
    OPERATING_SYSTEM = "operating-system"
    SEEDED = "seeded"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumption of a theorem and how a run stands to it."""

    name: str
    status: Status
    note: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return what a result prints."""
        return {"name": self.name, "status": str(self.status), "note": self.note}


_RECEIVER = {
    Receiver.UNKNOWN: (Status.ASSUMED, "nothing is known of the receiver"),
    Receiver.ACTIVE: (Status.ASSUMED, "chosen by a modulator from private bits"),
    Receiver.PASSIVE_BALANCED: (
        Status.VIOLATED,
        "a passive splitter chooses; exact balance cannot be shown",
    ),
    Receiver.PASSIVE_BIASED: (
        Status.VIOLATED,
        "a passive biased splitter chooses; the theorem does not cover it",
    ),
}
_PATTERN = {
    Pattern.UNKNOWN: (Status.ASSUMED, "nothing is known of the source of settings"),
    Pattern.FRESH: (Status.MET, "a fresh random setting per pulse"),
    Pattern.COUNTER: (Status.ASSUMED, "settings are expanded from a key by a cipher"),
    Pattern.CYCLIC: (Status.VIOLATED, "one stored pattern is repeated"),
}
_RANDOM = {
    RandomSource.UNKNOWN: (Status.ASSUMED, "nothing is known of the random bits"),
    RandomSource.OPERATING_SYSTEM: (Status.ASSUMED, "the operating system's generator"),
    RandomSource.SEEDED: (Status.VIOLATED, "expanded from a seed, for simulation"),
}


def bb84_assumptions(
    *,
    receiver: Receiver = Receiver.UNKNOWN,
    pattern: Pattern = Pattern.UNKNOWN,
    randomness: RandomSource = RandomSource.UNKNOWN,
    secret_from_seed: bool = False,
    decoys: bool = True,
) -> tuple[Assumption, ...]:
    """Return the assumptions of Lim 2014 (or, without decoys, Tomamichel 2012).

    secret_from_seed: the pre-shared secret was derived from the run's seed
    decoys:           False for a single-photon source
    """
    source = [
        Assumption("phase randomisation", Status.ASSUMED, "random from pulse to pulse"),
        Assumption(
            "intensities in their intervals", Status.ASSUMED, "from calibration"
        ),
    ]
    if not decoys:
        source = [Assumption("single photons", Status.ASSUMED, "source not examined")]
    return (
        *source,
        Assumption("independent settings", *_PATTERN[pattern]),
        Assumption("active basis choice", *_RECEIVER[receiver]),
        Assumption(
            "basis-independent detection",
            Status.ASSUMED,
            "detector efficiencies and dark counts taken as equal",
        ),
        Assumption("detector model", Status.ASSUMED, "memoryless threshold detectors"),
        Assumption("no light leakage", Status.ASSUMED, "no side channel examined"),
        Assumption("randomness", *_RANDOM[randomness]),
        Assumption(
            "authentication",
            Status.VIOLATED if secret_from_seed else Status.ASSUMED,
            "the pre-shared secret was derived from the seed"
            if secret_from_seed
            else "the pre-shared secret is uniform and known to nobody else",
        ),
        Assumption(
            "thresholds committed before the run",
            Status.ASSUMED,
            "observed counts in a fixed-length formula: " + NOT_A_CLAIM,
        ),
    )


def claimable_bits(
    secret_bits: int, key_class: str, assumptions: Iterable[Assumption], *, claim: bool
) -> int:
    """Return how many bits may be called secret.

    key_class: ``secure``, ``lab`` or ``demonstration``; only ``secure`` can claim
    claim:     the theorem is one that allows a claim (theory-claims section 9)

    0 if any of these is missing or one assumption is violated.
    """
    violated = any(a.status is Status.VIOLATED for a in assumptions)
    return secret_bits if claim and key_class == "secure" and not violated else 0
