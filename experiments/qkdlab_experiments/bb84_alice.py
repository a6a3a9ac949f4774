"""Alice's program: intensities, public pattern, then the key blocks."""

from __future__ import annotations

from datetime import timedelta
from statistics import NormalDist

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.roles import Attenuator
from qkdlab.session.experiment import PartyContext, PartyResult
from qkdlab_experiments.blocks_alice import alice_blocks, play
from qkdlab_experiments.calibration.bring_up import light_on
from qkdlab_experiments.frame import polarimetry_frame
from qkdlab_experiments.intensity import IntensityCalibration, calibrate_intensities
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["alice"]


def alice(ctx: PartyContext[Bb84Parameters]) -> PartyResult:
    """Bring up the transmitter, send key blocks, and distil the keys with Bob."""
    p = ctx.parameters
    attenuator: Attenuator = ctx.roles["attenuator"]
    ctx.progress("light", 0, 1)
    light_on(ctx)
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
    ctx.conversation.receive("detectors-ready")

    play(ctx, polarimetry_frame(p), levels)
    attenuator.set_shutter_open(True)
    ctx.conversation.send("public-pattern-running")
    ctx.conversation.receive("polarization-aligned")
    attenuator.set_shutter_open(False)

    return alice_blocks(ctx, levels)


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
