"""The claim record of a key block: what both parties fix before its first pulse.

Bob says what his calibration knows of his detectors, Alice how bright her classes may
be and how much the messages may disclose; all else both have from the configuration.
Each forms the record by itself, and a digest that differs ends the block. All of it is
public and authenticated.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.party import PartyBook
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.claimed import Claim
from qkdlab.link.estimate import CLAIMED
from qkdlab.protocols.symbols import N_INTENSITIES
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import Assumption
from qkdlab.security.balls import exactly
from qkdlab.security.claim import Blanking, ClaimRecord, RunFacts
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons
from qkdlab.session.conversation import SessionIds
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.active_parameters import ActiveBb84Parameters, active
from qkdlab_experiments.frame import (
    block_plan,
    pattern_of,
    receiver_of,
    source_of,
)
from qkdlab_experiments.leak_cap import leak_cap_bits
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "ClaimTerms",
    "announce_claim",
    "claim_of",
    "detector_terms",
    "learn_claim",
    "light_begins",
]

_MESSAGE = "claim-record"
_EPSILON_PARTS = 10
"""Every failure probability is so small a part of epsilon_secrecy: 2 sqrt(12) + 2 of
them stay below it."""
_MORE_LEAK = "calibrate again, or raise the cap (parameters.security.leak_factor)"

Intervals = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """What the record holds beside the configuration.

    intensities: committed lowest and highest mean photon number by class
    leak_cap_bits: what the messages may disclose
    efficiency_spread, dark_spread, dark_probability: as of `Detectors`
    recovery_ps: after which what is left of a click is within its limit
    calibration: digest of Bob's records that say so
    """

    intensities: Intervals
    leak_cap_bits: int
    efficiency_spread: float
    dark_spread: float
    dark_probability: float
    recovery_ps: float
    calibration: str

    def as_dict(self) -> dict[str, Any]:
        """Return what goes on record."""
        return {
            "intensities": [list(interval) for interval in self.intensities],
            "leak_cap_bits": self.leak_cap_bits,
            "efficiency_spread": self.efficiency_spread,
            "dark_spread": self.dark_spread,
            "dark_probability": self.dark_probability,
            "recovery_ps": self.recovery_ps,
            "calibration": self.calibration,
        }

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> ClaimTerms:
        """Return the terms that somebody said.

        Raises SecurityAbort(PROTOCOL_VIOLATION) for anything else.
        """
        try:
            spread, dark_spread, dark, recovery_ps = (
                float(said[name]) for name in _NUMBERS
            )
            low_high, cap = said["intensities"], said["leak_cap_bits"]
            terms = cls(
                tuple((float(low), float(high)) for low, high in low_high),
                cap,
                spread,
                dark_spread,
                dark,
                recovery_ps,
                str(said["calibration"]),
            )
            terms.detectors()
            if len(terms.intensities) != N_INTENSITIES or not terms.calibration:
                raise ValueError
            if type(cap) is not int or cap < 0 or not 0 <= recovery_ps < math.inf:
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError, UsageError):
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION,
                "the other party's claim record holds no such terms",
            ) from None
        return terms

    def detectors(self) -> Detectors:
        """Return what the theorem takes; the swap is on."""
        return Detectors(
            self.efficiency_spread, self.dark_spread, self.dark_probability, swap=True
        )


_NUMBERS = ("efficiency_spread", "dark_spread", "dark_probability", "recovery_ps")


def detector_terms(book: PartyBook, p: Bb84Parameters) -> dict[str, Any]:
    """Return what Bob says of his detectors, from his valid records.

    Ends of the ranges hold with the coverage of the intensities' intervals. Raises
    SecurityAbort(CALIBRATION_FAILED) where they reach down to no dark counts at all,
    for which the theorem has no number.
    """
    if p.theorem not in CLAIMED:
        return {}
    names = [f"dark_rate_hz_{d}" for d in range(len(p.detection.bias_ua))]
    records = [book.record(name) for name in names]
    # the ends of all ranges are worked out exactly, and rounded outwards at last
    width = Fraction(coverage_factor(p.calibration.interval_coverage))
    gate_s = Fraction(p.detection.gate_ps, 10**12)
    least = min(Fraction(r.value) - width * Fraction(r.uncertainty) for r in records)
    most = max(Fraction(r.value) + width * Fraction(r.uncertainty) for r in records)
    if least <= 0:
        raise SecurityAbort(
            AbortCode.CALIBRATION_FAILED,
            "so few dark counts leave open whether a detector has any: count for longer"
            " (parameters.calibration.dark_count_s), and calibrate again",
            {"dark_rate_hz": min(r.value for r in records)},
        )
    dark = float((least + most) / 2 * gate_s)
    middle = exactly(dark)
    furthest = max(most * gate_s - middle, middle - least * gate_s)
    memory, recovery = book.record("memory_mismatch"), book.record("recovery_ps")
    mismatch = book.record("efficiency_mismatch")
    apart = abs(Fraction(mismatch.value)) + width * Fraction(mismatch.uncertainty)
    # what is left of a click behind masked time
    apart += abs(Fraction(memory.value)) + width * Fraction(memory.uncertainty)
    said = {
        # whichever of the two is the worse: their ratio is 1 - apart at least
        "efficiency_spread": _upwards(apart / (2 - apart)),
        "dark_spread": _upwards(furthest / middle),
        "dark_probability": dark,
        "recovery_ps": recovery.value,
    }
    behind = (*records, mismatch, memory, recovery)
    return {**said, "calibration": _digest(behind)}


def _upwards(exact: Fraction) -> float:
    """Return a float that is no smaller in decimals, as the formula reads it."""
    rounded = float(exact)
    while exactly(rounded) < exact:
        rounded = math.nextafter(rounded, math.inf)
    return rounded


def _digest(records: Iterable[CalibrationRecord]) -> str:
    """Return the digest of records in full: whose, what, when, and for how long."""
    text = json.dumps(
        [r.model_dump(mode="json") for r in records],
        sort_keys=True,
        separators=(",", ":"),
    )
    prefix = b"qkdlab/calibration-records/1\n"
    return hashlib.sha256(prefix + text.encode("ascii")).hexdigest()


def announce_claim(
    ctx: PartyContext[Bb84Parameters],
    intervals: Intervals,
    ready: Mapping[str, Any],
    block: int,
) -> Claim | None:
    """Say, as Alice, what the block's length will follow; None without such a theorem.

    intervals: of her intensities, measured; ready: what Bob said of his detectors
    """
    if ctx.parameters.theorem not in CLAIMED:
        return None
    p = active(ctx.parameters)
    margins = (*(p.security.intensity_margin,) * 2, p.security.vacuum_margin)
    committed = [
        [low * (1.0 - margin), high * (1.0 + margin)]
        for (low, high), margin in zip(intervals, margins, strict=True)
    ]
    hers = {
        "intensities": committed,
        "leak_cap_bits": leak_cap_bits(ctx.calibration, p),
    }
    terms = ClaimTerms.of({**ready, **hers})
    claim = claim_of(
        p, ctx.conversation, ctx.randomness, block, terms, ctx.authentication
    )
    ctx.recorder.block(claim=terms.as_dict())
    ctx.conversation.send(_MESSAGE, **hers, digest=claim.record.digest())
    claim.announced()
    return claim


def learn_claim(
    ctx: PartyContext[Bb84Parameters], mine: Mapping[str, Any], block: int
) -> Claim | None:
    """Hear, as Bob, what the block's length will follow.

    mine: what he said of his detectors

    Raises SecurityAbort(PEER_CONFIGURATION) when Alice announced another record than he
    would have.
    """
    if ctx.parameters.theorem not in CLAIMED:
        return None
    said = ctx.conversation.receive(_MESSAGE)
    hers = {name: said.get(name) for name in ("intensities", "leak_cap_bits")}
    terms = ClaimTerms.of({**mine, **hers})
    p = active(ctx.parameters)
    claim = claim_of(
        p, ctx.conversation, ctx.randomness, block, terms, ctx.authentication
    )
    ctx.recorder.block(claim=terms.as_dict())
    if said.get("digest") != claim.record.digest():
        raise SecurityAbort(
            AbortCode.PEER_CONFIGURATION, "the parties hold different claim records"
        )
    claim.announced()
    return claim


def light_begins(ctx: PartyContext[Bb84Parameters], claim: Claim | None) -> None:
    """Note that pulses of the block may leave from now on; on record for a replay."""
    if claim is not None:
        claim.light_begins()
        ctx.recorder.block(claim_order=list(claim.order))


def claim_of(
    p: ActiveBb84Parameters,
    of: SessionIds,
    randomness: Randomness,
    block: int,
    terms: ClaimTerms,
    authentication: Assumption | None = None,
) -> Claim:
    """Return the claim record of a block, and how the run of it is set up.

    authentication: what is known of it, where that is more than the theorem asks
    """
    plan = block_plan(p, of.key_class, block)
    part = plan.epsilon_secrecy / _EPSILON_PARTS
    record = ClaimRecord(
        session=f"{of.session.hex()}/{block}",
        n_pulses=plan.n_pulses,
        intensities=terms.intensities,
        p_key=_shares_of(plan.class_pulses(0)),
        p_test=_shares_of(plan.class_pulses(1)),
        # the tag's own length comes off: log2(2 / epsilon_EV) is that
        epsilons=Epsilons(*(part,) * 5, ev=2.0 ** (1 - plan.verification_bits)),
        detectors=terms.detectors(),
        calibration=terms.calibration,
        slack=Slack(p.security.slack),
        leak_cap_bits=terms.leak_cap_bits,
        committed_length=p.security.committed_length_bits,
        receiver=receiver_of(p),
        # slots judge the clicks of all channels by one mask
        blanking=Blanking.ALL_AFTER_ANY_CLICK,
        blank_ps=p.detection.blank_ps,
        recovery_ps=terms.recovery_ps,
        limits={
            "qber_x": (0.0, plan.qber_x_max),
            "qber_z": (0.0, plan.qber_z_max),
            "cross_click_fraction": (0.0, plan.cross_click_fraction_max),
            "double_click_fraction": (0.0, plan.double_click_fraction_max),
        },
    )
    facts = RunFacts(
        key_class=of.key_class,
        pattern=pattern_of(p),
        randomness=source_of(randomness),
        secret_from_seed=randomness.seeded,
        blanked_ps=p.detection.blank_ps,
        authentication=authentication,
    )
    return Claim(record, facts, _MORE_LEAK)


def _shares_of(pulses: tuple[int, ...]) -> tuple[Fraction, ...]:
    return tuple(Fraction(n, sum(pulses)) for n in pulses)
