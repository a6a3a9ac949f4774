"""LDPC reconciliation as two halves that take turns: Alice tells, Bob decodes.

The turns, exact enough to write another party from; everything else is in `plan`:

1. Alice sends the parities of the told checks of her string, frame after frame, in the
   order of the checks.
2. Bob decodes and sends one flag per frame, 1 where he failed. If none is 1, both are
   done.
3. Alice sends, frame after failed frame, her values of the next ``ceil(p /
   BLIND_ROUNDS)`` punctured bits. Bob decodes these frames again and answers as in 2,
   one flag for each.
4. Frames that fail with all punctured bits told are sent in clear by Alice, key bit by
   key bit, frame after frame; both are done.

Blind reconciliation: Martinez-Mateo et al., Quantum Inf. Comput. 12, 791 (2012) [mem].
Every bit of every message, in both directions, is secret-derived and charged by the
caller: parities, flags, punctured values, frames in clear.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.distill.ldpc.decoder import Decoder
from qkdlab.distill.ldpc.lanes import (
    Lanes,
    add_to_string,
    chosen_frames,
    from_string,
    packed,
    unpacked,
)
from qkdlab.distill.ldpc.plan import FramePlan, plan_frames
from qkdlab.distill.ldpc.rule import llr_of
from qkdlab.errors import AbortCode, SecurityAbort

__all__ = ["BLIND_ROUNDS", "LdpcHalf"]

BLIND_ROUNDS = 3
CERTAIN = 1000
"""Scaled log-likelihood ratio of a bit that is known."""

Stage = Literal["parities", "flags", "values", "clear", "done"]


class LdpcHalf:
    """One party's half.

    Use: while not `finished`: when it is `my_turn` send `next_message()`, else `feed`
    what the peer sent; then `corrected`. Alice begins; with nothing to reconcile both
    are finished at once.

    role:          "alice" keeps her string, "bob" corrects his
    bits:          the party's string
    qber_estimate: public estimate of the error rate
    public_seed:   public random bytes, equal on both sides

    All but `bits` is public and must be equal on both sides. Which bits were wrong
    stays with Bob. Raises SecurityAbort when a message has not the one length that it
    can have.
    """

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        qber_estimate: float,
        public_seed: bytes,
    ) -> None:
        self._is_alice = role == "alice"
        self._own = bits
        self._stage: Stage = "parities"
        self.messages = 0
        """Messages of both parties so far."""
        self.disclosed_frames = 0
        """Frames sent in clear."""
        self.iterations = np.zeros(0, np.int32)
        """Passes of Bob's first decoding, -1 where it failed, by frame."""
        if len(bits) == 0:
            self._stage = "done"
            return
        self.plan: FramePlan = plan_frames(len(bits), qber_estimate, public_seed)
        self._decoder = Decoder(self.plan.code)
        self._words = np.zeros(self._n_words, np.uint64)
        self._words[: bits.words.size] = bits.words
        self._errors = np.zeros(self._n_words, np.uint64)
        self._open = np.arange(self.plan.n_frames)
        self._lanes = self._laid_out()
        self._parities = np.zeros((0, 0), np.uint32)
        self._failed = np.zeros(0, np.bool_)
        self._told = 0

    @property
    def finished(self) -> bool:
        """True when nothing more is to be said."""
        return self._stage == "done"

    @property
    def my_turn(self) -> bool:
        """Whether this party speaks next."""
        return not self.finished and self._is_alice == (self._stage != "flags")

    def next_message(self) -> BitArray:
        """Return what this party says; ValueError when it is not its turn."""
        if not self.my_turn:
            raise ValueError("it is the peer's turn")
        if self._stage == "parities":
            told = self._decoder.syndromes(self._lanes)[:, self.plan.told_checks]
            message = packed(told, self.plan.n_frames)
        elif self._stage == "flags":
            message = BitArray.from_bools(self._failed)
        elif self._stage == "values":
            message = packed(self._lanes[:, self._next_values()], self._open.size)
        else:
            message = BitArray.concatenate(map(self._frame, self._open.tolist()))
        self._advance(message)
        return message

    def feed(self, message: BitArray) -> None:
        """Take what the peer said."""
        if self.finished or self.my_turn or len(message) != self._message_bits():
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION, "the peer's parities do not fit the turn"
            )
        if self._stage == "parities":
            checks = self.plan.told_checks
            shape = self._lanes.shape[0], self.plan.code.n_checks
            self._parities = np.zeros(shape, np.uint32)
            told = unpacked(message, self.plan.n_frames, checks.size)
            self._parities[:, checks] = told
            self.iterations = self._decode(0)
        elif self._stage == "values":
            positions = self._next_values()
            told = unpacked(message, self._open.size, positions.size)
            self._lanes[:, positions] = told
            self._decode(self._told + positions.size)
        elif self._stage == "clear":
            self._take_clear(message)
        self._advance(message)

    def corrected(self) -> BitArray:
        """Return the party's string; Bob's with all found errors flipped.

        Raises ValueError before the end.
        """
        if self._is_alice:
            return self._own
        errors = self.errors()
        found = self._own ^ errors
        errors.wipe()
        return found

    def errors(self) -> BitArray:
        """Return a one at each position that Bob found wrong: his secret.

        Raises ValueError before the end, and for Alice, who never knows.
        """
        if not self.finished or self._is_alice:
            raise ValueError("only Bob knows the errors, and at the end")
        if len(self._own) == 0:
            return BitArray.zeros(0)
        return BitArray.from_words(self._errors, len(self._own))

    def wipe(self) -> None:
        """Overwrite what this half holds of its string; the half is spent then."""
        self._stage = "done"
        if len(self._own):
            for held in (self._words, self._errors, self._lanes, self._parities):
                held.fill(0)
            # how many passes a frame took follows from its errors
            self.iterations.fill(0)

    @property
    def _n_words(self) -> int:
        return self.plan.n_frames * self.plan.n_key // 64 + 2

    def _starts(self) -> NDArray[np.int64]:
        return self._open.astype(np.int64) * self.plan.n_key

    def _laid_out(self) -> Lanes:
        """Return the own frames on the code, punctured bits as their checks say."""
        plan = self.plan
        key = from_string(self._words, self._starts(), plan.n_key)
        lanes = np.zeros((key.shape[0], plan.code.n_bits), np.uint32)
        lanes[:, plan.key] = key
        parities = self._decoder.syndromes(lanes)
        values = parities[:, plan.own_checks]
        lanes[:, plan.punctured] = values
        for copy in (key, parities, values):
            copy.fill(0)
        return lanes

    def _next_values(self) -> NDArray[np.int32]:
        punctured = self.plan.punctured
        return punctured[self._told :][: -(-punctured.size // BLIND_ROUNDS)]

    def _message_bits(self) -> int:
        if self._stage == "parities":
            return self.plan.n_frames * self.plan.told_checks.size
        if self._stage == "flags":
            return int(self._open.size)
        if self._stage == "values":
            return int(self._open.size * self._next_values().size)
        return sum(map(self.plan.key_bits_of, self._open.tolist()))

    def _advance(self, message: BitArray) -> None:
        self.messages += 1
        if self._stage == "clear":
            self.disclosed_frames = int(self._open.size)
            self._stage = "done"
        elif self._stage == "flags":
            self._stage = self._after_flags(message.to_bools().astype(bool))
        else:
            if self._stage == "values":
                self._told += self._next_values().size
            self._stage = "flags"

    def _after_flags(self, failed: NDArray[np.bool_]) -> Stage:
        if not failed.any():
            return "done"
        places = np.flatnonzero(failed)
        self._open = self._open[places]
        former, self._lanes = self._lanes, chosen_frames(self._lanes, places)
        former.fill(0)
        if not self._is_alice:
            self._parities = chosen_frames(self._parities, places)
        return "values" if self._told < self.plan.punctured.size else "clear"

    def _decode(self, n_told: int) -> NDArray[np.int32]:
        """Decode the open frames, so many punctured bits being known."""
        plan = self.plan
        channel = np.full(plan.code.n_bits, llr_of(plan.qber), np.int16)
        channel[plan.shortened] = CERTAIN
        channel[plan.punctured] = 0
        channel[plan.punctured[:n_told]] = CERTAIN
        difference = self._decoder.syndromes(self._lanes)
        difference ^= self._parities
        found = self._decoder.decode(difference, channel, int(self._open.size))
        errors = found.errors[:, plan.key]
        add_to_string(errors, self._starts(), self._errors)
        for copy in (difference, errors, found.errors):
            copy.fill(0)
        self._failed = found.iterations < 0
        return found.iterations

    def _frame(self, frame: int) -> BitArray:
        start = frame * self.plan.n_key
        return self._own[start : start + self.plan.key_bits_of(frame)]

    def _take_clear(self, message: BitArray) -> None:
        at = 0
        for frame in self._open.tolist():
            mine = self._frame(frame)
            wrong = mine ^ message[at : at + len(mine)]
            words = np.concatenate([wrong.words, np.zeros(2, np.uint64)])
            start = np.array([frame * self.plan.n_key])
            lanes = from_string(words, np.zeros(1, np.int64), len(mine))
            add_to_string(lanes, start, self._errors)
            at += len(mine)
            mine.wipe()
            wrong.wipe()
            for copy in (words, lanes):
                copy.fill(0)

    def __repr__(self) -> str:
        return f"LdpcHalf({len(self._own)} bits, {self._stage})"
