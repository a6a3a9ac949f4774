"""Reconciliation between two sans-IO parties, whatever the method.

A plan names its method. Alice announces a public seed; then both parties start, and
what they say is passed between them until both have finished. Bob ends: his end of the
phase and hers carry the closing tags. Bob's string becomes Alice's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, Protocol

from qkdlab.bits.array import BitArray
from qkdlab.link.cascade import CascadeReconciliation
from qkdlab.link.codec import Message, protocol_violation

__all__ = ["METHODS", "SEED_BYTES", "Reconciliation", "reconciliation"]

SEED_BYTES = 32


class Reconciliation(Protocol):
    """One party's side of one string's reconciliation, in terms of messages.

    All messages that it gives are interactive, and every secret-derived bit of them is
    typed so; they raise SecurityAbort(PROTOCOL_VIOLATION) for what does not belong.
    """

    rounds: int
    """Rounds finished: equal on both sides at the end, which Bob's end tells."""

    @property
    def finished(self) -> bool:
        """True when this party has nothing more to say and awaits nothing."""
        ...

    def start(self) -> Sequence[Message]:
        """Return what this party says first; may be nothing."""
        ...

    def take(self, message: Message) -> Sequence[Message]:
        """Take a message of the peer; return what this party says to it."""
        ...

    def final(self) -> tuple[BitArray, BitArray]:
        """Return the party's final string, and a one wherever the two differed."""
        ...

    def wipe(self) -> None:
        """Overwrite all copies of the party's string."""
        ...


Method = Callable[..., Reconciliation]

METHODS: Mapping[str, Method] = {
    "cascade": partial(CascadeReconciliation, pace="near"),
    "cascade-far": partial(CascadeReconciliation, pace="far"),
}
"""Methods by the name that a plan gives."""


def reconciliation(
    method: str,
    role: Literal["alice", "bob"],
    bits: BitArray,
    *,
    frame_bits: int,
    qber: float,
    seed: bytes,
) -> Reconciliation:
    """Return one party's side of a method.

    method:     one of METHODS
    role, bits: the party and its sifted key
    frame_bits: length of a frame
    qber:       public estimate of the error rate; it steers efficiency only
    seed:       Alice's public seed, 32 bytes
    """
    if len(seed) != SEED_BYTES:
        raise protocol_violation()
    return METHODS[method](role, bits, frame_bits=frame_bits, qber=qber, seed=seed)
