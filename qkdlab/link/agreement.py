"""What both parties work out alike: greeting, counts, decisions, the final key."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Literal

from qkdlab.bits.array import BitArray
from qkdlab.distill.toeplitz import toeplitz_hash
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.claimed import Claim, Length
from qkdlab.link.codec import protocol_violation
from qkdlab.link.context import BlockContext
from qkdlab.link.direction import Direction
from qkdlab.link.effects import KeyBlock
from qkdlab.link.estimate import (
    Intensities,
    block_counts,
    check_counts,
    check_plan,
    check_size,
    secret_length,
    triple,
)
from qkdlab.link.figures import (
    report_counts,
    report_errors,
    report_key,
    report_leak,
    report_method,
    report_plan,
)
from qkdlab.link.messages import (
    PROTOCOL_VERSION,
    BobTestBits,
    Hello,
    ReconciliationStart,
)
from qkdlab.link.method import check_method, choose_method
from qkdlab.link.plan import BlockPlan
from qkdlab.link.reconciliation import Reconciliation, reconciliation
from qkdlab.protocols.bb84 import Bb84Counts, Sifted, Triple
from qkdlab.protocols.planes import Planes
from qkdlab.protocols.symbols import N_INTENSITIES
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import Assumption

__all__ = [
    "Corrected",
    "Tested",
    "amplify",
    "check_hello",
    "hello",
    "key_id",
    "open_block",
]


def open_block(
    plan: BlockPlan,
    direction: Direction,
    session: bytes,
    configuration: bytes,
    randomness: Randomness,
    assumptions: tuple[Assumption, ...],
    claim: Claim | None = None,
    *,
    round_trip_s: float = 0.0,
) -> BlockContext:
    """Return the context of a block that a party is about to begin.

    direction: of this party's messages
    claim:     which the plan's theorem wants, or None
    round_trip_s: to the peer; Alice's choice of a method follows it

    Raises UsageError when the plan can give no sound key.
    """
    check_plan(plan, claimed=claim is not None)
    if claim is not None:
        configuration = claim.bound_to(configuration)
    context = BlockContext(
        plan,
        direction,
        session,
        configuration,
        randomness,
        assumptions,
        claim,
        round_trip_s,
    )
    report_plan(context)
    return context


def hello(context: BlockContext) -> Hello:
    """Return what this party is about to do."""
    return Hello(PROTOCOL_VERSION, context.session, context.configuration, context.plan)


def check_hello(context: BlockContext, theirs: Hello) -> None:
    """Raise SecurityAbort(PEER_CONFIGURATION) unless both are about to do the same."""
    mine = hello(context)
    differs = [
        name
        for name in ("protocol_version", "session", "configuration")
        if getattr(mine, name) != getattr(theirs, name)
    ]
    differs.extend(mine.plan.differences(theirs.plan))
    if differs:
        raise SecurityAbort(
            AbortCode.PEER_CONFIGURATION,
            "the parties are set up differently",
            {"differs": ", ".join(differs)},
        )
    context.greeted = True


@dataclass(frozen=True, repr=False)
class Tested:
    """What both parties know once the test bits are exchanged.

    key_settings: of the key slots
    """

    context: BlockContext
    counts: Bb84Counts
    intensities: Intensities
    key_settings: Planes

    @classmethod
    def observe(
        cls,
        context: BlockContext,
        settings: Planes,
        sifted: Sifted,
        intensities: Intensities,
        alice: BitArray,
        bob: BobTestBits,
    ) -> Tested:
        """Count what the test slots and the announcements show.

        settings: of all accepted slots
        alice:    her bits of the test slots

        Raises SecurityAbort(PROTOCOL_VIOLATION) when Bob's figures do not fit.
        """
        if not len(bob.bits) == len(alice) == sifted.test.count():
            raise protocol_violation()
        if not len(bob.double_key) == len(bob.double_test) == N_INTENSITIES:
            raise protocol_violation()
        counts = block_counts(
            context.plan,
            settings,
            sifted,
            alice ^ bob.bits,
            double_key=triple(bob.double_key),
            double_test=triple(bob.double_test),
        )
        doubles = (*counts.double_key, *counts.double_test)
        within = (*counts.n_key, *counts.n_test)
        if any(d > n for d, n in zip(doubles, within, strict=True)) or (
            sum(doubles) > context.report["double_clicks"]
        ):
            raise protocol_violation()
        report_counts(context, counts, intensities)
        return cls(context, counts, intensities, settings.sift(sifted.key))

    def admit(self) -> None:
        """Raise SecurityAbort when the counts forbid a key, or allow none at all."""
        check_counts(self.context.plan, self.counts)
        check_size(self.context.plan, sum(self.counts.n_key))
        length_of(self.context, self.counts, self.intensities, leak_bits=0)

    def method(self) -> str:
        """Return the plan's method of reconciliation, or the one to choose."""
        return choose_method(
            self.context.plan.reconciliation,
            round_trip_s=self.context.round_trip_s,
            n_bits=len(self.key_settings),
        )

    def reconcile(
        self,
        role: Literal["alice", "bob"],
        key_bits: BitArray,
        start: ReconciliationStart,
    ) -> Reconciliation:
        """Return this party's half of the reconciliation, overwritten at the end.

        Raises SecurityAbort(PROTOCOL_VIOLATION) for a method that was not planned.
        """
        check_method(self.context.plan.reconciliation, start.method)
        report_method(self.context, start.method)
        half = reconciliation(
            start.method,
            role,
            key_bits,
            frame_bits=self.context.plan.frame_bits,
            qber=self.counts.expected_qber,
            seed=start.seed,
            count=self._by_intensity,
        )
        self.context.at_end(half.wipe)
        return half

    def reconciled(self, half: Reconciliation) -> tuple[BitArray, Corrected]:
        """Return this party's final string, and what both know by now."""
        bits, errors = half.final()
        self.context.guard(bits)
        return bits, self._corrected(errors, half.rounds)

    def _by_intensity(self, errors: BitArray) -> Triple:
        return self.key_settings.count(errors)

    def _corrected(self, errors: BitArray | Triple, rounds: int) -> Corrected:
        """Take the errors of the key slots that reconciliation found."""
        found = errors
        if isinstance(found, BitArray):
            found = self._by_intensity(found)
        counts = replace(self.counts, m_key=found)
        report_errors(self.context, counts, rounds)
        return Corrected(self.context, counts, self.intensities)


