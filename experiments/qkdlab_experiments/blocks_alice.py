"""Alice's key blocks: a fresh secret pattern each, then distillation with Bob."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qkdlab.link.alice import Alice
from qkdlab.link.events import SettingsSent
from qkdlab.protocols.symbols import CyclicPattern
from qkdlab.roles import Attenuator, Transmitter
from qkdlab.session.conversation import public_number
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.drift import after_drift, check_attenuator, power_drift
from qkdlab_experiments.frame import assumptions, block_plan, key_frame
from qkdlab_experiments.intensity import IntensityCalibration
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice_blocks", "play"]


def alice_blocks(
    ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
) -> PartyResult:
    """Send the block and distil the key with Bob.

    levels: how bright the classes are, measured in this run
    """
    p = ctx.parameters
    attenuator: Attenuator = ctx.roles["attenuator"]
    ready = ctx.conversation.receive("receiver-ready")
    mismatch = (
        public_number(ready, "efficiency_mismatch"),
        public_number(ready, "efficiency_mismatch_uncertainty"),
    )
    frame = key_frame(p, ctx.randomness)
    ctx.recorder.settings("pattern", frame)
    play(ctx, frame, levels)
    attenuator.set_shutter_open(True)
    ctx.conversation.send("key-pattern-running")
    span_s = public_number(ctx.conversation.receive("block-begins"), "span_s")
    party = Alice(
        block_plan(p, ctx.conversation.key_class),
        source=CyclicPattern(frame),
        randomness=ctx.randomness,
        session=ctx.conversation.session,
        configuration=ctx.conversation.configuration,
        assumptions=assumptions(p, ctx.randomness, mismatch),
    )
    events = _sent(ctx, levels, frame, span_s)
    return PartyResult(ctx.conversation.drive(party, events))


def _sent(
    ctx: PartyContext[Bb84Parameters],
    levels: IntensityCalibration,
    frame: NDArray[np.uint8],
    span_s: float,
) -> Iterator[SettingsSent]:
    """Wait until Bob has the whole block, darken, and say what was sent.

    The light is off before anything of the block is disclosed. Attenuator and tap power
    are looked at once more, so that drift enters the intervals.
    """
    attenuator: Attenuator = ctx.roles["attenuator"]
    calibration = ctx.parameters.calibration
    wait_s = span_s + calibration.settle_s
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(wait_s * 1e12))
    check_attenuator(attenuator, levels)
    attenuator.set_shutter_open(False)
    readings_w = ctx.roles["tap_meter"].read_power_w(calibration.meter_readings)
    ctx.roles["transmitter"].stop()
    drift = power_drift(readings_w, levels, frame)
    ctx.recorder.result("intensity_drift", drift)
    yield SettingsSent(intensities=after_drift(levels.intervals, drift))


def play(
    ctx: PartyContext[Bb84Parameters],
    frame: NDArray[np.uint8],
    levels: IntensityCalibration,
) -> None:
    """Upload a frame and start it; the shutter is the caller's."""
    transmitter: Transmitter = ctx.roles["transmitter"]
    transmitter.stop()
    transmitter.upload(
        frame,
        levels.transmissions,
        samples_per_symbol=ctx.parameters.pattern.samples_per_symbol,
        symbol_period_ps=ctx.parameters.symbol_period_ps,
    )
    transmitter.start()
