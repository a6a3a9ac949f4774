"""What all phases of a block share: the agreed plan, the ledger, the public report.

Nothing here gives a phase access to secrets of another one; secret buffers are only
listed, so that they can be overwritten when the block ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.link.claimed import Claim
from qkdlab.link.codec import Message, encode
from qkdlab.link.direction import Direction
from qkdlab.link.effects import Send
from qkdlab.link.ledger import LeakLedger
from qkdlab.link.plan import BlockPlan
from qkdlab.randomness import Randomness
from qkdlab.security.assumptions import Assumption

__all__ = ["BlockContext", "overwrite"]

S = TypeVar("S", bound=BitArray | NDArray[Any])


@dataclass
class BlockContext:
    """One party's side of one block.

    plan, session, configuration: agreed in the hello phase
    direction:   in which this party sends
    randomness:  this party's own
    assumptions: what the length rests on, for the report
    claim:       the record that fixes the length's rule, if one was announced
    round_trip_s: to the peer, as measured; for the choice of a method only
    greeted:     the peer has said, authenticated, that it is about to do the same
    pulses:      of the block, counted as they were sent or judged; None before the end,
                 0 where nobody counts
    ledger:      every message sent and received is entered here
    report:      public figures, in the order in which they became known
    """

    plan: BlockPlan
    direction: Direction
    session: bytes
    configuration: bytes
    randomness: Randomness
    assumptions: tuple[Assumption, ...] = ()
    claim: Claim | None = None
    round_trip_s: float = 0.0
    greeted: bool = False
    pulses: int | None = None
    ledger: LeakLedger = field(default_factory=LeakLedger)
    report: dict[str, Any] = field(default_factory=dict)
    _wipers: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def say(self, message: Message, *, end_of_phase: bool = True) -> Send:
        """Encode a message and charge what it discloses: the only way out."""
        encoded = encode(message)
        self.ledger.record(self.direction, message)
        return Send(encoded.data, end_of_phase)

    def public_bits(self, purpose: str, n_bits: int) -> BitArray:
        """Draw fresh bits that will be announced."""
        label = f"block {self.plan.block} {purpose}"
        return self.randomness.public(label, n_bits)

    def guard(self, secret: S) -> S:
        """List a secret buffer for overwriting at the end of the block."""
        self._wipers.append(partial(overwrite, secret))
        return secret

    def at_end(self, wipe: Callable[[], None]) -> None:
        """List what overwrites the buffers of an object of its own."""
        self._wipers.append(wipe)

    def wipe(self) -> None:
        """Overwrite everything that was listed."""
        for wipe in self._wipers:
            wipe()
        self._wipers.clear()


def overwrite(*secrets: BitArray | NDArray[Any]) -> None:
    """Fill buffers with zeros where their memory belongs to us.

    What was sifted, reconciled and hashed is overwritten when it is of no more use, at
    the end of the block at the latest. Not promised: copies that Python or NumPy made
    on the way (bytes for the journal and the key store, temporaries of an expression,
    work arrays of the hashes) are freed without being overwritten, and the system may
    have written any of it to swap or to a core file.
    """
    for secret in secrets:
        if isinstance(secret, BitArray):
            secret.wipe()
            continue
        try:
            secret.flags.writeable = True
        except ValueError:
            continue
        secret.fill(np.zeros((), secret.dtype)[()])
