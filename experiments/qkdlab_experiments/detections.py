"""From tags to what Bob's party is told; the same code for a run and its replay."""

from __future__ import annotations

from collections.abc import Callable, Generator

from qkdlab.link.context import overwrite
from qkdlab.link.events import Detections
from qkdlab.protocols.bb84 import Click, chosen, judge_fired
from qkdlab.randomness import Randomness
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import SlotCounts
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import OnRecord, read_key_block
from qkdlab_experiments.arms import Arms
from qkdlab_experiments.detector_shares import DetectorShares
from qkdlab_experiments.gate import check_gate
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["detections"]


def detections(
    receiver: OnRecord,
    p: Bb84Parameters,
    randomness: Randomness,
    block: int,
    fit: SyncFit,
    already: list[TagBlock],
    progress: Callable[[float], None],
    arms: Arms,
) -> Generator[Detections, None, SlotCounts]:
    """Yield the detections of a key block as its tags come; return what became of them.

    already:  tags read before the block, from which `fit` was made
    progress: told which part of the block is there
    arms:     what clicks stand for

    Raises as `read_key_block`, as `DetectorShares.take` and, after the last piece, as
    `check_gate`.
    """
    shares = DetectorShares(p)
    counts = SlotCounts()
    live_before = slots_before = 0
    for piece in read_key_block(receiver, p, fit, already):
        counts = piece.counts
        fired = arms.fired(piece.pulse, piece.mask)
        shares.take(arms.detectors(piece.mask, fired))
        slots = round(piece.done * p.n_frames * p.pattern.symbols)
        live = max(live_before, slots - counts.dead_slots)
        # doubles in one basis become Bob's private random bits
        spare = randomness.secret(f"block {block} double clicks", int(fired.size))
        outcomes = judge_fired(piece.pulse, fired, spare)
        overwrite(piece.mask, fired, spare)
        told = Detections(outcomes, live - live_before, slots - slots_before)
        _record_slots(receiver, p, told)
        yield told
        live_before, slots_before = live, slots
        progress(piece.done)
    check_gate(counts, p, len(receiver.channels))
    return counts


def _record_slots(receiver: OnRecord, p: Bb84Parameters, told: Detections) -> None:
    """Let slots and bases go on record where the tags may not."""
    outcomes = told.outcomes
    sifted = outcomes.click != Click.CROSS
    t_ps = chosen(outcomes.slot, sifted) * p.symbol_period_ps
    receiver.recorder.slots(t_ps, chosen(outcomes.basis, sifted))
