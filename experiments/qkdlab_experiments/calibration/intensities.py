"""Step 6: mean photon numbers of the classes, and the attenuator set for the signal."""

from __future__ import annotations

from qkdlab.calibration.measured import coverage_factor
from qkdlab.calibration.outcome import StepOutcome
from qkdlab.calibration.records import CalibrationRecord
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import Attenuator
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import light_on, zero_meter
from qkdlab_experiments.intensity import IntensityCalibration, calibrate_intensities
from qkdlab_experiments.parameters import CLASSES, Bb84Parameters

__all__ = ["alice"]

_SPARE_S = 3600.0
"""What is measured holds for a run and so much more."""


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Zero the meter in the dark, read each class alone, set the attenuator."""
    p = ctx.parameters
    offset = zero_meter(ctx)
    ctx.calibration.add(offset)
    light_on(ctx)
    try:
        levels = calibrate_intensities(
            ctx.roles["transmitter"],
            ctx.roles["attenuator"],
            ctx.roles["tap_meter"],
            ctx.calibration,
            p,
            ctx.clock,
            p.wavelength_nm,
        )
    except SecurityAbort as abort:
        if abort.code is not AbortCode.INTENSITY_OUTSIDE_INTERVAL:
            raise
        return StepOutcome(
            figures=dict(abort.numbers),
            problem=f"{abort.reason}; look at the laser's power, at the modulator's "
            "bias and at the losses up to Alice's output",
        )
    figures = {
        "mean_photon_number": list(levels.mean),
        "intervals": [list(one) for one in levels.intervals],
        "coverage": levels.coverage,
        "attenuation_db": levels.attenuation_db,
    }
    return StepOutcome((offset, *_records(ctx, levels)), figures)


def _records(
    ctx: PartyContext[Bb84Parameters], levels: IntensityCalibration
) -> tuple[CalibrationRecord, ...]:
    attenuator: Attenuator = ctx.roles["attenuator"]
    width = coverage_factor(levels.coverage)
    readings = levels.readings
    found: list[tuple[str, float, str, float]] = []
    for k, name in enumerate(CLASSES):
        high = levels.intervals[k][1]
        uncertainty = (high - levels.mean[k]) / width
        found += [
            (f"mean_photon_number_{name}", levels.mean[k], "1", uncertainty),
            (f"tap_power_w_{name}", readings.watts[k], "W", readings.errors_w[k]),
        ]
    step_db = attenuator.attenuator_capabilities().resolution_db
    found.append(("attenuation_db", levels.attenuation_db, "dB", step_db / 12**0.5))
    return tuple(
        ctx.calibration.measured(
            quantity,
            value,
            unit,
            uncertainty,
            valid_for_s=ctx.parameters.duration_s + _SPARE_S,
            source="tap meter, each class alone",
        )
        for quantity, value, unit, uncertainty in found
    )
