"""Alice's program: intensities, public pattern, key pattern, then distillation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.link.alice import Alice
from qkdlab.link.events import SettingsSent
from qkdlab.protocols.symbols import CyclicPattern
from qkdlab.roles import Attenuator, Transmitter
from qkdlab.session.conversation import public_number
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.drift import after_drift, check_attenuator, power_drift
from qkdlab_experiments.frame import (
    assumptions,
    block_plan,
    key_frame,
    polarimetry_frame,
)
from qkdlab_experiments.intensity import IntensityCalibration, calibrate_intensities
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["alice"]


def alice(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Bring up the transmitter, send the block, and distil the key with Bob."""
    p = ctx.parameters
    attenuator: Attenuator = ctx.roles["attenuator"]
    ctx.progress("intensities", 0, 1)
    levels = calibrate_intensities(
        ctx.roles["transmitter"],
        attenuator,
        ctx.roles["tap_meter"],
        ctx.calibration,
        p,
        ctx.clock,
        p.wavelength_nm,
    )
    _record(ctx, levels)
    ctx.conversation.send("shutter-closed")
    ready = ctx.conversation.receive("detectors-ready")
    mismatch = (
        public_number(ready, "efficiency_mismatch"),
        public_number(ready, "efficiency_mismatch_uncertainty"),
    )

    _play(ctx, polarimetry_frame(p), levels)
    attenuator.set_shutter_open(True)
    ctx.conversation.send("public-pattern-running")
    ctx.conversation.receive("polarization-aligned")
    attenuator.set_shutter_open(False)

    frame = key_frame(p, ctx.randomness)
    ctx.recorder.settings("pattern", frame)
    _play(ctx, frame, levels)
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


def _play(
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


def _record(ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration) -> None:
    """Keep the calibration in the run file and on the monitor series."""
    now_ps = ctx.clock.now_ps()
    for name, mean, power in zip(CLASSES, levels.mean, levels.tap_power_w, strict=True):
        ctx.recorder.monitor(f"mean_photon_number/{name}", mean, now_ps)
        ctx.recorder.monitor(f"tap_power_w/{name}", power, now_ps)
        ctx.recorder.calibration(_calibration_record(ctx, name, levels))
    ctx.recorder.monitor("attenuation_db", levels.attenuation_db, now_ps)
    ctx.recorder.result(
        "intensity_calibration",
        {
            "mean_photon_number": list(levels.mean),
            "intervals": [list(i) for i in levels.intervals],
            "coverage": levels.coverage,
            "attenuation_db": levels.attenuation_db,
        },
    )


def _calibration_record(
    ctx: PartyContext[Bb84Parameters], name: str, levels: IntensityCalibration
) -> CalibrationRecord:
    """Return the record of one class, good for this run only."""
    index = CLASSES.index(name)
    low, high = levels.intervals[index]
    width = NormalDist().inv_cdf(0.5 + levels.coverage / 2)
    return CalibrationRecord(
        party=ctx.party,
        quantity=f"mean_photon_number_{name}",
        value=levels.mean[index],
        unit="1",
        uncertainty=(high - low) / 2 / width,
        time=ctx.calibration.at + timedelta(microseconds=ctx.clock.now_ps() // 10**6),
        valid_for_s=ctx.parameters.duration_s + 3600.0,
        source="tap meter in this run",
    )
