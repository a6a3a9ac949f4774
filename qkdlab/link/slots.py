"""Bob's list of accepted slots: put together in order, checked, then fixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.link.codec import protocol_violation
from qkdlab.link.context import BlockContext
from qkdlab.link.figures import report_slots
from qkdlab.link.messages import BATCH_SLOTS, SlotBatch, SlotListEnd
from qkdlab.link.plan import BlockPlan
from qkdlab.protocols.bb84 import Click

__all__ = ["SlotList", "Stretches", "announced", "batches", "outside_header"]

NO_BITS = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class SlotList:
    """The complete list; from now on nothing can be added.

    slots: int64[n] in all, increasing pulse indices inside the block, headers left out;
           in the stretches that go into one message each
    basis: uint8[n], 0 X, 1 Z; 0 for cross clicks
    click: uint8[n], `Click.CROSS` or `Click.SINGLE`; doubles are not told
    """

    slots: tuple[NDArray[np.int64], ...]
    basis: NDArray[np.uint8]
    click: NDArray[np.uint8]

    @classmethod
    def complete(
        cls, context: BlockContext, received: list[SlotBatch], end: SlotListEnd
    ) -> SlotList:
        """Fix the list. Raises SecurityAbort(PROTOCOL_VIOLATION) when it is not sound.

        Sound: indices of the block, increasing, none in a header, as many as announced.
        """
        plan = context.plan
        basis = _joined([b.basis for b in received])
        cross = _joined([b.cross for b in received])
        n_slots = sum(len(b.slots) for b in received)
        if (
            not n_slots == basis.size == cross.size == end.accepted
            or any(len(b.slots) > BATCH_SLOTS for b in received)
            or not _all_sound(plan, received)
            or np.any(basis & cross)
            or not end.double_clicks <= end.accepted <= end.live_slots <= plan.n_pulses
        ):
            raise protocol_violation()
        report_slots(context, end.accepted, end.live_slots, end.double_clicks)
        return cls(tuple(b.slots for b in received), basis, announced(cross))

    def messages(self) -> Iterator[SlotBatch]:
        """Return the list in batches."""
        for slots, part in zip(self.slots, batches(self.basis.size), strict=True):
            yield SlotBatch(
                slots,
                BitArray.from_bools(self.basis[part]),
                BitArray.from_bools(self.click[part] == Click.CROSS),
            )


class Stretches:
    """Joins slots as they come to the stretches of a list.

    So the slots of a block, a hundred megabytes and more, are never in memory twice.
    """

    def __init__(self) -> None:
        self._full: list[NDArray[np.int64]] = []
        self._open: list[NDArray[np.int64]] = []
        self._room = BATCH_SLOTS

    def add(self, slot: NDArray[np.int64]) -> None:
        """Append slots (int64[n], any number)."""
        while slot.size:
            self._open.append(slot[: self._room])
            slot = slot[self._room :]
            self._room -= self._open[-1].size
            if not self._room:
                self._close()

    def all(self) -> tuple[NDArray[np.int64], ...]:
        """Return the stretches, of which the last may be short."""
        if self._open:
            self._close()
        return tuple(self._full)

    def _close(self) -> None:
        self._full.append(np.concatenate(self._open))
        self._open.clear()
        self._room = BATCH_SLOTS


def announced(cross: NDArray[Any]) -> NDArray[np.uint8]:
    """Return what a list tells of its slots: a `Click` each, cross ones set apart.

    cross: bool[n], or zeros and ones
    """
    return np.where(cross, np.uint8(Click.CROSS), np.uint8(Click.SINGLE))


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
    """Say whether the indices increase, inside the block and outside its headers."""
    last = plan.first_pulse - 1
    for slot in (b.slots for b in received if b.slots.size):
        if not last < slot[0] <= slot[-1] < plan.end_pulse:
            return False
        if np.any(slot[1:] <= slot[:-1]) or not np.all(outside_header(plan, slot)):
            return False
        last = int(slot[-1])
    return True


def _joined(parts: list[BitArray]) -> NDArray[np.uint8]:
    return np.concatenate([NO_BITS, *(part.to_bools() for part in parts)])
