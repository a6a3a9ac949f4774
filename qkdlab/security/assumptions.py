"""What a length rests on, in a form that programs can read (SECURITY rule 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "ESTIMATE",
    "NOT_A_CLAIM",
    "Assumption",
    "Pattern",
    "RandomSource",
    "Receiver",
    "Status",
    "bb84_assumptions",
    "claimable_bits",
    "least_trusted",
    "taken_together",
]

NOT_A_CLAIM = "published formula, not a claim"
"""The label of every length that puts observed counts into a fixed-length formula."""

ESTIMATE = "estimate"
"""The label of every length that the claim gate does not let through."""


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
    Pattern.COUNTER: (
        Status.ASSUMED,
        "computational: a cipher expands the settings from a key that those disclosed "
        "determine",
    ),
    Pattern.CYCLIC: (Status.VIOLATED, "one stored pattern is repeated"),
}
_RANDOM = {
    RandomSource.UNKNOWN: (Status.ASSUMED, "nothing is known of the random bits"),
    RandomSource.OPERATING_SYSTEM: (Status.ASSUMED, "the operating system's generator"),
    RandomSource.SEEDED: (Status.VIOLATED, "expanded from a seed, for simulation"),
}
_COMMITTED = {None: Status.ASSUMED, False: Status.VIOLATED, True: Status.MET}


def bb84_assumptions(
    *,
    receiver: Receiver = Receiver.UNKNOWN,
    pattern: Pattern = Pattern.UNKNOWN,
    randomness: RandomSource = RandomSource.UNKNOWN,
    secret_from_seed: bool = False,
    decoys: bool = True,
    interval_coverage: float | None = None,
    efficiency_mismatch: tuple[float, float] | None = None,
    thresholds_committed: bool | None = None,
) -> tuple[Assumption, ...]:
    """Return the assumptions of Lim 2014 (or, without decoys, Tomamichel 2012).

    secret_from_seed: the pre-shared secret was derived from the run's seed
    decoys:           False for a single-photon source
    interval_coverage: probability with which each true intensity is in its interval
    efficiency_mismatch: of Bob's detectors, calibrated value and standard uncertainty
    thresholds_committed: whether the length or the thresholds for it were fixed before
                      the run; None when that is unknown
    """
    source = [
        Assumption("phase randomisation", Status.ASSUMED, "random from pulse to pulse"),
        Assumption(
            "intensities in their intervals",
            Status.ASSUMED,
            "from calibration"
            if interval_coverage is None
            else f"from calibration, each with probability {interval_coverage:g};"
            " that is not in epsilon",
        ),
    ]
    if not decoys:
        source = [Assumption("single photons", Status.ASSUMED, "source not examined")]
    return (
        *source,
        Assumption("independent settings", *_PATTERN[pattern]),
        Assumption("active basis choice", *_RECEIVER[receiver]),
        Assumption("basis-independent detection", *_detection(efficiency_mismatch)),
        Assumption("detector model", Status.ASSUMED, "memoryless threshold detectors"),
        Assumption("no light leakage", Status.ASSUMED, "no side channel examined"),
        Assumption("randomness", *_RANDOM[randomness]),
        Assumption(
            "authentication",
            Status.VIOLATED if secret_from_seed else Status.ASSUMED,
            "the pre-shared secret was derived from the seed: a run of the same seed"
            " and configuration uses the same pads"
            if secret_from_seed
            else "the pre-shared secret is uniform and known to nobody else",
        ),
        Assumption(
            "thresholds committed before the run",
            _COMMITTED[thresholds_committed],
            "fixed before the run"
            if thresholds_committed
            else "observed counts in a fixed-length formula: " + NOT_A_CLAIM,
        ),
    )


def _detection(mismatch: tuple[float, float] | None) -> tuple[Status, str]:
    """Return status and note of equal detectors; no theorem here allows for less.

    Two standard uncertainties away from 0 the efficiencies are known to differ.
    """
    if mismatch is None:
        return Status.ASSUMED, "detector efficiencies and dark counts taken as equal"
    value, uncertainty = mismatch
    known = f"efficiency mismatch calibrated as {value:g}, uncertainty {uncertainty:g}"
    if abs(value) > 2 * uncertainty:
        return Status.VIOLATED, f"{known}; the theorem has none"
    return Status.ASSUMED, f"{known}; efficiencies and dark counts taken as equal"


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


_TRUST = (Status.VIOLATED, Status.ASSUMED, Status.MET)
"""The worst first."""

Printed = Mapping[str, str]
"""An assumption as a result prints it."""


def least_trusted(lists: Iterable[Sequence[Printed]]) -> list[Printed]:
    """Return every assumption once, as it is seen where it is trusted least."""
    found: dict[str, Printed] = {}
    for assumption in (a for assumptions in lists for a in assumptions):
        known = found.setdefault(assumption["name"], assumption)
        if _trust(assumption) < _trust(known):
            found[assumption["name"]] = assumption
    return list(found.values())


def _trust(assumption: Printed) -> int:
    return _TRUST.index(Status(assumption["status"]))


def taken_together(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several figures with labels may be called together: the least.

    Labels that differ make an estimate, and what stands against one stands against all.
    """
    found: dict[str, Any] = {}
    labels = {f["claim"] for f in figures if "claim" in f}
    if labels:
        found["claim"] = labels.pop() if len(labels) == 1 else ESTIMATE
    if any("violated" in f for f in figures):
        names = [name for f in figures for name in f.get("violated", [])]
        found["violated"] = list(dict.fromkeys(names))
    if any("assumptions" in f for f in figures):
        found["assumptions"] = least_trusted(f.get("assumptions", []) for f in figures)
    return found
