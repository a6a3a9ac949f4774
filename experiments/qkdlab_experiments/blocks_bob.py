"""Bob's key blocks: slots, tags, clicks, then distillation with Alice."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.link.bob import Bob
from qkdlab.link.claimed import Claim
from qkdlab.link.events import BlockEnded, Detections
from qkdlab.link.method import AUTO
from qkdlab.randomness import Randomness
from qkdlab.session.blocks import run_blocks
from qkdlab.session.conversation import SessionIds
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.session.round_trip import answer_round_trips
from qkdlab.timetags.block import TagBlock
from qkdlab.timetags.sync import SyncFit
from qkdlab_experiments.acquisition import (
    OnRecord,
    block_first_pulse,
    key_block_span_s,
)
from qkdlab_experiments.between_blocks import BetweenBlocksBob
from qkdlab_experiments.block_arms import BlockArms, new_arms
from qkdlab_experiments.claim_record import detector_terms, learn_claim, light_begins
from qkdlab_experiments.detections import detections
from qkdlab_experiments.frame import assumptions, block_plan
from qkdlab_experiments.key_slots import ARRIVAL, find_key_slots
from qkdlab_experiments.mismatch import calibrated_mismatch
from qkdlab_experiments.parameters import Bb84Parameters
from qkdlab_experiments.watched_receiver import WatchedReceiver

__all__ = ["bob_blocks", "bob_party"]


def bob_blocks(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Take key blocks and distil a key from each with Alice; detectors are on.

    Raises SecurityAbort(EFFICIENCY_MISMATCH) before any light.
    """
    mismatch = calibrated_mismatch(ctx.calibration, ctx.parameters)
    ctx.recorder.result("efficiency_mismatch", mismatch.as_dict())
    mismatch.check()
    receiver = WatchedReceiver(ctx)

    def one_block(block: int) -> None:
        _one_block(ctx, receiver, (mismatch.value, mismatch.uncertainty), block)

    def go_dark() -> None:
        """End the acquisition, bias off; between blocks detectors are brought back.

        A board that chooses bases loses its key.
        """
        ctx.roles["receiver"].safe_state()
        if ctx.parameters.receiver_chooses:
            ctx.roles["basis_modulator"].safe_state()
        ctx.roles["detectors"].safe_state()

    return run_blocks(
        ctx,
        ctx.parameters.blocks,
        one_block,
        go_dark=go_dark,
        between_blocks=BetweenBlocksBob(ctx.parameters),
    )


def _one_block(
    ctx: PartyContext[Bb84Parameters],
    receiver: WatchedReceiver,
    mismatch: tuple[float, float],
    block: int,
) -> None:
    p = ctx.parameters
    arms = new_arms(p, ctx.randomness, block)
    try:
        _take_block(ctx, receiver, mismatch, block, arms)
    finally:
        arms.wipe()


def _take_block(
    ctx: PartyContext[Bb84Parameters],
    receiver: WatchedReceiver,
    mismatch: tuple[float, float],
    block: int,
    arms: BlockArms,
) -> None:
    p = ctx.parameters
    ctx.recorder.block(efficiency_mismatch=mismatch, channels=receiver.channels)
    if p.settings_from_generator:
        # The first reference comes with the first pulse.
        receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    said = detector_terms(ctx.calibration, p)
    ctx.conversation.send(
        "receiver-ready",
        block=block,
        efficiency_mismatch=mismatch[0],
        efficiency_mismatch_uncertainty=mismatch[1],
        **said,
    )
    if p.distillation.reconciliation == AUTO:
        answer_round_trips(ctx.conversation)
    claim = learn_claim(ctx, said, block)
    ctx.conversation.receive("key-pattern-running")
    light_begins(ctx, claim)
    if not p.settings_from_generator:
        receiver.start(p.frame_ps, p.detection.predicted_rate_hz)
    arms.begin(ctx)
    on_record = OnRecord(receiver, ctx.recorder)
    delays_ps = _delays_ps(ctx)
    arrival_ps = None
    if p.settings_from_generator:
        arrival_ps = ctx.calibration.value(ARRIVAL)
    ctx.recorder.block(delays_ps=delays_ps, arrival_ps=arrival_ps)
    fit, already = find_key_slots(on_record, p, delays_ps, arrival_ps)
    _record_sync(ctx, fit)
    ctx.conversation.send(
        "block-begins",
        span_s=key_block_span_s(p, fit, already),
        first_pulse=block_first_pulse(p, fit, already),
    )
    party = bob_party(p, ctx.conversation, ctx.randomness, block, mismatch, claim)
    ctx.conversation.drive(party, _events(ctx, on_record, block, fit, already, arms))


def _delays_ps(ctx: PartyContext[Bb84Parameters]) -> list[float]:
    """Return the calibrated delays of the channels."""
    channels = range(len(ctx.roles["receiver"].channels))
    return [ctx.calibration.value(f"delay_ps_{c}") for c in channels]


def bob_party(
    p: Bb84Parameters,
    of: SessionIds,
    randomness: Randomness,
    block: int,
    mismatch: tuple[float, float],
    claim: Claim | None = None,
) -> Bob:
    """Return Bob for one block.

    mismatch: of his detectors, value and standard uncertainty
    claim:    announced before the first pulse, where the theorem wants one
    """
    return Bob(
        block_plan(p, of.key_class, block),
        randomness=randomness,
        session=of.session,
        configuration=of.configuration,
        assumptions=assumptions(p, randomness, mismatch),
        claim=claim,
    )


def _record_sync(ctx: PartyContext[Bb84Parameters], fit: SyncFit) -> None:
    figures = {
        "stretch": fit.stretch,
        "stretch_error": fit.stretch_error,
        "offset_ps": list(fit.offset_ps),
        "header_score": fit.header_score,
        "runner_up": fit.runner_up,
    }
    ctx.recorder.result("sync", figures)
    ctx.recorder.block(sync=figures)


def _events(
    ctx: PartyContext[Bb84Parameters],
    receiver: OnRecord,
    block: int,
    fit: SyncFit,
    already: list[TagBlock],
    arms: BlockArms,
) -> Iterator[Detections | BlockEnded]:
    """Yield the block's detections as they come, then its end.

    After the last block the bench is left dark.
    """
    p = ctx.parameters

    def progress(done: float) -> None:
        ctx.progress("tags (s of link time)", done * p.duration_s, p.duration_s)

    counts = yield from detections(
        receiver,
        p,
        ctx.randomness,
        block,
        fit,
        already,
        progress,
        arms.found(ctx, fit, already),
    )
    receiver.stop()
    arms.end(ctx)
    if block == p.blocks - 1:
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
