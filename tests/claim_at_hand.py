"""A claim record for blocks made by dice, and the claim that holds it."""

from __future__ import annotations

from fractions import Fraction

from link.synthetic import INTERVALS, SESSION

from qkdlab.link.claimed import Claim
from qkdlab.link.plan import BlockPlan
from qkdlab.security.assumptions import Pattern, RandomSource, Receiver
from qkdlab.security.claim import Blanking, ClaimRecord, RunFacts
from qkdlab.security.mismatch import Detectors
from qkdlab.security.slacks import Slack
from qkdlab.security.tupkary2024 import Epsilons

__all__ = ["WIDE", "claim_of", "record_of"]

SHARES = (Fraction(3, 10), Fraction(4, 10), Fraction(3, 10))
WIDE = tuple((low * 0.99, high * 1.01) for low, high in INTERVALS)


def record_of(plan: BlockPlan, **changes) -> ClaimRecord:
    """Return the record of a block of synthetic light, with changes."""
    fields = {
        "session": SESSION.hex(),
        "n_pulses": plan.n_pulses,
        "intensities": WIDE,
        "p_key": SHARES,
        "p_test": SHARES,
        "epsilons": Epsilons(*(0.05,) * 5, ev=2.0 ** (1 - plan.verification_bits)),
        "detectors": Detectors(0.005, 0.1, 1e-6, swap=True),
        "calibration": "records of today",
        "slack": Slack.CHERNOFF,
        "leak_cap_bits": 4000,
        "committed_length": None,
        "receiver": Receiver.ACTIVE,
        "blanking": Blanking.ALL_AFTER_ANY_CLICK,
        "blank_ps": 60_000,
        "recovery_ps": 50_000.0,
        "limits": {"qber_z": (0.0, 0.1)},
    }
    return ClaimRecord(**{**fields, **changes})


def claim_of(plan: BlockPlan, **changes) -> Claim:
    """Return the claim of a block that was announced before its light."""
    facts = RunFacts(
        blanked_ps=60_000,
        key_class=plan.key_class,
        pattern=Pattern.COUNTER,
        randomness=RandomSource.OPERATING_SYSTEM,
        secret_from_seed=False,
    )
    found = Claim(record_of(plan, **changes), facts)
    found.announced()
    found.light_begins()
    return found
