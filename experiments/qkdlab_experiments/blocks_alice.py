"""Alice's key blocks: a fresh secret pattern each, then distillation with Bob."""

from __future__ import annotations

from collections.abc import Iterator

from qkdlab.link.alice import Alice
from qkdlab.link.claimed import Claim
from qkdlab.link.events import SettingsSent
from qkdlab.link.method import AUTO
from qkdlab.protocols.symbols import SymbolSource
from qkdlab.randomness import Randomness
from qkdlab.roles import Attenuator
from qkdlab.session.blocks import run_blocks
from qkdlab.session.conversation import SessionIds, public_number
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab.session.recorder import block_name
from qkdlab.session.round_trip import measure_round_trip_s
from qkdlab_experiments.acquisition import believed_span_s
from qkdlab_experiments.between_blocks import between_blocks_alice
from qkdlab_experiments.claim_record import announce_claim, light_begins
from qkdlab_experiments.drift import (
    after_drift,
    check_attenuator,
    class_drifts,
    power_drift,
)
from qkdlab_experiments.frame import assumptions, block_plan
from qkdlab_experiments.intensity import IntensityCalibration, measure_classes
from qkdlab_experiments.key_pattern import KeyPattern, new_pattern
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["alice_blocks", "alice_party"]


def alice_blocks(
    ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
) -> PartyResult:
    """Send key blocks and distil a key from each with Bob.

    levels: how bright the classes are, measured in this run
    """

    def go_dark() -> None:
        ctx.roles["attenuator"].set_shutter_open(False)
        ctx.roles["transmitter"].stop()

    return run_blocks(
        ctx,
        ctx.parameters.blocks,
        lambda block: _one_block(ctx, levels, block),
        go_dark=go_dark,
        between_blocks=between_blocks_alice,
    )


def _one_block(
    ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration, block: int
) -> None:
    p = ctx.parameters
    ready = ctx.conversation.receive("receiver-ready")
    mismatch = (
        public_number(ready, "efficiency_mismatch"),
        public_number(ready, "efficiency_mismatch_uncertainty"),
    )
    ctx.recorder.block(efficiency_mismatch=mismatch)
    round_trip_s = 0.0
    if p.distillation.reconciliation == AUTO:
        round_trip_s = measure_round_trip_s(ctx.conversation, ctx.clock)
        ctx.recorder.block(round_trip_s=round_trip_s)
    claim = announce_claim(ctx, levels.intervals, ready, block)
    pattern = new_pattern(p, ctx.randomness, block)
    try:
        _send_block(ctx, levels, block, pattern, mismatch, claim, round_trip_s)
    finally:
        pattern.wipe()


def _send_block(
    ctx: PartyContext[Bb84Parameters],
    levels: IntensityCalibration,
    block: int,
    pattern: KeyPattern,
    mismatch: tuple[float, float],
    claim: Claim | None,
    round_trip_s: float,
) -> None:
    p = ctx.parameters
    attenuator: Attenuator = ctx.roles["attenuator"]
    ctx.recorder.settings(block_name(block), pattern.on_record())
    pattern.prepare(ctx, levels)
    light_begins(ctx, claim)
    attenuator.set_shutter_open(True)
    pattern.begin(ctx, levels)
    ctx.conversation.send("key-pattern-running", block=block)
    begins = ctx.conversation.receive("block-begins")
    span_s = believed_span_s(p, public_number(begins, "span_s"))
    source = pattern.source(p, begins)
    ctx.recorder.block(first_pulse=pattern.first_pulse)
    party = alice_party(
        p,
        ctx.conversation,
        ctx.randomness,
        block,
        source,
        mismatch,
        claim,
        round_trip_s,
    )
    ctx.conversation.drive(party, _sent(ctx, levels, pattern, span_s))


def alice_party(
    p: Bb84Parameters,
    of: SessionIds,
    randomness: Randomness,
    block: int,
    source: SymbolSource,
    mismatch: tuple[float, float],
    claim: Claim | None = None,
    round_trip_s: float = 0.0,
) -> Alice:
    """Return Alice for one block.

    source:   her settings
    mismatch: of Bob's detectors, value and standard uncertainty, as he told
    claim:    announced before the first pulse, where the theorem wants one
    round_trip_s: measured, where the method of reconciliation follows it
    """
    return Alice(
        block_plan(p, of.key_class, block),
        source=source,
        randomness=randomness,
        session=of.session,
        configuration=of.configuration,
        assumptions=assumptions(p, randomness, mismatch),
        claim=claim,
        round_trip_s=round_trip_s,
    )


def _sent(
    ctx: PartyContext[Bb84Parameters],
    levels: IntensityCalibration,
    pattern: KeyPattern,
    span_s: float,
) -> Iterator[SettingsSent]:
    """Wait until Bob has the whole block, darken, and say what was sent.

    The light is off before anything of the block is disclosed. Attenuator and tap power
    are looked at once more, of the pattern and of each class, so that drift enters the
    intervals.
    """
    attenuator: Attenuator = ctx.roles["attenuator"]
    calibration = ctx.parameters.calibration
    wait_s = span_s + calibration.settle_s
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(wait_s * 1e12))
    # His list is there when he has the block, however slow his clock or his world is.
    ctx.conversation.await_peer()
    check_attenuator(attenuator, levels)
    attenuator.set_shutter_open(False)
    readings_w = ctx.roles["tap_meter"].read_power_w(calibration.meter_readings)
    pulses = pattern.end(ctx)
    drifts = _drifts(ctx, levels, power_drift(readings_w, levels, pattern.frame))
    intensities = after_drift(levels.intervals, drifts)
    ctx.recorder.block(intensities=intensities, pulses_sent=pulses)
    yield SettingsSent(intensities, pulses)


def _drifts(
    ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration, common: float
) -> list[float]:
    """Return the relative drift of each class; the shutter is closed."""
    again = measure_classes(
        ctx.roles["transmitter"], ctx.roles["tap_meter"], ctx.parameters, ctx.clock
    )
    dark_w = ctx.calibration.value("meter_offset_w")
    own = class_drifts(again, levels, dark_w)
    ctx.recorder.result("intensity_drift", common)
    ctx.recorder.result("class_drifts", dict(zip(CLASSES, own, strict=True)))
    return [max(common, drift) for drift in own]
