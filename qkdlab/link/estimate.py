"""From what was announced to counts, limits and the key length.

Pure functions of public values, so both parties come to the same figures, and anybody
can from the recorded messages. The verification tag of t bits appears once in the
length: the formula's term log2(2 / epsilon_cor) is evaluated at the epsilon that makes
it t, or at the tag's true collision bound where that costs more (SECURITY rule 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from qkdlab.bits.array import BitArray
from qkdlab.distill.verify import collision_bound
from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.method import PLANNED, most_bits
from qkdlab.link.plan import BlockPlan
from qkdlab.plugins import did_you_mean
from qkdlab.protocols.bb84 import (
    Bb84Counts,
    Bb84Limits,
    Sifted,
    Triple,
    check_limits,
)
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import N_INTENSITIES
from qkdlab.security import tupkary2024
from qkdlab.security.lim2014 import (
    THEOREM,
    Lim2014Length,
    key_length,
)
from qkdlab.security.two_decoys import TwoDecoyCounts

__all__ = [
    "CLAIMED",
    "THEOREMS",
    "block_counts",
    "check_counts",
    "check_plan",
    "check_size",
    "secret_length",
    "triple",
]

THEOREMS = {"lim2014": THEOREM, "bb84-decoy2-eur": tupkary2024.THEOREM}
"""Names that a plan may give to the formula of the key length."""

CLAIMED = frozenset({"bb84-decoy2-eur"})
"""Those that want a claim record: what they take is in no plan."""

Intensities = Sequence[tuple[float, float]]


def check_plan(plan: BlockPlan, *, claimed: bool | None = None) -> None:
    """Refuse a plan that could never give a sound key; raises UsageError.

    claimed: whether there is a claim record; None where that is not known yet
    """
    _check_name("theorem", plan.theorem, THEOREMS)
    if claimed is not None and claimed != (plan.theorem in CLAIMED):
        wants = "wants" if plan.theorem in CLAIMED else "knows"
        none = "a" if plan.theorem in CLAIMED else "no"
        raise UsageError(f"theorem {plan.theorem!r} {wants} {none} claim record")
    _check_name("reconciliation", plan.reconciliation, PLANNED)
    if plan.n_intensities != N_INTENSITIES or not all(plan.composition):
        raise UsageError(
            "every basis of the pattern needs pulses of signal, decoy and vacuum"
        )
    reached = collision_bound(plan.n_pulses, plan.verification_bits)
    if reached > plan.epsilon_correctness:
        raise UsageError(
            f"verification_bits {plan.verification_bits}: epsilon_correctness"
            f" {plan.epsilon_correctness:g} needs a longer tag"
        )


def check_size(plan: BlockPlan, key_bits: int) -> None:
    """Raise SecurityAbort(COUNTS_OUTSIDE_LIMITS) for more bits than can be reconciled.

    Their messages would not fit under one tag.
    """
    most = most_bits(plan.reconciliation, plan.frame_bits)
    if most is not None and key_bits > most:
        raise SecurityAbort(
            AbortCode.COUNTS_OUTSIDE_LIMITS,
            "so many sifted bits want longer frames: raise frame_bits, or take shorter"
            " blocks",
            {"sifted_bits": key_bits, "most": most, "frame_bits": plan.frame_bits},
        )


def block_counts(
    plan: BlockPlan,
    settings: Planes,
    sifted: Sifted,
    test_errors: BitArray,
    *,
    double_key: Triple,
    double_test: Triple,
) -> Bb84Counts:
    """Return the counts of a block by intensity.

    settings:    of all accepted slots
    test_errors: of the test slots
    """
    return Bb84Counts(
        sent_key=triple(plan.class_pulses(0)),
        sent_test=triple(plan.class_pulses(1)),
        n_key=settings.count(sifted.key),
        n_test=settings.count(sifted.test),
        m_test=settings.sift(sifted.test).count(test_errors),
        cross=settings.count(sifted.cross),
        double_key=double_key,
        double_test=double_test,
        slots=len(settings),
    )


def check_counts(plan: BlockPlan, counts: Bb84Counts) -> None:
    """Raise SecurityAbort when a count is outside the limits of the plan."""
    broken = check_limits(
        counts,
        Bb84Limits(
            qber_x_max=plan.qber_x_max,
            qber_z_max=plan.qber_z_max,
            cross_click_fraction_max=plan.cross_click_fraction_max,
            double_click_fraction_max=plan.double_click_fraction_max,
        ),
    )
    if broken is not None:
        raise broken


def secret_length(
    plan: BlockPlan, counts: Bb84Counts, intensities: Intensities, leak_bits: int
) -> Lim2014Length:
    """Return the key length, the least over the intervals of the intensities.

    intensities: (lowest, highest) mean photon number of each class, brightest first
    leak_bits:   of both directions, without the verification tag

    Raises SecurityAbort(NO_SECRET_KEY) with the figures when no bit is left,
    SecurityAbort(COUNTS_OUTSIDE_LIMITS) when no intensity inside the intervals explains
    the counts, and SecurityAbort(INTENSITY_OUTSIDE_INTERVAL) when the intervals break
    the theorem.
    """
    observed = TwoDecoyCounts(
        counts.n_key,
        counts.n_test,
        counts.m_test,
        [Fraction(n, sum(counts.sent_key)) for n in counts.sent_key],
        [Fraction(n, sum(counts.sent_test)) for n in counts.sent_test],
    )
    try:
        length = key_length(
            observed,
            list(intensities),
            leak_bits=leak_bits,
            epsilon_secrecy=plan.epsilon_secrecy,
            epsilon_correctness=_epsilon_of_tag(plan, sum(counts.n_key)),
        )
    except (UsageError, ZeroDivisionError) as error:
        raise SecurityAbort(AbortCode.INTENSITY_OUTSIDE_INTERVAL, str(error)) from None
    if length.contradicted:
        raise SecurityAbort(
            AbortCode.COUNTS_OUTSIDE_LIMITS,
            "no intensity inside its interval explains the counts",
            {"sifted_bits": sum(counts.n_key), "test_bits": sum(counts.n_test)},
        )
    if length.secret_bits <= 0:
        raise SecurityAbort(
            AbortCode.NO_SECRET_KEY,
            "the counts leave no secret bit",
            {
                "sifted_bits": sum(counts.n_key),
                "test_bits": sum(counts.n_test),
                "qber_z": counts.qber_test,
                "leaked_bits": leak_bits,
                "length_bound": length.bounds["ell"],
                "phase_error_bound": length.bounds["phi_X"],
            },
        )
    return length


def triple(values: Sequence[int]) -> Triple:
    """Return three counts as a tuple of exactly three."""
    signal, decoy, vacuum = values
    return signal, decoy, vacuum


def _check_name(what: str, name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        raise UsageError(
            f"no {what} is called {name!r}{did_you_mean(name, names)}; "
            f"there are: {', '.join(names)}"
        )


def _epsilon_of_tag(plan: BlockPlan, n_bits: int) -> Fraction:
    tag_bits = plan.verification_bits
    blocks = max(1, -(-n_bits // 128))
    return min(Fraction(2, 1 << tag_bits), Fraction(blocks, 1 << tag_bits))
