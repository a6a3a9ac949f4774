"""Bob's program: all steps of calibration, then the key blocks."""

from __future__ import annotations

from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.session.steps import run_steps
from qkdlab_experiments.blocks_bob import bob_blocks
from qkdlab_experiments.calibration.sequence import steps_of
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["bob"]


def bob(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Calibrate with Alice, take key blocks, and distil the keys with her."""
    run_steps(ctx, steps_of(ctx.parameters))
    return bob_blocks(ctx)
