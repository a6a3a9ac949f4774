"""From tags to clicks in live slots: alignment, gate, live-time mask.

A stream operator: feed blocks in order, get clicks; any split of the stream gives the
same clicks (SECURITY rules 3 and 4: the mask never depends on basis or bit, there is
one gate for all detectors after their delays are aligned, every click in or out of
the gate blanks, and all clicks inside one live slot are judged together).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qkdlab.timetags.block import TagBlock

__all__ = ["Alignment", "SlotClicks", "SlotCounts", "SlotState", "slot_block"]

GUARD_SLOTS = 4
"""About a reference, where a tag may lie on its wrong side."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How tag times become slots.

    reference_ps:  period of the START reference (one frame)
    slot_ps:       symbol period
    stretch:       true time per tagger time, minus one
    offset_ps:     arrival time of slot 0 per channel, in true time after the reference
    gate_ps:       width of the gate, centred on the arrival
    blank_ps:      quiet time that a slot needs before it opens
    """

    reference_ps: int
    slot_ps: int
    stretch: float
    offset_ps: tuple[int, ...]
    gate_ps: int
    blank_ps: int

    def __post_init__(self) -> None:
        if self.reference_ps % self.slot_ps:
            raise ValueError("a frame must hold a whole number of slots")
        if not 0 < self.gate_ps <= self.slot_ps:
            raise ValueError("the gate must fit into the slot")

    @property
    def slots_per_frame(self) -> int:
        """Slots between two references."""
        return self.reference_ps // self.slot_ps


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """What happened to the tags; sums over all blocks so far."""

    tags: int = 0
    out_of_gate: int = 0
    clicks_in_dead_slots: int = 0
    live_clicks: int = 0
    dead_slots: int = 0


@dataclass(frozen=True, slots=True)
class SlotState:
    """What one block leaves for the next."""

    pending_t: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, np.int64), repr=False
    )
    pending_ch: NDArray[np.uint8] = field(
        default_factory=lambda: np.zeros(0, np.uint8), repr=False
    )
    dead_until_ps: int = -(1 << 62)
    last_ps: int = -(1 << 62)
    counts: SlotCounts = SlotCounts()


@dataclass(frozen=True, slots=True)
class SlotClicks:
    """Clicks in live slots.

    slot: int64[n], slot number since the first reference, increasing
    mask: uint8[n], bit c set when channel c clicked in the gate
    """

    slot: NDArray[np.int64] = field(repr=False)
    mask: NDArray[np.uint8] = field(repr=False)


def slot_block(
    state: SlotState, block: TagBlock, alignment: Alignment, *, last: bool = False
) -> tuple[SlotState, SlotClicks]:
    """Judge one block; tags too near its end wait for the next, unless `last`.

    Slots within four slot periods of a reference are left out: there the tagger's
    own time base can put a tag on the wrong side of the reference (20 ppm of 800 us
    are 16 ns). This too is blind to basis and bit.
    """
    from qkdlab.timetags import _kernels

    offsets = np.asarray(alignment.offset_ps, np.int64)
    if len(block) and int(block.ch.max()) >= offsets.size:
        raise ValueError("a tag's channel has no alignment")
    n_before = state.pending_t.size
    t = np.empty(n_before + len(block), np.int64)
    ch = np.empty(t.size, np.uint8)
    t[:n_before], ch[:n_before] = state.pending_t, state.pending_ch
    _kernels.correct_and_sort(
        block.t,
        block.ch,
        alignment.reference_ps,
        alignment.stretch,
        offsets,
        n_before,
        t,
        ch,
    )
    if last:
        cut = t.size
    else:
        spread = int(offsets.max() - offsets.min())
        drift = int(abs(alignment.stretch) * alignment.reference_ps) + 1
        edge = block.t_end - int(offsets.max()) - spread - 2 * drift
        edge -= 2 * alignment.slot_ps
        # cut between two slots, so that no slot is judged in halves
        edge = edge // alignment.slot_ps * alignment.slot_ps - alignment.slot_ps // 2
        cut = int(np.searchsorted(t, edge, side="left"))
    slot = np.empty(cut, np.int64)
    mask = np.empty(cut, np.uint8)
    lead = min(alignment.offset_ps) // alignment.slot_ps
    # The same slot comes later on channels behind longer fibres and cables.
    spread = max(alignment.offset_ps) // alignment.slot_ps - lead
    n_clicks, outside, in_dead, dead, dead_until = _kernels.slot_clicks(
        t[:cut],
        ch[:cut],
        alignment.slot_ps,
        alignment.gate_ps // 2,
        alignment.blank_ps,
        state.dead_until_ps,
        state.last_ps,
        alignment.slots_per_frame,
        GUARD_SLOTS,
        alignment.slots_per_frame - GUARD_SLOTS - spread,
        lead,
        slot,
        mask,
    )
    slot, mask = slot[:n_clicks], mask[:n_clicks]
    c = state.counts
    counts = SlotCounts(
        tags=c.tags + cut,
        out_of_gate=c.out_of_gate + int(outside),
        clicks_in_dead_slots=c.clicks_in_dead_slots + int(in_dead),
        live_clicks=c.live_clicks + int(slot.size),
        dead_slots=c.dead_slots + int(dead),
    )
    new = replace(
        state,
        pending_t=t[cut:].copy(),
        pending_ch=ch[cut:].copy(),
        dead_until_ps=int(dead_until),
        last_ps=int(t[cut - 1]) if cut else state.last_ps,
        counts=counts,
    )
    return new, SlotClicks(slot, mask)
