"""Cascade as two symmetric halves that advance in lock-step.

Both parties run the same public schedule; the only data that pass between them are
parities. In each round both send one bit vector, my parities of a list of ranges that
both derive from what is public, and both learn from the difference of the two vectors
which ranges hold an odd number of errors. Positions are never sent: both follow them.

The schedule, exact enough to write another party from:

* The string is cut into frames of `frame_bits`; the last may be shorter. All frames
  advance together; the questions of a round are those of frame 0, then frame 1, ...
* Pass p of a frame of L bits looks at the frame in a public order, the same for all
  frames of that length (`public_order`), in blocks of ``min(block_sizes[p],
  ceil(L / 2))`` places; the last may be shorter.
* Opening a pass asks the parity of every block in order; from pass 1 on not of the last
  block, whose difference follows because the whole frame is then even.
* In each opened pass the places are cut into *known intervals*, at first the blocks.
  When no interval is under bisection, a frame takes the lowest pass with odd intervals
  and bisects all of them, in order of place (at most as many as pass 0 has blocks in a
  full frame); if there are none, it opens the next pass; after the last it is done.
* Bisecting ``[a, b)`` asks the parity of ``[a, (a + b) // 2)``; both halves become
  known intervals, the odd one goes on. An odd interval of one place is an error: Bob
  flips the bit, and the interval that holds it changes parity in every opened pass.
  Such places are taken before the next questions of the frame, in order of place.
* Parities are those of the current strings: Alice's never changes.

Bisecting known intervals instead of whole blocks re-uses every parity asked before
(sub-block reuse; Martinez-Mateo et al., arXiv:1407.3257 [mem]).
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort

__all__ = ["CascadeHalf", "block_sizes", "positions_by", "public_order"]


def block_sizes(qber_estimate: float, frame_bits: int) -> tuple[int, ...]:
    """Return the block size of each pass in a full frame.

    qber_estimate: public estimate e of the error rate; it steers efficiency only and
                   is cut to [1e-4, 0.25]
    frame_bits:    length of a full frame

    k1 = floor(0.73 / e + 1/2), 6 k1, max(4096, 6 k1), then sixteen times half the
    frame, none above half the frame. Chosen by trial: one-way f 1.04 to 1.06 from 1 %
    to 5 %, at most about 400 rounds for 120 frames of 65536 bits; one half-frame pass
    leaves 1 % of the frames wrong, each further one halves that [run].
    """
    half = -(-frame_bits // 2)
    first = int(0.73 / min(max(qber_estimate, 1e-4), 0.25) + 0.5)
    sizes = [first, 6 * first, max(4096, 6 * first)] + [half] * 16
    return tuple(min(size, half) for size in sizes)


def public_order(seed: bytes, pass_index: int, length: int) -> NDArray[np.int32]:
    """Return the order in which a pass reads a frame: place -> position.

    The ChaCha20 key stream (16 zero bytes of counter and nonce) under the key
    SHA-256("qkdlab/cascade/1" || seed || pass_index || length), both numbers as
    little-endian u32, gives one little-endian u64 per position; the order sorts the
    positions by these numbers, equal ones by position.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    label = pass_index.to_bytes(4, "little") + length.to_bytes(4, "little")
    key = hashlib.sha256(b"qkdlab/cascade/1" + seed + label).digest()
    stream = Cipher(algorithms.ChaCha20(key, b"\0" * 16), None).encryptor()
    numbers = np.frombuffer(stream.update(b"\0" * (8 * length)), dtype="<u8")
    return positions_by(numbers)


