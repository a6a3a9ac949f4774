"""Reconciliation between two sans-IO parties, whatever the method.

A plan names its method. Alice announces a public seed; then both parties start, and
what they say is passed between them until both have finished. Bob ends: his end of the
phase and hers carry the closing tags. Bob's string becomes Alice's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import Pace
from qkdlab.link.cascade import CascadeReconciliation
from qkdlab.link.codec import Message, protocol_violation
from qkdlab.link.ldpc import LdpcReconciliation
from qkdlab.protocols.bb84 import Triple

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

    def final(self) -> tuple[BitArray, BitArray | Triple]:
        """Return the party's final string, and where the two differed.

        That is a one at each such position, or how many there were of each intensity
        where only Bob knows the positions.
        """
        ...

    def wipe(self) -> None:
        """Overwrite all copies of the party's string."""
        ...


_PACES: Mapping[str, Pace] = {"cascade": "near", "cascade-far": "far"}
_LDPC = "ldpc"
METHODS = frozenset({*_PACES, _LDPC})
"""Names of the methods, as a plan gives them."""


def reconciliation(
    method: str,
    role: Literal["alice", "bob"],
    bits: BitArray,
    *,
    frame_bits: int,
    qber: float,
    seed: bytes,
    count: Callable[[BitArray], Triple],
) -> Reconciliation:
    """Return one party's side of a method.

    method:     one of METHODS
    role, bits: the party and its sifted key
    frame_bits: length of a Cascade frame; LDPC takes frames that fit its codes
    qber:       public estimate of the error rate; it steers efficiency only
    seed:       Alice's public seed, 32 bytes
    count:      errors of each intensity, given a one at each position of an error
    """
    if len(seed) != SEED_BYTES:
        raise protocol_violation()
    if method == _LDPC:
        return LdpcReconciliation(role, bits, qber=qber, seed=seed, count=count)
    return CascadeReconciliation(
        role, bits, frame_bits=frame_bits, qber=qber, seed=seed, pace=_PACES[method]
    )
