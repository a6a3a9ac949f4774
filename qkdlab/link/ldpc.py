"""LDPC between two sans-IO parties: Alice's parities go out, Bob's flags come back.

A block is two messages when no frame fails, so a slow line costs one round trip. Where
the errors were stays with Bob; he tells how many there were of each intensity, and
these numbers are charged like all that follows from key bits. The key length by Lim et
al. does not use them: they serve the limit on the error rate, and the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from qkdlab.bits.array import BitArray
from qkdlab.distill.ldpc.half import LdpcHalf
from qkdlab.link.codec import Message, protocol_violation
from qkdlab.link.messages import ErrorCounts, Parities
from qkdlab.protocols.bb84 import Triple

__all__ = ["LdpcReconciliation"]


class LdpcReconciliation:
    """One party's side of a string's LDPC reconciliation; a `Reconciliation`.

    count: how many errors there were of each intensity, given where they were; Bob's
    """

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        qber: float,
        seed: bytes,
        count: Callable[[BitArray], Triple],
    ) -> None:
        self._is_bob = role == "bob"
        self._half = LdpcHalf(role, bits, qber_estimate=qber, public_seed=seed)
        self._count = count
        self._everywhere = ~BitArray.zeros(len(bits))
        self._counted: Triple | None = None
        self.rounds = 0

    @property
    def finished(self) -> bool:
        """True when all frames are done and Bob's counts are told."""
        return self._half.finished and self._counted is not None

    def start(self) -> Sequence[Message]:
        """Return Alice's parities, or Bob's counts when there is nothing to do."""
        return self._go_on()

    def take(self, message: Message) -> Sequence[Message]:
        """Take the peer's turn or Bob's counts; return what this party says to it."""
        if isinstance(message, ErrorCounts):
            self._take_counts(message)
            return ()
        if not isinstance(message, Parities) or message.batch != self._half.messages:
            raise protocol_violation()
        self._half.feed(message.bits)
        return self._go_on()

    def final(self) -> tuple[BitArray, Triple]:
        """Return the party's final string, and the errors by intensity."""
        if self._counted is None:
            raise ValueError("the reconciliation is not finished")
        return self._half.corrected(), self._counted

    def wipe(self) -> None:
        """Overwrite all copies of the party's string."""
        self._half.wipe()

    def _go_on(self) -> Sequence[Message]:
        said: list[Message] = []
        if self._half.my_turn:
            turn = self._half.messages
            said.append(Parities(turn, self._half.next_message()))
        self.rounds = -(-self._half.messages // 2)
        if self._is_bob and self._half.finished:
            errors = self._half.errors()
            self._counted = self._count(errors)
            errors.wipe()  # which bits were wrong is his secret
            said.append(ErrorCounts(self._counted))
        return said

    def _take_counts(self, message: ErrorCounts) -> None:
        within = self._count(self._everywhere)
        fits = len(message.errors) == len(within) and all(
            m <= n for m, n in zip(message.errors, within, strict=True)
        )
        if self._is_bob or not self._half.finished or self.finished or not fits:
            raise protocol_violation()
        signal, decoy, vacuum = message.errors
        self._counted = signal, decoy, vacuum
