"""Bob's program: detectors, plates, then the key blocks."""

from __future__ import annotations

from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.blocks_bob import bob_blocks
from qkdlab_experiments.mismatch import calibrated_mismatch
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.receiver import (
    align_plates,
    bring_up_detectors,
    check_dark_counts,
)

__all__ = ["bob"]


def bob(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Bring up the receiver, take key blocks, and distil the keys with Alice."""
    ctx.conversation.receive("shutter-closed")
    bring_up_detectors(ctx)
    check_dark_counts(ctx)
    calibrated_mismatch(ctx.calibration, ctx.parameters).check()
    ctx.conversation.send("detectors-ready")
    ctx.conversation.receive("public-pattern-running")
    align_plates(ctx)
    ctx.conversation.send("polarization-aligned")
    return bob_blocks(ctx)
