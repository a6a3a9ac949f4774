"""Bob's program: detectors, plates, slots, then the key block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.events import BlockEnded, Detections
from qkdlab.protocols.bb84 import Click, judge_fired
from qkdlab.protocols.symbols import basis_of, value_of
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.timetags.slots import Alignment, SlotClicks
from qkdlab_experiments.acquisition import (
    KeyBlockTags,
    acquire_clicks,
    align,
    find_slots,
    read_key_block,
)
from qkdlab_experiments.frame import block_plan, header_template, public_frame
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.polarization import align_polarization

__all__ = ["bob"]


def bob(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Bring up the receiver, take the block, and distil the key with Alice."""
    p = ctx.parameters
    receiver, detectors = ctx.roles["receiver"], ctx.roles["detectors"]
    detectors.set_enabled(True)
    detectors.set_bias_ua(list(p.detection.bias_ua))
    ctx.conversation.receive("shutter-closed")
    _check_dark_counts(ctx, detectors)
    ctx.conversation.send("detectors-ready")
    ctx.conversation.receive("public-pattern-running")
    _align_plates(ctx)
    ctx.conversation.send("polarization-aligned")
    plan_fields = ctx.conversation.receive("key-pattern-running")
    plan = block_plan(p, key_class=str(plan_fields["key_class"]))
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    fit, blocks = find_slots(receiver, p, header_template(p))
    ctx.recorder.result(
        "sync",
        {
            "stretch": fit.stretch,
            "offset_ps": list(fit.offset_ps),
            "jitter_ps": list(fit.jitter_ps),
            "header_score": fit.header_score,
        },
    )
    party = ctx.conversation.bob(plan)
    tags = None
    for tags in read_key_block(
        receiver, ctx.recorder, ctx.conversation.interlock, p, fit, blocks
    ):
        ctx.progress("tags", tags.done * p.duration_s, p.duration_s)
        party.handle(_detections(ctx, receiver.channels, tags))
    receiver.stop()
    detectors.safe_state()
    ctx.conversation.send("block-received")
    return PartyResult(ctx.conversation.drive(party, [BlockEnded()]))
