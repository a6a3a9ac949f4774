"""What Bob's detectors gave during a block, and its record for the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.errors import UsageError
from qkdlab.link.context import BlockContext
from qkdlab.link.effects import Commit
from qkdlab.link.events import Detections
from qkdlab.link.messages import SlotListEnd
from qkdlab.link.slots import SlotList, outside_header
from qkdlab.protocols.bb84 import Click

__all__ = ["Collection", "PrivateOutcomes"]


@dataclass(frozen=True)
class PrivateOutcomes:
    """What Bob keeps to himself when his list is fixed.

    value:  uint8[n], his bit of each listed slot
    double: bool[n], whether that bit came from his random generator
    """

    value: NDArray[np.uint8]
    double: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"PrivateOutcomes({self.value.size} slots)"


@dataclass(repr=False)
class Collection:
    """Gathers detections until the block ends.

    Their values are the party's from then on: overwritten when the block ends.
    """

    context: BlockContext
    parts: list[Detections] = field(default_factory=list)
    last_slot: int = -1

    def add(self, detections: Detections) -> None:
        """Take the detections of the next stretch.

        Raises UsageError when slots do not increase or lie outside the block.
        """
        slot = detections.outcomes.slot
        plan = self.context.plan
        if slot.size:
            rising = slot[0] > self.last_slot and bool(np.all(slot[1:] > slot[:-1]))
            if not rising:
                raise UsageError("detections come in order, each slot once")
            if slot[0] < plan.first_pulse or slot[-1] >= plan.end_pulse:
                raise UsageError("detections lie outside the pulses of the block")
            self.last_slot = int(slot[-1])
        self.context.guard(detections.outcomes.value)
        self.parts.append(detections)

    def fix(self) -> tuple[SlotList, SlotListEnd, PrivateOutcomes]:
        """Return the list, its end, and what stays private. Header slots drop out."""
        outcomes = [part.outcomes for part in self.parts]
        slot = np.concatenate([np.zeros(0, np.int64), *(o.slot for o in outcomes)])
        none = np.zeros(0, np.uint8)
        click = np.concatenate([none, *(o.click for o in outcomes)])
        basis = np.concatenate([none, *(o.basis for o in outcomes)])
        value = np.concatenate([none, *(o.value for o in outcomes)])
        keep = outside_header(self.context.plan, slot)
        if not keep.all():
            slot, click, basis = slot[keep], click[keep], basis[keep]
            value = self.context.guard(value)[keep]
        cross = click == Click.CROSS
        double = click == Click.DOUBLE
        basis[cross] = 0
        announced = np.where(cross, np.uint8(Click.CROSS), np.uint8(Click.SINGLE))
        end = SlotListEnd(
            accepted=int(slot.size),
            live_slots=sum(part.live_slots for part in self.parts),
            double_clicks=int(np.count_nonzero(double)),
        )
        self.parts.clear()
        private = PrivateOutcomes(self.context.guard(value), double)
        return SlotList(slot, basis, announced.astype(np.uint8)), end, private

    def commit(self, private: PrivateOutcomes) -> Commit:
        """Return the journal's record: block number, number of slots, their bits."""
        block = self.context.plan.block.to_bytes(8, "little")
        count = private.value.size.to_bytes(8, "little")
        bits = BitArray.from_bools(private.value).to_bytes()
        return Commit("outcomes", block + count + bits, secret=True)
