"""A party's string as frames of one length, and the public tables they share."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade.half import CascadeHalf, Tables, Workspace
from qkdlab.distill.cascade.schedule import Pace, frame_length, schedule

__all__ = ["CascadeFrames"]


class CascadeFrames:
    """One party's string under Cascade.

    role:          "alice" keeps her string, "bob" corrects his
    bits:          the party's string; a copy is kept until `wipe`
    frame_bits:    length of a frame, about, 65536 at most
    batch_frames:  frames that advance together
    qber_estimate: public estimate of the error rate
    public_seed:   public random bytes, equal on both sides

    All but `bits` is public and must be equal on both sides.
    """

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        frame_bits: int,
        qber_estimate: float,
        public_seed: bytes,
        pace: Pace = "near",
        batch_frames: int = 128,
    ) -> None:
        length = frame_length(len(bits), frame_bits)
        self._n_bits = len(bits)
        self._flips = role == "bob"
        self._batch_frames = batch_frames
        self._schedule = schedule(qber_estimate, length, pace)
        self._tables = Tables.of(self._schedule, public_seed)
        frames = -(-len(bits) // length)
        self._words = np.zeros((frames, length // 64), np.uint64)
        self._words.reshape(-1)[: bits.words.size] = bits.words
        self._errors = np.zeros_like(self._words)
        self._spare: list[Workspace] = []

    @property
    def batches(self) -> int:
        """Number of batches; none for an empty string."""
        return -(-self._words.shape[0] // self._batch_frames)

    def half(self, batch: int) -> CascadeHalf:
        """Return this party's half of a batch; to be `release`d at its end."""
        begin = batch * self._batch_frames
        end = min(begin + self._batch_frames, self._words.shape[0])
        if self._spare and self._spare[-1].frames == end - begin:
            work = self._spare.pop()
        else:
            work = Workspace(self._schedule, end - begin)
        return CascadeHalf(
            self._tables,
            work,
            words=self._words[begin:end],
            errors=self._errors[begin:end],
            n_bits=self._n_bits - begin * self._schedule.length,
            flips=self._flips,
        )

    def release(self, half: CascadeHalf) -> None:
        """Overwrite what a finished half worked with, and keep the room for others."""
        self._spare.append(half.give_back())

    def corrected(self) -> BitArray:
        """Return the party's string; Bob's with all errors flipped that were found."""
        return BitArray.from_words(self._words, self._n_bits)

    def errors(self) -> BitArray:
        """Return a one at each position where an error was found; public knowledge."""
        return BitArray.from_words(self._errors, self._n_bits)

    def wipe(self) -> None:
        """Overwrite the string; halves that are still out are wiped by their owner."""
        self._words.fill(0)

    def __repr__(self) -> str:
        return f"CascadeFrames({self._n_bits} bits, {self.batches} batches)"
