"""One party's half of Cascade for one batch of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.distill.cascade.schedule import Schedule, public_order, public_subsets
from qkdlab.distill.cascade.state import CascadeState
from qkdlab.errors import AbortCode, SecurityAbort

__all__ = ["CascadeHalf", "Tables", "Workspace"]

_FIELDS = 3
"""Words that a row holds for 64 places; see `places`."""


@dataclass(frozen=True)
class Tables:
    """The public tables of a schedule.

    order, place: uint16[pass, L], place -> position and back
    subsets:      uint64[check, L / 64]
    """

    schedule: Schedule
    order: NDArray[np.uint16]
    place: NDArray[np.uint16]
    subsets: NDArray[np.uint64]

    @classmethod
    def of(cls, schedule: Schedule, public_seed: bytes) -> Tables:
        """Return the tables that follow from the public seed."""
        length = schedule.length
        orders = [
            public_order(public_seed, p, length)
            for p in range(len(schedule.block_sizes))
        ]
        order = np.array(orders, np.uint16)
        place = np.empty_like(order)
        for p, row in enumerate(orders):
            place[p, row] = np.arange(length, dtype=np.uint16)
        subsets = public_subsets(public_seed, schedule.checks, length)
        return cls(schedule, order, place, subsets)


class Workspace:
    """What a half works with; overwritten and used again for the next batch."""

    def __init__(self, schedule: Schedule, frames: int) -> None:
        passes, words = len(schedule.block_sizes), schedule.length // 64
        room = schedule.room
        self._ends = slice(1, None, _FIELDS * words)
        self.frames = frames
        self.rows = np.zeros((frames, _FIELDS * (passes * words + 1)), np.uint64)
        self.copied = np.zeros((passes, -(-frames // 64)), np.uint8)
        self.numbers = np.zeros((3, frames), np.int32)
        self.flags = np.zeros((4, frames), np.uint8)
        self.check = np.zeros(frames, np.uint64)
        self.list = np.zeros((2, frames, room + 1), np.int32)
        self.halvings = np.ones(1, np.int64)
        self.found = np.zeros(schedule.most_pieces * room + 1, np.int32)
        self.mixed = np.zeros(schedule.length, np.uint64)
        questions = frames * (max(room, schedule.checks) + schedule.more_pieces)
        self.out = np.zeros(-(-questions // 64), np.uint64)
        self.rows[:, self._ends] = 1

    def clear(self) -> None:
        """Overwrite all of it."""
        for array in (self.rows, self.copied, self.numbers, self.flags, self.check):
            array.fill(0)
        self.mixed.fill(0)
        self.out.fill(0)
        self.rows[:, self._ends] = 1


class CascadeHalf:
    """One party's half of one batch.

    Use: ``while (mine := half.next_round()) is not None: half.feed(exchange(mine))``.
    Both halves return None in the same round. Errors that are found go to the frames
    that the half came from (`CascadeFrames.half`).

    Every bit of every vector in either direction is secret-derived and charged by the
    caller. Raises SecurityAbort when the peer's parities are no possible ones.
    """

    def __init__(
        self,
        tables: Tables,
        work: Workspace,
        *,
        words: NDArray[np.uint64],
        errors: NDArray[np.uint64],
        n_bits: int,
        flips: bool,
    ) -> None:
        self._work = work
        self._state = CascadeState(
            words=words,
            errors=errors,
            n_bits=n_bits,
            flips=flips,
            few=tables.schedule.few,
            crowd=np.array(tables.schedule.crowd, np.int64),
            halvings=work.halvings,
            order=tables.order,
            place=tables.place,
            block=np.array(tables.schedule.block_sizes, np.int64),
            subsets=tables.subsets,
            rows=work.rows,
            copied=work.copied,
            opened=work.numbers[0],
            stage=work.numbers[1],
            listed=work.numbers[2],
            parity=work.flags[0],
            stale=work.flags[1],
            full=work.flags[2],
            checked=work.flags[3],
            check=work.check,
            low=work.list[0],
            high=work.list[1],
            found=work.found,
            mixed=work.mixed,
        )
        self._mine: BitArray | None = None
        self._done = False
        self.rounds = 0
        """Rounds finished."""
        self.parities = 0
        """Parities that each side has sent."""

    def next_round(self) -> BitArray | None:
        """Return my parities of this round, or None when all frames are done."""
        from qkdlab.distill.cascade._kernels import ask

        if self._mine is None and not self._done:
            count = ask(self._state, self._work.out)
            self._done = count == 0
            if count:
                self._mine = BitArray.from_words(self._work.out, count)
        return self._mine

    def feed(self, other: BitArray) -> None:
        """Take the peer's parities of the round that `next_round` gave."""
        from qkdlab.distill.cascade._kernels import tell

        if self._mine is None or len(other) != len(self._mine):
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION, "the peer's parities do not fit the round"
            )
        self.rounds += 1
        self.parities += len(other)
        if not tell(self._state, (self._mine ^ other).words):
            raise SecurityAbort(
                AbortCode.PROTOCOL_VIOLATION, "the peer's parities are impossible"
            )
        self._mine = None

    @property
    def finished(self) -> bool:
        """True once `next_round` has returned None."""
        return self._done

    def give_back(self) -> Workspace:
        """Overwrite all copies of the party's bits; the half is spent then."""
        self._done = True
        self._work.clear()
        return self._work

    def __repr__(self) -> str:
        return f"CascadeHalf({self._work.frames} frames, {self.rounds} rounds)"
