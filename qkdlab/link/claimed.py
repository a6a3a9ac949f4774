"""A block whose length follows a claim record that was fixed before its first pulse.

Both parties hold the same record: its digest enters the configuration that their
greeting compares. What happened is compared with it at the end, and whatever stands
against a claim is named beside the length (theory-claims section 9).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from qkdlab.errors import AbortCode, SecurityAbort, UsageError
from qkdlab.link.direction import Direction
from qkdlab.protocols.bb84 import Bb84Counts
from qkdlab.security.claim import ClaimRecord, RunFacts, Verdict, judge
from qkdlab.security.lim2014 import Lim2014Length
from qkdlab.security.over_intensities import Least

__all__ = ["Claim", "Length", "Seen"]

Length: TypeAlias = Lim2014Length | Least
"""What either kind of formula answers."""


_A, _B = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
_ONE_ORDER = [
    ("detections", _B),
    ("settings", _A),
    ("test", _B),
    ("reconcile", _A),
    ("verify", _A),
]
"""Phases after the greeting, with who begins each."""
_ANNOUNCED, _LIGHT = "announced", "light"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a party has seen of a block by the time of its verdict.

    greeted:   the peer's authenticated greeting, which the record's digest is part of,
               was that of this party
    pulses:    of the block, as counted at this end; None before its end, 0 where
               nobody counts
    leak_bits: charged, without verification
    phases:    of all messages in their order, with who began each
    """

    greeted: bool
    pulses: int | None
    leak_bits: int
    phases: list[tuple[str, Direction]]

    @property
    def one_order(self) -> bool:
        """Whether nothing was said before its turn, and nothing after it."""
        heads = [phase for phase, _ in self.phases[:1]]
        return heads == ["hello"] and self.phases[1:] == _ONE_ORDER


@dataclass
class Claim:
    """The record of a block, and what is known of the run before it.

    facts: how the run was set up; what happens in it is left open
    advice: what to do when a block discloses more than the record allows
    order: what this party saw of announcement and light, in turn
    """

    record: ClaimRecord
    facts: RunFacts
    advice: str = "calibrate again, or commit to a higher cap"
    order: list[str] = field(default_factory=list)

    def announced(self) -> None:
        """Note that the record's digest was said, and is that of both."""
        self.order.append(_ANNOUNCED)

    def light_begins(self) -> None:
        """Note that from now on pulses of the block may leave."""
        self.order.append(_LIGHT)

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

    def verdict(self, seen: Seen, counts: Bb84Counts) -> Verdict:
        """Return what the length may be called, all of the block being known."""
        facts = replace(
            self.facts,
            announced_digest=self.record.digest() if seen.greeted else None,
            announced_in_time=self.order == [_ANNOUNCED, _LIGHT],
            pulses=seen.pulses,
            leak_bits=seen.leak_bits,
            one_order=seen.one_order,
            observed=counts.exact(),
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
                "the messages disclosed more than the claim record allows: errors have "
                f"grown since calibration, or its cap is too low; {self.advice}",
                {
                    "leaked_bits": leak_bits,
                    "leak_cap_bits": self.record.leak_cap_bits,
                },
            )
