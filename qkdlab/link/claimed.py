"""A block whose length follows a claim record that was fixed before its first pulse.

Both parties hold the same record: its digest enters the configuration that their
greeting compares. What happened is compared with it at the end, and whatever stands
against a claim is named beside the length (theory-claims section 9).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TypeAlias

from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.plan import BlockPlan
from qkdlab.protocols.bb84 import Bb84Counts
from qkdlab.security.claim import ClaimRecord, RunFacts, Verdict, judge
from qkdlab.security.lim2014 import Lim2014Length
from qkdlab.security.over_intensities import Least

__all__ = ["Claim", "Length"]

Length: TypeAlias = Lim2014Length | Least
"""What either kind of formula answers."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The record of a block, and what is known of the run before it.

    facts: what the block itself adds is left open
    """

    record: ClaimRecord
    facts: RunFacts

    def bound_to(self, configuration: bytes) -> bytes:
        """Return a configuration hash of 32 bytes with the record's digest in it."""
        digest = bytes.fromhex(self.record.digest())
        return hashlib.sha256(b"qkdlab/claim/1\n" + configuration + digest).digest()

    def length(
        self,
        counts: Bb84Counts,
        intensities: tuple[tuple[float, float], ...],
        leak_bits: int,
    ) -> Least:
        """Return the length that the record grants.

        intensities: as measured after the block
        leak_bits:   disclosed so far, without verification

        Raises SecurityAbort: INTENSITY_OUTSIDE_INTERVAL where they reach beyond those
        of the record, NO_SECRET_KEY when too much leaked or no bit is left,
        COUNTS_OUTSIDE_LIMITS when no intensity explains the counts.
        """
        self._check(intensities, leak_bits)
        try:
            found = self.record.length(counts.n_key, counts.n_test, counts.m_test)
        except (UsageError, ZeroDivisionError) as error:
            code = AbortCode.INTENSITY_OUTSIDE_INTERVAL
            raise SecurityAbort(code, str(error)) from None
        sizes: dict[str, float | int | str] = {
            "sifted_bits": sum(counts.n_key),
            "test_bits": sum(counts.n_test),
        }
        if found.contradicted:
            raise SecurityAbort(
                AbortCode.COUNTS_OUTSIDE_LIMITS,
                "no intensity inside its interval explains the counts",
                sizes,
            )
        if found.secret_bits <= 0:
            raise SecurityAbort(
                AbortCode.NO_SECRET_KEY,
                "the counts leave no secret bit",
                {
                    **sizes,
                    "qber_z": counts.qber_test,
                    "leak_cap_bits": self.record.leak_cap_bits,
                    "length_bound": found.bounds["ell"],
                    "phase_error_bound": found.bounds["B"],
                },
            )
        return found

    def verdict(
        self, plan: BlockPlan, counts: Bb84Counts, leak_bits: int, qber_key: float
    ) -> Verdict:
        """Return what the length may be called, all of the block being known."""
        observed = {
            "qber_x": qber_key,
            "qber_z": counts.qber_test,
            "cross_click_fraction": counts.cross_fraction,
            "double_click_fraction": counts.double_fraction,
        }
        facts = replace(
            self.facts, pulses=plan.n_pulses, leak_bits=leak_bits, observed=observed
        )
        return judge(self.record, facts)

    def _check(
        self, intensities: tuple[tuple[float, float], ...], leak_bits: int
    ) -> None:
        for (low, high), (least, most) in zip(
            intensities, self.record.intensities, strict=True
        ):
            if not least <= low <= high <= most:
                raise SecurityAbort(
                    AbortCode.INTENSITY_OUTSIDE_INTERVAL,
                    "an intensity reaches beyond what was committed before the block",
                    {"low": low, "high": high, "least": least, "most": most},
                )
        if leak_bits > self.record.leak_cap_bits:
            raise SecurityAbort(
                AbortCode.NO_SECRET_KEY,
                "the messages disclosed more than the claim record allows",
                {
                    "leaked_bits": leak_bits,
                    "leak_cap_bits": self.record.leak_cap_bits,
                },
            )
