"""Alice's program: all steps of calibration, then the key blocks."""

from __future__ import annotations

from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.session.steps import run_steps
from qkdlab_experiments.blocks_alice import alice_blocks
from qkdlab_experiments.calibration.sequence import steps_of
from qkdlab_experiments.intensity import recorded_levels
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["alice"]


def alice(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Calibrate with Bob, send key blocks, and distil the keys with him."""
    run_steps(ctx, steps_of(ctx.parameters))
    levels = recorded_levels(ctx.calibration, ctx.parameters)
    now_ps = ctx.clock.now_ps()
    for k, name in enumerate(CLASSES):
        ctx.recorder.monitor(f"mean_photon_number/{name}", levels.mean[k], now_ps)
        ctx.recorder.monitor(f"tap_power_w/{name}", levels.readings.watts[k], now_ps)
    ctx.recorder.monitor("attenuation_db", levels.attenuation_db, now_ps)
    return alice_blocks(ctx, levels)
