"""The public figures of a block, as they become known."""

from __future__ import annotations

import math
from typing import Any

from qkdlab.distill.verify import collision_bound
from qkdlab.link.claimed import Length, Seen
from qkdlab.link.context import BlockContext
from qkdlab.link.direction import Direction
from qkdlab.link.estimate import THEOREMS, Intensities
from qkdlab.protocols.bb84 import Bb84Counts, Triple
from qkdlab.security.assumptions import ESTIMATE, NOT_A_CLAIM, claimable_bits
from qkdlab.security.asymptotic import binary_entropy

__all__ = [
    "report_counts",
    "report_errors",
    "report_key",
    "report_leak",
    "report_method",
    "report_plan",
    "report_slots",
]

CLASSES = ("signal", "decoy", "vacuum")


def report_plan(context: BlockContext) -> None:
    """Enter what was agreed before the block."""
    plan = context.plan
    context.report.update(
        block=plan.block,
        pulses=plan.n_pulses,
        key_class=plan.key_class,
        theorem=THEOREMS[plan.theorem],
        claim=NOT_A_CLAIM if context.claim is None else ESTIMATE,
        assumptions=[a.as_dict() for a in context.assumptions],
        epsilon={"secrecy": plan.epsilon_secrecy},
        secret_bits=0,
        claimable_secret_bits=0,
        aborted=None,
    )
    if context.claim is not None:
        record = context.claim.record
        context.report["claim_record"] = {
            "digest": record.digest(),
            "text": record.canonical().decode("ascii"),
        }


def report_slots(
    context: BlockContext, accepted: int, live_slots: int, double_clicks: int
) -> None:
    """Enter what Bob's list says in all."""
    context.report.update(
        accepted_slots=accepted,
        live_slots=live_slots,
        live_fraction=live_slots / max(1, context.plan.n_pulses),
        double_clicks=double_clicks,
    )


def report_counts(
    context: BlockContext, counts: Bb84Counts, intensities: Intensities
) -> None:
    """Enter the counts by basis and intensity, gains and the error rate of Z.

    A gain is sifted events per pulse of that basis and class (before the live mask).
    """
    context.report.update(
        intensities={
            name: list(interval)
            for name, interval in zip(CLASSES, intensities, strict=True)
        },
        counts={
            "sent": {"X": _named(counts.sent_key), "Z": _named(counts.sent_test)},
            "sifted": {"X": _named(counts.n_key), "Z": _named(counts.n_test)},
            "errors": {"X": None, "Z": _named(counts.m_test)},
            "cross": _named(counts.cross),
            "double": {"X": _named(counts.double_key), "Z": _named(counts.double_test)},
        },
        gains={
            "X": _ratios(counts.n_key, counts.sent_key),
            "Z": _ratios(counts.n_test, counts.sent_test),
        },
        qber={"X": None, "Z": _ratios(counts.m_test, counts.n_test)},
        qber_x=None,
        qber_z=counts.qber_test,
        cross_click_fraction=counts.cross_fraction,
        double_click_fraction=counts.double_fraction,
        sifted_bits=sum(counts.n_key),
        test_bits=sum(counts.n_test),
    )


def report_method(context: BlockContext, method: str) -> None:
    """Enter the method of reconciliation that the block takes."""
    context.report["reconciliation_method"] = method


def report_errors(context: BlockContext, counts: Bb84Counts, rounds: int) -> None:
    """Enter what reconciliation showed: the errors of X by intensity.

    With Cascade both parties follow all positions, and nothing was sent for it; with
    LDPC Bob told these numbers and the ledger has them.
    """
    errors = counts.m_key or (0, 0, 0)
    report = context.report
    report["counts"] = {
        **report["counts"],
        "errors": {**report["counts"]["errors"], "X": _named(errors)},
    }
    report["qber"] = {**report["qber"], "X": _ratios(errors, counts.n_key)}
    report["qber_x"] = counts.qber_key
    report["reconciliation_rounds"] = rounds


def report_leak(context: BlockContext) -> None:
    """Enter the ledger's totals and the efficiencies that follow from them.

    f_one_way counts Alice's parities only, f_two_way all that was charged; both are
    relative to n h(e) with the error rate found in X, None when that was zero.
    """
    ledger, report = context.ledger, context.report
    ideal = report["sifted_bits"] * binary_entropy(report["qber_x"] or 0.0)
    one_way = ledger.leak(Direction.ALICE_TO_BOB)
    report.update(
        leaked_bits=ledger.leak_bits,
        leaked_bits_by_direction={d.value: ledger.leak(d) for d in Direction},
        verification_bits=ledger.verification_bits,
        reconciliation_efficiency={
            "one_way": one_way / ideal if ideal else None,
            "two_way": ledger.leak_bits / ideal if ideal else None,
        },
    )
    report["epsilon"] = {
        **report["epsilon"],
        "correctness": collision_bound(
            report["sifted_bits"], context.plan.verification_bits
        ),
    }


def report_key(
    context: BlockContext, counts: Bb84Counts, length: Length, key_id: str
) -> None:
    """Enter the key: its id, length and every intermediate bound.

    Under a claim record also what the length may be called, and what it rests on.
    """
    context.report.update(
        key_id=key_id,
        secret_bits=length.secret_bits,
        claimable_secret_bits=claimable_bits(
            length.secret_bits,
            context.plan.key_class,
            context.assumptions,
            # a fixed-length formula fed with observed counts claims nothing
            claim=False,
        ),
        bounds=_bounds(context, length),
        worst_intensities=dict(zip(CLASSES, length.intensities, strict=True)),
    )
    if context.claim is None:
        return
    ledger = context.ledger
    seen = Seen(context.greeted, context.pulses, ledger.leak_bits, ledger.phases)
    verdict = context.claim.verdict(seen, counts)
    context.report.update(
        claim=verdict.label,
        violated=[a.name for a in verdict.violated],
        assumptions=[a.as_dict() for a in verdict.assumptions],
        claimable_secret_bits=verdict.claimable(length.secret_bits),
    )


def _bounds(context: BlockContext, length: Length) -> dict[str, float]:
    """Return the length's bounds, in epsilon the tag's own chance of a collision.

    A claim record names the epsilon_EV that makes its term the tag's length.
    """
    bounds = dict(length.bounds)
    if context.claim is not None:
        assumed = float(context.claim.record.epsilons.ev)
        more = max(0.0, context.report["epsilon"]["correctness"] - assumed)
        bounds["epsilon"] = math.nextafter(bounds["epsilon"] + more, math.inf)
    return bounds


def _named(counts: Triple) -> dict[str, int]:
    return dict(zip(CLASSES, counts, strict=True))


def _ratios(counts: Triple, totals: Triple) -> dict[str, Any]:
    return {
        name: count / total if total else None
        for name, count, total in zip(CLASSES, counts, totals, strict=True)
    }
