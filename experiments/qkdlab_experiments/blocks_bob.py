"""Bob's key blocks: slots, tags, clicks, then distillation with Alice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qkdlab.link.bob import Bob
from qkdlab.link.events import BlockEnded, Detections
from qkdlab.protocols.bb84 import judge_fired
from qkdlab.roles import Receiver
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import SlotCounts
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import (
    KeyBlockTags,
    find_slots,
    key_block_span_s,
    read_key_block,
)
from qkdlab_experiments.frame import assumptions, block_plan, header_template
from qkdlab_experiments.mismatch import calibrated_mismatch
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["bob_blocks"]


def bob_blocks(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Take the block and distil the key with Alice; detectors are under bias.

    Raises SecurityAbort(EFFICIENCY_MISMATCH) before any light.
    """
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    mismatch = calibrated_mismatch(ctx.calibration, p)
    ctx.recorder.result("efficiency_mismatch", mismatch.as_dict())
    mismatch.check()
    ctx.conversation.send(
        "receiver-ready",
        efficiency_mismatch=mismatch.value,
        efficiency_mismatch_uncertainty=mismatch.uncertainty,
    )
    ctx.conversation.receive("key-pattern-running")
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    fit, blocks = find_slots(receiver, p, header_template(p))
    _record_sync(ctx, fit)
    span_s = key_block_span_s(p, fit, blocks)
    ctx.conversation.send("block-begins", span_s=span_s)
    party = Bob(
        block_plan(p, ctx.conversation.key_class),
        randomness=ctx.randomness,
        session=ctx.conversation.session,
        configuration=ctx.conversation.configuration,
        assumptions=assumptions(
            p, ctx.randomness, (mismatch.value, mismatch.uncertainty)
        ),
    )
    events = _events(ctx, fit, blocks)
    return PartyResult(ctx.conversation.drive(party, events))


def _record_sync(ctx: PartyContext[Bb84Parameters], fit: SyncFit) -> None:
    ctx.recorder.result(
        "sync",
        {
            "stretch": fit.stretch,
            "stretch_error": fit.stretch_error,
            "offset_ps": list(fit.offset_ps),
            "header_score": fit.header_score,
            "runner_up": fit.runner_up,
        },
    )


def _events(
    ctx: PartyContext[Bb84Parameters], fit: SyncFit, blocks: list[TagBlock]
) -> Iterator[Detections | BlockEnded]:
    """Yield the block's detections as they come, then its end; leave the bench dark."""
    p = ctx.parameters
    receiver: Receiver = ctx.roles["receiver"]
    fired_of_mask = _fired_of_mask(receiver.channels)
    counts = SlotCounts()
    live_before = 0
    for piece in read_key_block(receiver, ctx.recorder, p, fit, blocks):
        counts = piece.counts
        live = _live_slots(p, counts, piece.done)
        yield _detections(ctx, fired_of_mask, piece, max(0, live - live_before))
        live_before = max(live, live_before)
        ctx.progress("tags (s of link time)", piece.done * p.duration_s, p.duration_s)
    receiver.stop()
    ctx.roles["detectors"].safe_state()
    ctx.recorder.result(
        "tags",
        {
            "in_block": counts.tags,
            "out_of_gate": counts.out_of_gate,
            "in_dead_slots": counts.clicks_in_dead_slots,
            "dead_slots": counts.dead_slots,
        },
    )
    yield BlockEnded()


def _fired_of_mask(channels: tuple[tuple[int, int], ...]) -> NDArray[np.uint8]:
    """Return, per mask of channels, the mask of detectors in the order X0 X1 Z0 Z1."""
    table = np.zeros(1 << len(channels), np.uint8)
    for mask in range(table.size):
        for channel, (basis, value) in enumerate(channels):
            if mask >> channel & 1:
                table[mask] |= 1 << (2 * basis + value)
    return table


def _live_slots(p: Bb84Parameters, counts: SlotCounts, done: float) -> int:
    """Return the live slots of the block so far, headers included."""
    slots = round(done * p.n_frames * p.pattern.symbols)
    return max(0, slots - counts.dead_slots)


def _detections(
    ctx: PartyContext[Bb84Parameters],
    fired_of_mask: NDArray[np.uint8],
    piece: KeyBlockTags,
    live_slots: int,
) -> Detections:
    """Judge one stretch; doubles in one basis become Bob's private random bits."""
    fired = fired_of_mask[piece.mask]
    spare = ctx.randomness.secret("double clicks", int(fired.size))
    return Detections(judge_fired(piece.pulse, fired, spare), live_slots)
