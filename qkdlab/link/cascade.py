"""Cascade between two sans-IO parties: batches of frames, several of them on the way.

Bob speaks first in each round of a batch, Alice answers. Both halves follow the same
public schedule (`qkdlab.distill.cascade`), so both know after which round a batch is
done, and both see which positions were wrong. Bob opens the first batches at once, so
that Alice need not wait for him long, and with each answer the next one while there is
room, so that a line with delay is kept busy; a batch in work takes about 25 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade import CascadeFrames, CascadeHalf, Pace
from qkdlab.link.codec import Message, protocol_violation
from qkdlab.link.messages import Parities

__all__ = ["BATCH_FRAMES", "FIRST", "IN_FLIGHT", "CascadeReconciliation"]

BATCH_FRAMES = 256
FIRST = 3
"""Batches that Bob opens before he has heard anything."""
IN_FLIGHT: dict[Pace, int] = {"near": 3, "far": 24}
"""Batches in work at a time: as few as keep the line busy."""


class CascadeReconciliation:
    """One party's side of a string's Cascade; a `Reconciliation`."""

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        frame_bits: int,
        qber: float,
        seed: bytes,
        pace: Pace = "near",
        batch_frames: int = BATCH_FRAMES,
    ) -> None:
        self._speaks_first = role == "bob"
        self._frames = CascadeFrames(
            role,
            bits,
            frame_bits=frame_bits,
            qber_estimate=qber,
            public_seed=seed,
            pace=pace,
            batch_frames=batch_frames,
        )
        self._in_flight = IN_FLIGHT[pace]
        self._open: dict[int, CascadeHalf] = {}
        self._next = 0
        self.rounds = 0

    @property
    def finished(self) -> bool:
        """True when all frames of all batches are done."""
        return self._next == self._frames.batches and not self._open

    def start(self) -> Sequence[Message]:
        """Return the first round of the first batches (Bob)."""
        said: list[Message] = []
        while self._speaks_first and self._may_open() and self._next < FIRST:
            said.append(self._first_round())
        return said

    def take(self, message: Message) -> Sequence[Message]:
        """Take the peer's parities; answer them, or go on with what comes next."""
        if not isinstance(message, Parities):
            raise protocol_violation()
        batch = message.batch
        if not self._speaks_first and batch == self._next and self._may_open():
            self._first_round()
        half = self._open.get(batch)
        mine = half.next_round() if half is not None else None
        if half is None or mine is None:
            raise protocol_violation()
        half.feed(message.bits)
        self.rounds += 1
        following = half.next_round()
        if following is None:
            self._frames.release(self._open.pop(batch))
        if not self._speaks_first:
            return (Parities(batch, mine),)
        said = [] if following is None else [Parities(batch, following)]
        if self._may_open():
            said.append(self._first_round())
        return said

    def final(self) -> tuple[BitArray, BitArray]:
        """Return the party's final string, and a one wherever the two differed."""
        return self._frames.corrected(), self._frames.errors()

    def wipe(self) -> None:
        """Overwrite the string and all copies of its bits."""
        for half in self._open.values():
            self._frames.release(half)
        self._open.clear()
        self._frames.wipe()

    def _may_open(self) -> bool:
        return self._next < self._frames.batches and len(self._open) < self._in_flight

    def _first_round(self) -> Parities:
        half = self._frames.half(self._next)
        mine = half.next_round()
        if mine is None:
            raise AssertionError("every batch asks something")
        self._open[self._next] = half
        self._next += 1
        return Parities(self._next - 1, mine)