def positions_by(numbers: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the positions in the order of their numbers, equal ones by position.

    Numbers that carry their positions in their low bits sort many times faster; that
    is the same order unless two numbers agree in all higher bits.
    """
    low = np.uint64((1 << max(1, (numbers.size - 1).bit_length())) - 1)
    carried = np.sort(numbers & ~low | np.arange(numbers.size, dtype=np.uint64))
    high = carried & ~low
    if np.any(high[1:] == high[:-1]):
        return np.argsort(numbers, kind="stable").astype(np.int32)
    return (carried & low).astype(np.int32)


class CascadeHalf:
    """One party's half of Cascade.

    Use: ``while (mine := half.next_round()) is not None: half.feed(exchange(mine))``,
    then `corrected`. Both halves return None in the same round.

    role:          "alice" keeps her string, "bob" corrects his
    bits:          the party's string
    frame_bits:    length of a frame
    qber_estimate: public estimate of the error rate
    public_seed:   public random bytes, equal on both sides

    All but `bits` is public and must be equal on both sides. Every bit of every vector
    in either direction is secret-derived and charged by the caller. Raises
    SecurityAbort when the peer's parities are no possible ones.
    """

    def __init__(
        self,
        role: Literal["alice", "bob"],
        bits: BitArray,
        *,
        frame_bits: int,
        qber_estimate: float,
        public_seed: bytes,
    ) -> None:
        if frame_bits < 1:
            raise ValueError("a Cascade frame wants at least one bit")
        from qkdlab.distill._kernels import CascadeState

        sizes = block_sizes(qber_estimate, frame_bits)
        frames = -(-len(bits) // frame_bits)
        rest = len(bits) % frame_bits
        order = np.zeros((2, len(sizes), frame_bits), np.int32)
        place = np.zeros_like(order)
        block = np.ones((2, len(sizes)), np.int32)
        first_half = np.zeros((2, len(sizes), -(-frame_bits // 64)), np.uint64)
        for c, length in enumerate((frame_bits, rest)):
            if length == 0 or length > len(bits):
                continue
            for p, size in enumerate(sizes):
                row = public_order(public_seed, p, length)
                order[c, p, :length] = row
                place[c, p, row] = np.arange(length, dtype=np.int32)
                block[c, p] = min(size, -(-length // 2))
                ones = np.zeros(64 * first_half.shape[2], np.uint8)
                ones[row[: block[c, p]]] = 1
                first_half[c, p] = np.packbits(ones, bitorder="little").view("<u8")
        shape = (frames, len(sizes), -(-frame_bits // 64))
        capacity = -(-frame_bits // min(sizes[0], -(-frame_bits // 2)))
        self._state = CascadeState(
            words=bits.words.copy(),
            errors=np.zeros_like(bits.words),
            flips=role == "bob",
            frame_bits=frame_bits,
            n_bits=len(bits),
            order=order,
            place=place,
            block=block,
            copies=np.zeros(shape, np.uint64),
            copied=np.zeros(shape[:2], np.bool_),
            first_half=first_half,
            starts=np.zeros(shape, np.uint64),
            odd=np.zeros(shape, np.uint64),
            n_odd=np.zeros(shape[:2], np.int32),
            opened=np.zeros(frames, np.int32),
            stage=np.zeros(frames, np.int32),
            active_pass=np.zeros(frames, np.int32),
            n_active=np.zeros(frames, np.int32),
            low=np.empty((frames, capacity), np.int32),
            high=np.empty((frames, capacity), np.int32),
        )
        self._buffer_words = -(-frames * capacity // 64)
        self._mine: BitArray | None = None
        self._done = False
        self.rounds = 0
        """Rounds finished."""
        self.parities = 0
        """Parities that each side has sent."""

    def next_round(self) -> BitArray | None:
        """Return my parities of this round, or None when all frames are done."""
        from qkdlab.distill._kernels import ask

        if self._mine is None and not self._done:
            out = np.zeros(self._buffer_words, np.uint64)
            count = ask(self._state, out)
            if count < 0:
                raise SecurityAbort(
                    AbortCode.PROTOCOL_VIOLATION, "the peer's parities are impossible"
                )
            self._done = count == 0
            self._mine = BitArray.from_words(out, count) if count else None
        return self._mine

    def feed(self, other: BitArray) -> None:
        """Take the peer's parities of the round that `next_round` gave."""
        from qkdlab.distill._kernels import tell

        if self._mine is None or len(other) != len(self._mine):
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION, "the peer's parities do not fit the round"
            )
        self.rounds += 1
        self.parities += len(other)
        tell(self._state, (self._mine ^ other).words)
        self._mine = None

    @property
    def finished(self) -> bool:
        """True once `next_round` has returned None."""
        return self._done

    def corrected(self) -> BitArray:
        """Return the party's string; Bob's with all found errors flipped.

        Raises ValueError before the end.
        """
        if not self._done:
            raise ValueError("Cascade is not finished")
        return BitArray.from_words(self._state.words, self._state.n_bits)

    def errors(self) -> BitArray:
        """Return a one at each position where an error was found; public knowledge."""
        return BitArray.from_words(self._state.errors, self._state.n_bits)

    def wipe(self) -> None:
        """Overwrite the party's string and all its copies; the half is spent then."""
        self._state.words.fill(0)
        self._state.copies.fill(0)

    def __repr__(self) -> str:
        return f"CascadeHalf({self._state.n_bits} bits, {self.rounds} rounds)"
