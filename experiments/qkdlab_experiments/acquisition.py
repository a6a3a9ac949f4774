"""Taking tags: one acquisition from START to stop, aligned and judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.context import overwrite
from qkdlab.roles import Receiver
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import (
    Alignment,
    SlotClicks,
    SlotCounts,
    SlotState,
    slot_block,
)
from qkdlab.timetags.sync import SyncFit, fit_sync
from qkdlab_experiments.alignment import with_calibrated_delays
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = [
    "LONGEST_FLIGHT",
    "KeyBlockTags",
    "OnRecord",
    "TagSink",
    "TagSource",
    "acquire_clicks",
    "acquire_counted",
    "align",
    "believed_span_s",
    "block_first_pulse",
    "click_rate_hz",
    "find_slots",
    "key_block_span_s",
    "read_for_sync",
    "read_key_block",
]


LONGEST_FLIGHT = 256
"""Frames that light may be on its way; of 65 us, 3400 km of fibre."""


class TagSink(Protocol):
    """What keeps tags on record; the recorder of a run, nothing in a replay."""

    def tags(self, block: TagBlock) -> None:
        """Keep tags as they came."""
        ...

    def slots(self, t_ps: NDArray[np.int64], basis: NDArray[np.uint8]) -> None:
        """Keep accepted slots, where the tags themselves may not be kept."""
        ...


class TagSource(Protocol):
    """What reads tags of a running acquisition; see `qkdlab.roles.Receiver`."""

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """Basis and bit of every channel."""
        ...

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags."""
        ...

    def stop(self) -> None:
        """End the acquisition."""
        ...


class OnRecord:
    """A receiver whose tags go to the recorder before anything is made of them."""

    def __init__(self, receiver: TagSource, recorder: TagSink) -> None:
        self.recorder = recorder
        self._receiver = receiver

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """Basis and bit of every channel."""
        return self._receiver.channels

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next stretch of tags, recorded."""
        block = self._receiver.read(duration_ps)
        self.recorder.tags(block)
        return block

    def stop(self) -> None:
        """End the acquisition."""
        self._receiver.stop()


def align(fit: SyncFit, parameters: Bb84Parameters) -> Alignment:
    """Return the alignment that a sync fit stands for."""
    return Alignment(
        reference_ps=parameters.frame_ps,
        slot_ps=parameters.symbol_period_ps,
        stretch=fit.stretch,
        offset_ps=fit.offset_ps,
        gate_ps=parameters.detection.gate_ps,
        blank_ps=parameters.detection.blank_ps,
    )


def read_for(
    receiver: TagSource, duration_ps: int, piece_ps: int
) -> Iterator[TagBlock]:
    """Yield consecutive blocks that cover `duration_ps` of the running acquisition."""
    left = duration_ps
    while left > 0:
        step = min(left, piece_ps)
        yield receiver.read(step)
        left -= step


def find_slots(
    receiver: TagSource,
    parameters: Bb84Parameters,
    header: NDArray[np.int8],
    delays_ps: Sequence[float] | None = None,
) -> tuple[SyncFit, list[TagBlock]]:
    """Read tags of the running acquisition until they suffice, and fit the slots.

    delays_ps: of the channels, calibrated; the fit is held to them (see `alignment`)

    Raises SecurityAbort(SYNC_LOST) when that fails.
    """
    blocks = read_for_sync(receiver, parameters)
    fit = fit_sync(
        blocks,
        reference_ps=parameters.frame_ps,
        slot_ps=parameters.symbol_period_ps,
        n_channels=len(receiver.channels),
        header=header,
    )
    if delays_ps is not None:
        limit_ps = parameters.limits.delay_change_ps_max
        fit = with_calibrated_delays(fit, delays_ps, limit_ps)
    return fit, blocks


def read_for_sync(receiver: TagSource, parameters: Bb84Parameters) -> list[TagBlock]:
    """Return tags of the running acquisition until they suffice to find the slots."""
    calibration = parameters.calibration
    piece_ps = round(parameters.detection.tag_block_s * 1e12)
    least_ps = round(calibration.sync_s * 1e12)
    most_ps = round(calibration.sync_max_s * 1e12)
    blocks: list[TagBlock] = []
    clicks = 0
    for block in read_for(receiver, max(least_ps, most_ps), piece_ps):
        blocks.append(block)
        clicks += len(block)
        if block.t_end >= least_ps and clicks >= calibration.sync_clicks:
            break
    return blocks


def click_rate_hz(blocks: list[TagBlock]) -> float:
    """Return the mean rate of all channels together."""
    span_ps = blocks[-1].t_end - blocks[0].t_begin if blocks else 0
    return sum(len(b) for b in blocks) / (span_ps * 1e-12) if span_ps else 0.0


def acquire_clicks(
    receiver: Receiver, parameters: Bb84Parameters, alignment: Alignment, seconds: float
) -> SlotClicks:
    """Take one short acquisition and judge it; slots count from Alice's frame."""
    return acquire_counted(receiver, parameters, alignment, seconds)[0]


