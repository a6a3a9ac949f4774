"""What Bob's detectors gave during a block, and its record for the journal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.errors import UsageError
from qkdlab.link.context import BlockContext
from qkdlab.link.effects import Commit
from qkdlab.link.events import Detections
from qkdlab.link.messages import SlotListEnd
from qkdlab.link.slots import SlotList, Stretches, announced, outside_header
from qkdlab.protocols.bb84 import Click, Outcomes

__all__ = ["Collection", "PrivateOutcomes"]

NO_SLOTS = np.zeros(0, np.int64)
NO_BITS = np.zeros(0, np.uint8)


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
    """Gathers detections until the block ends, header slots dropped.

    Their values are the party's from then on: overwritten when the block ends.
    """

    context: BlockContext
    parts: list[Outcomes] = field(default_factory=list)
    live_slots: int = 0
    last_slot: int = -1
    stretches: Stretches = field(default_factory=Stretches)

    def add(self, detections: Detections) -> None:
        """Take the detections of the next stretch.

        Raises UsageError when slots do not increase or lie outside the block.
        """
        outcomes = detections.outcomes
        slot = outcomes.slot
        plan = self.context.plan
        if slot.size:
            rising = slot[0] > self.last_slot and bool(np.all(slot[1:] > slot[:-1]))
            if not rising:
                raise UsageError("detections come in order, each slot once")
            if slot[0] < plan.first_pulse or slot[-1] >= plan.end_pulse:
                raise UsageError("detections lie outside the pulses of the block")
            self.last_slot = int(slot[-1])
        self.context.guard(outcomes.value)
        keep = outside_header(plan, slot)
        if not keep.all():
            outcomes = Outcomes(
                slot[keep],
                outcomes.basis[keep],
                self.context.guard(outcomes.value[keep]),
                outcomes.click[keep],
            )
        self.live_slots += detections.live_slots
        self.stretches.add(outcomes.slot)
        self.parts.append(replace(outcomes, slot=NO_SLOTS))

    def fix(self) -> tuple[SlotList, SlotListEnd, PrivateOutcomes]:
        """Return the list, its end, and what stays private."""
        click, basis, value = (
            np.concatenate([NO_BITS, *(getattr(part, name) for part in self.parts)])
            for name in ("click", "basis", "value")
        )
        self.parts.clear()
        cross = click == Click.CROSS
        double = click == Click.DOUBLE
        basis[cross] = 0
        end = SlotListEnd(
            accepted=int(basis.size),
            live_slots=self.live_slots,
            double_clicks=int(np.count_nonzero(double)),
        )
        private = PrivateOutcomes(self.context.guard(value), double)
        slots = SlotList(self.stretches.all(), basis, announced(cross))
        return slots, end, private

    def commit(self, private: PrivateOutcomes) -> Commit:
        """Return the journal's record: block number, number of slots; their bits."""
        block = self.context.plan.block.to_bytes(8, "little")
        count = private.value.size.to_bytes(8, "little")
        bits = BitArray.from_bools(private.value).to_bytes()
        return Commit("outcomes", block + count, secret=bits)