@dataclass(frozen=True, repr=False)
class Corrected:
    """What both parties know once both strings are final."""

    context: BlockContext
    counts: Bb84Counts
    intensities: Intensities

    def length(self, equal: bool) -> Length:
        """Return the length of the key after all that leaked; or raise SecurityAbort.

        To be asked when both ledgers are complete: after the verification's answer,
        which is `equal`.
        """
        if not equal:
            raise SecurityAbort(
                AbortCode.VERIFICATION_FAILED, "the corrected strings differ"
            )
        report_leak(self.context)
        check_counts(self.context.plan, self.counts)
        leak_bits = self.context.ledger.leak_bits
        length = length_of(self.context, self.counts, self.intensities, leak_bits)
        report_key(self.context, self.counts, length, key_id(self.context))
        return length


def length_of(
    context: BlockContext, counts: Bb84Counts, intensities: Intensities, leak_bits: int
) -> Length:
    """Return the key length by the plan's formula, or by the record that binds it.

    Raises SecurityAbort as `secret_length` and `Claim.length`.
    """
    if context.claim is None:
        return secret_length(context.plan, counts, intensities, leak_bits)
    return context.claim.length(counts, tuple(intensities), leak_bits)


def key_id(context: BlockContext) -> str:
    """Return the id of the block's key: a hash of session and block number."""
    material = context.session + context.plan.block.to_bytes(8, "little")
    digest = hashlib.sha256(b"qkdlab/key-id/1" + material).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def amplify(
    context: BlockContext, bits: BitArray, seed: BitArray, length: int
) -> KeyBlock:
    """Return the block's key from the final string and the public seed."""
    return KeyBlock(
        key_id=key_id(context),
        block=context.plan.block,
        bits=toeplitz_hash(bits, seed, length),
        key_class=context.plan.key_class,
    )
