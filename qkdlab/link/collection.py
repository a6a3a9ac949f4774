"""What Bob's detectors gave during a block, and its record for the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qkdlab.bits.array import BitArray
from qkdlab.errors import UsageError
from qkdlab.link.context import BlockContext, overwrite
from qkdlab.link.effects import Commit
from qkdlab.link.events import Detections
from qkdlab.link.messages import SlotListEnd
from qkdlab.link.slots import SlotList, Stretches, outside_header
from qkdlab.protocols.bb84 import Click, Outcomes

__all__ = ["Collection", "PrivateOutcomes"]


@dataclass(frozen=True, repr=False)
class PrivateOutcomes:
    """What Bob keeps to himself when his list is fixed.

    value:  his bit of each listed slot
    double: whether that bit came from his random generator
    """

    value: BitArray
    double: BitArray

    def __repr__(self) -> str:
        return f"PrivateOutcomes({len(self.value)} slots)"


@dataclass(frozen=True, repr=False)
class _Packed:
    """What one stretch of detections tells, a bit for each slot."""

    basis: BitArray
    value: BitArray
    double: BitArray
    cross: BitArray

    @classmethod
    def of(cls, outcomes: Outcomes) -> _Packed:
        """Pack outcomes; ValueError for bits that are neither 0 nor 1."""
        cross = BitArray.from_bools(outcomes.click == Click.CROSS)
        return cls(
            basis=BitArray.from_bools(outcomes.basis) & ~cross,
            value=BitArray.from_bools(outcomes.value),
            double=BitArray.from_bools(outcomes.click == Click.DOUBLE),
            cross=cross,
        )

    @property
    def private(self) -> tuple[BitArray, BitArray]:
        """What is never told."""
        return self.value, self.double

    def sift(self, keep: BitArray) -> _Packed:
        """Return those of the slots where `keep` has ones."""
        parts = (self.basis, self.value, self.double, self.cross)
        return _Packed(*(bits.sift(keep) for bits in parts))


@dataclass(repr=False)
class Collection:
    """Gathers detections until the block ends, header slots dropped.

    Their values are overwritten where they were given, as soon as they are packed.
    """

    context: BlockContext
    parts: list[_Packed] = field(default_factory=list)
    live_slots: int = 0
    slots: int = 0
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
        packed = _Packed.of(outcomes)
        overwrite(outcomes.value, outcomes.click)
        keep = outside_header(plan, slot)
        if not keep.all():
            everything, slot = packed, slot[keep]
            packed = everything.sift(BitArray.from_bools(keep))
            overwrite(*everything.private)
        for bits in packed.private:
            self.context.guard(bits)
        self.live_slots += detections.live_slots
        self.slots += detections.slots
        self.stretches.add(slot)
        self.parts.append(packed)

    def fix(self) -> tuple[SlotList, SlotListEnd, PrivateOutcomes]:
        """Return the list, its end, and what stays private."""
        basis, value, double, cross = (
            BitArray.concatenate(getattr(part, name) for part in self.parts)
            for name in ("basis", "value", "double", "cross")
        )
        overwrite(*(bits for part in self.parts for bits in part.private))
        self.parts.clear()
        self.context.pulses = self.slots
        end = SlotListEnd(
            accepted=len(basis),
            live_slots=self.live_slots,
            double_clicks=double.count(),
        )
        private = PrivateOutcomes(*map(self.context.guard, (value, double)))
        return SlotList(self.stretches.all(), basis, cross), end, private

    def commit(self, private: PrivateOutcomes) -> Commit:
        """Return the journal's record: block number, number of slots; their bits."""
        block = self.context.plan.block.to_bytes(8, "little")
        count = len(private.value).to_bytes(8, "little")
        return Commit("outcomes", block + count, secret=private.value.to_bytes())
