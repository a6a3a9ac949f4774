"""Cascade between two sans-IO parties: Bob speaks first in each round, Alice answers.

Both halves follow the same public schedule (`qkdlab.distill.cascade`), so both know
after which round all frames are done, and both see which positions were wrong.
"""

from __future__ import annotations

from typing import Literal

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import CascadeHalf
from qkdlab.link.codec import protocol_violation
from qkdlab.link.messages import Parities, ReconciliationEnd

__all__ = ["SEED_BYTES", "Reconciliation"]

SEED_BYTES = 32


class Reconciliation:
    """One party's half, in terms of messages.

    role, bits: the party and its sifted key
    qber:       public estimate of the error rate; it steers efficiency only
    seed:       Alice's public seed, 32 bytes
    """

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        frame_bits: int,
        qber: float,
        seed: bytes,
    ) -> None:
        if len(seed) != SEED_BYTES:
            raise protocol_violation()
        self._half = CascadeHalf(
            role,
            bits,
            frame_bits=frame_bits,
            qber_estimate=qber,
            public_seed=seed,
        )

    @property
    def rounds(self) -> int:
        """Rounds finished."""
        return self._half.rounds

    def next_message(self) -> Parities | ReconciliationEnd:
        """Return my parities of this round, or my end when all frames are done."""
        mine = self._half.next_round()
        return ReconciliationEnd(self.rounds) if mine is None else Parities(mine)

    def answer(self, theirs: Parities) -> Parities:
        """Return my parities of the round that the peer has opened, and take theirs."""
        mine = self.next_message()
        if not isinstance(mine, Parities):
            raise protocol_violation()
        self._half.feed(theirs.bits)
        return mine

    def take(self, theirs: Parities) -> None:
        """Take the peer's answer to my parities."""
        self._half.feed(theirs.bits)

    def check_end(self, theirs: ReconciliationEnd) -> None:
        """Make sure that the peer stopped where the schedule ends."""
        if self.next_message() != theirs:
            raise protocol_violation()

    def final(self) -> tuple[BitArray, BitArray]:
        """Return the party's final string, and a one wherever the two differed."""
        return self._half.corrected(), self._half.errors()

    def wipe(self) -> None:
        """Overwrite the strings that this half holds."""
        self._half.wipe()
