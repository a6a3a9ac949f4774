"""Bob's program: detectors, plates, slots, the key block, then distillation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.bob import Bob
from qkdlab.link.events import BlockEnded, Detections
from qkdlab.protocols.bb84 import judge_fired
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.slots import SlotClicks, SlotCounts
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import (
    KeyBlockTags,
    acquire_clicks,
    align,
    click_rate_hz,
    find_slots,
    key_block_span_s,
    read_key_block,
)
from qkdlab_experiments.frame import (
    assumptions,
    block_plan,
    header_template,
    polarimetry_frame,
)
from qkdlab_experiments.mismatch import calibrated_mismatch
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
    _check_dark_counts(ctx)
    mismatch = calibrated_mismatch(ctx.calibration, p)
    ctx.recorder.result("efficiency_mismatch", mismatch.as_dict())
    mismatch.check()
    ctx.conversation.send(
        "detectors-ready",
        efficiency_mismatch=mismatch.value,
        efficiency_mismatch_uncertainty=mismatch.uncertainty,
    )
    ctx.conversation.receive("public-pattern-running")
    _align_plates(ctx)
    ctx.conversation.send("polarization-aligned")
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


def _check_dark_counts(ctx: PartyContext[Bb84Parameters]) -> None:
    """Count with Alice's shutter closed.

    Raises SecurityAbort(DARK_RATE_ABOVE_LIMIT): light leaks in or a detector is ill.
    """
    p = ctx.parameters
    rates = ctx.roles["detectors"].count_rates_hz(p.calibration.dark_count_s)
    now_ps = ctx.clock.now_ps()
    for detector, rate_hz in enumerate(rates):
        ctx.recorder.monitor(f"dark_rate_hz/{detector}", rate_hz, now_ps)
    ctx.recorder.result("dark_rates_hz", list(rates))
    if max(rates) > p.detection.max_dark_rate_hz:
        raise SecurityAbort(
            AbortCode.DARK_RATE_ABOVE_LIMIT,
            "a detector counts too much with Alice's shutter closed",
            {"rate_hz": max(rates), "limit_hz": p.detection.max_dark_rate_hz},
        )


def _align_plates(ctx: PartyContext[Bb84Parameters]) -> None:
    """Turn the plates to where Alice's states meet Bob's splitters."""
    p = ctx.parameters
    receiver = ctx.roles["receiver"]
    receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    fit, blocks = find_slots(receiver, p, header_template(p))
    receiver.stop()
    alignment = align(fit, p)
    wanted_s = p.calibration.polarimetry_clicks / max(1.0, click_rate_hz(blocks))
    least_s = p.calibration.polarimetry_s

    def acquire(seconds: float) -> SlotClicks:
        return acquire_clicks(receiver, p, alignment, seconds)

    found = align_polarization(
        ctx.roles["compensator"],
        acquire,
        polarimetry_frame(p) & np.uint8(3),
        receiver.channels,
        seconds_per_setting=min(max(wanted_s, least_s), 10 * least_s),
        qber_max=p.calibration.polarization_qber_max,
        progress=ctx.progress,
    )
    ctx.recorder.result(
        "polarization",
        {
            "angles_deg": list(found.angles_deg),
            "zero_errors_deg": list(found.zero_errors_deg),
            "qber_x": found.qber_x,
            "qber_z": found.qber_z,
            "fit_residual": found.fit_residual,
        },
    )


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
    receiver = ctx.roles["receiver"]
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
    ctx: PartyContext[Any],
    fired_of_mask: NDArray[np.uint8],
    piece: KeyBlockTags,
    live_slots: int,
) -> Detections:
    """Judge one stretch; doubles in one basis become Bob's private random bits."""
    fired = fired_of_mask[piece.mask]
    spare = ctx.randomness.secret("double clicks", int(fired.size))
    return Detections(judge_fired(piece.pulse, fired, spare), live_slots)