def acquire_counted(
    receiver: Receiver, parameters: Bb84Parameters, alignment: Alignment, seconds: float
) -> tuple[SlotClicks, SlotCounts]:
    """Do as `acquire_clicks`; also return what happened to all tags."""
    piece_ps = round(parameters.detection.tag_block_s * 1e12)
    receiver.start(parameters.frame_ps, parameters.detection.predicted_rate_hz)
    state = SlotState()
    slots: list[NDArray[np.int64]] = []
    masks: list[NDArray[np.uint8]] = []
    for block in read_for(receiver, round(seconds * 1e12), piece_ps):
        state, clicks = slot_block(state, block, alignment)
        slots.append(clicks.slot)
        masks.append(clicks.mask)
    receiver.stop()
    return SlotClicks(np.concatenate(slots), np.concatenate(masks)), state.counts


@dataclass(frozen=True, slots=True)
class KeyBlockTags:
    """Clicks of one stretch of a key block and what happened so far.

    pulse: int64[n], pulse index within the block, header symbols left out
    mask:  uint8[n], which channels clicked; secret
    """

    pulse: NDArray[np.int64] = field(repr=False)
    mask: NDArray[np.uint8] = field(repr=False)
    counts: SlotCounts
    done: float


def _block_bounds(
    parameters: Bb84Parameters, fit: SyncFit, already: list[TagBlock]
) -> tuple[int, int, int]:
    """Return (tag time read so far, first frame, tag time to read to).

    The end leaves room for the light's delay and for a tagger that runs slow.
    """
    ready_ps = already[-1].t_end if already else 0
    first_frame = -(-ready_ps // parameters.frame_ps)
    end_ps = (first_frame + parameters.n_frames) * parameters.frame_ps
    end_ps += max(fit.offset_ps) + 4 * parameters.symbol_period_ps
    end_ps += round(50e-6 * parameters.frame_ps)
    return ready_ps, first_frame, end_ps


def key_block_span_s(
    parameters: Bb84Parameters, fit: SyncFit, already: list[TagBlock]
) -> float:
    """Return how long the tags of the key block will take from now on."""
    ready_ps, _, end_ps = _block_bounds(parameters, fit, already)
    return (end_ps - ready_ps) * 1e-12


def block_first_pulse(
    parameters: Bb84Parameters, fit: SyncFit, already: list[TagBlock]
) -> int:
    """Return the slot with which the key block begins, counted from the reference."""
    _, first_frame, _ = _block_bounds(parameters, fit, already)
    return first_frame * parameters.pattern.symbols


def believed_span_s(parameters: Bb84Parameters, span_s: float) -> float:
    """Return what the other party says of `key_block_span_s`.

    Light is on for so long: raises SecurityAbort(PROTOCOL_VIOLATION) for more than a
    block can take.
    """
    # the block begins and ends within a frame, and light is on its way within one, or
    # within so many where slots are counted from its first pulse
    more = 4 + LONGEST_FLIGHT if parameters.settings_from_generator else 4
    most_s = (parameters.n_frames + more) * parameters.frame_ps * 1e-12
    if not 0.0 <= span_s <= most_s:
        raise SecurityAbort(
            AbortCode.PROTOCOL_VIOLATION,
            "the other party says that the block takes longer than it can",
            {"span_s": span_s, "most_s": most_s},
        )
    return span_s


def read_key_block(
    receiver: TagSource,
    parameters: Bb84Parameters,
    fit: SyncFit,
    already: list[TagBlock],
) -> Iterator[KeyBlockTags]:
    """Yield the clicks of exactly ``parameters.n_frames`` whole frames.

    The block begins at the first frame of Alice's that lies wholly after what was
    read for the sync fit, and its length was fixed before.

    Raises SecurityAbort(COVERAGE_GAP) when tags were lost or blocks do not join.
    """
    alignment = align(fit, parameters)
    symbols = parameters.pattern.symbols
    state = SlotState()
    for block in already:
        # what was lost here could hide a click that blanks the first slots
        _refuse_gap(block, block.t_begin)
        state, _ = slot_block(state, block, alignment)
    ready_ps, first_frame, end_ps = _block_bounds(parameters, fit, already)
    first_slot = first_frame * symbols
    n_slots = parameters.n_frames * symbols
    before = state.counts
    position_ps = ready_ps
    piece_ps = round(parameters.detection.tag_block_s * 1e12)
    for block in read_for(receiver, end_ps - ready_ps, piece_ps):
        _refuse_gap(block, position_ps)
        position_ps = block.t_end
        last = position_ps >= end_ps
        state, clicks = slot_block(state, block, alignment, last=last)
        pulse = clicks.slot - first_slot
        keep = (pulse >= 0) & (pulse < n_slots)
        if not parameters.settings_from_generator:
            keep &= pulse % symbols >= parameters.pattern.header_symbols
        mask = clicks.mask[keep]
        overwrite(clicks.mask)
        yield KeyBlockTags(
            pulse[keep],
            mask,
            _since(state.counts, before),
            min(1.0, (position_ps - ready_ps) / (end_ps - ready_ps)),
        )


def _refuse_gap(block: TagBlock, position_ps: int) -> None:
    if block.t_begin != position_ps or block.lost:
        raise SecurityAbort(
            AbortCode.COVERAGE_GAP,
            "tags were lost",
            {"gaps": len(block.lost) + int(block.t_begin != position_ps)},
        )


def _since(now: SlotCounts, before: SlotCounts) -> SlotCounts:
    return SlotCounts(
        now.tags - before.tags,
        now.out_of_gate - before.out_of_gate,
        now.clicks_in_dead_slots - before.clicks_in_dead_slots,
        now.live_clicks - before.live_clicks,
        now.dead_slots - before.dead_slots,
    )
