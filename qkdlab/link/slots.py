"""Bob's list of accepted slots: put together in order, checked, then fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.link.codec import encode, protocol_violation
from qkdlab.link.context import BlockContext
from qkdlab.link.figures import report_slots
from qkdlab.link.messages import BATCH_SLOTS, SlotBatch, SlotListEnd
from qkdlab.link.plan import BlockPlan
from qkdlab.link.varint import Increasing

__all__ = ["SlotList", "Stretches", "batches", "outside_header"]


@dataclass(frozen=True)
class SlotList:
    """The complete list; from now on nothing can be added.

    stretches: increasing pulse indices inside the block, headers left out; each goes
               into one message
    basis:     of all slots: 0 X, 1 Z; 0 for cross clicks
    cross:     where Bob clicked in both bases; doubles are not told
    """

    stretches: tuple[Increasing, ...]
    basis: BitArray
    cross: BitArray

    @classmethod
    def complete(
        cls, context: BlockContext, received: list[SlotBatch], end: SlotListEnd
    ) -> SlotList:
        """Fix the list. Raises SecurityAbort(PROTOCOL_VIOLATION) when it is not sound.

        Sound: indices of the block, increasing, none in a header, as many as announced.
        """
        plan = context.plan
        basis = BitArray.concatenate(b.basis for b in received)
        cross = BitArray.concatenate(b.cross for b in received)
        if (
            sum(len(b.slots) for b in received) != end.accepted
            or any(not len(b.slots) == len(b.basis) == len(b.cross) for b in received)
            or any(len(b.slots) > BATCH_SLOTS for b in received)
            or not _all_sound(plan, received)
            or (basis & cross).count()
            or not end.double_clicks <= end.accepted <= end.live_slots <= plan.n_pulses
        ):
            raise protocol_violation()
        report_slots(context, end.accepted, end.live_slots, end.double_clicks)
        return cls(tuple(b.slots for b in received), basis, cross)

    def messages(self) -> Iterator[SlotBatch]:
        """Return the list in batches."""
        begin = 0
        for stretch in self.stretches:
            part = slice(begin, begin + len(stretch))
            yield SlotBatch(stretch, self.basis[part], self.cross[part])
            begin = part.stop

    def digest(self) -> bytes:
        """Return the SHA-256 of the list's messages, which are the list in full."""
        digest = hashlib.sha256()
        for batch in self.messages():
            digest.update(encode(batch).data)
        return digest.digest()


class Stretches:
    """Joins slots as they come to the stretches of a list, and packs these.

    So the slots of a block, a gigabyte and more, are never all in memory.
    """

    def __init__(self) -> None:
        self._full: list[Increasing] = []
        self._open = np.empty(BATCH_SLOTS, np.int64)
        self._n_open = 0

    def add(self, slot: NDArray[np.int64]) -> None:
        """Append slots (int64[n], any number)."""
        while slot.size:
            taken = slot[: self._open.size - self._n_open]
            self._open[self._n_open : self._n_open + taken.size] = taken
            self._n_open += taken.size
            slot = slot[taken.size :]
            if self._n_open == self._open.size:
                self._close()

    def all(self) -> tuple[Increasing, ...]:
        """Return the stretches, of which the last may be short."""
        if self._n_open:
            self._close()
        return tuple(self._full)

    def _close(self) -> None:
        self._full.append(Increasing.of(self._open[: self._n_open]))
        self._n_open = 0


def batches(n_slots: int) -> Iterator[slice]:
    """Return the stretches of a list that go into one message each."""
    for begin in range(0, n_slots, BATCH_SLOTS):
        yield slice(begin, min(begin + BATCH_SLOTS, n_slots))


def outside_header(plan: BlockPlan, slot: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which slots are outside the public headers.

    slot: int64[n], increasing, so that the headers are looked up in it: a remainder
          for each slot would take fifty times as long
    """
    outside = np.ones(slot.size, np.bool_)
    if not slot.size:
        return outside
    first, last = ((slot[[0, -1]] - plan.first_pulse) // plan.symbols).tolist()
    headers = plan.first_pulse + np.arange(first, last + 1) * plan.symbols
    begin = np.searchsorted(slot, headers)
    end = np.searchsorted(slot, headers + plan.header_symbols)
    for frame in np.flatnonzero(begin < end).tolist():
        outside[begin[frame] : end[frame]] = False
    return outside


def _all_sound(plan: BlockPlan, received: list[SlotBatch]) -> bool:
    """Say whether the indices increase, inside the block and outside its headers.

    Inside a batch they increase: no other can be written.
    """
    last = plan.first_pulse - 1
    for slots in (b.slots for b in received if b.slots):
        if not last < slots.first <= slots.last < plan.end_pulse:
            return False
        if plan.header_symbols and not np.all(outside_header(plan, slots.values())):
            return False
        last = slots.last
    return True
