"""Bob's list of accepted slots: put together in order, checked, then fixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.link.codec import protocol_violation
from qkdlab.link.context import BlockContext
from qkdlab.link.figures import report_slots
from qkdlab.link.messages import BATCH_SLOTS, SlotBatch, SlotListEnd
from qkdlab.link.plan import BlockPlan
from qkdlab.protocols.bb84 import Click

__all__ = ["SlotList", "batches", "outside_header"]

NO_SLOTS = np.zeros(0, np.int64)
NO_BITS = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class SlotList:
    """The complete list; from now on nothing can be added.

    slot:  int64[n], increasing pulse indices inside the block, headers left out
    basis: uint8[n], 0 X, 1 Z; 0 for cross clicks
    click: uint8[n], `Click.CROSS` or `Click.SINGLE`; doubles are not told
    """

    slot: NDArray[np.int64]
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
        slot = np.concatenate([NO_SLOTS, *(b.slots for b in received)])
        basis = _joined([b.basis for b in received])
        cross = _joined([b.cross for b in received])
        if (
            not slot.size == basis.size == cross.size == end.accepted
            or any(len(b.slots) > BATCH_SLOTS for b in received)
            or np.any(slot[1:] <= slot[:-1])
            or (slot.size and not plan.first_pulse <= slot[0] <= slot[-1])
            or (slot.size and slot[-1] >= plan.end_pulse)
            or not np.all(outside_header(plan, slot))
            or np.any(basis & cross)
            or not end.double_clicks <= end.accepted <= end.live_slots <= plan.n_pulses
        ):
            raise protocol_violation()
        report_slots(context, end.accepted, end.live_slots, end.double_clicks)
        click = np.where(cross, np.uint8(Click.CROSS), np.uint8(Click.SINGLE))
        return cls(slot, basis, click.astype(np.uint8))

    def messages(self) -> Iterator[SlotBatch]:
        """Return the list in batches."""
        for part in batches(self.slot.size):
            yield SlotBatch(
                self.slot[part],
                BitArray.from_bools(self.basis[part]),
                BitArray.from_bools(self.click[part] == Click.CROSS),
            )


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


def _joined(parts: list[BitArray]) -> NDArray[np.uint8]:
    return np.concatenate([NO_BITS, *(part.to_bools() for part in parts)])
