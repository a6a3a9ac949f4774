"""Step 2: meter zero, the laser's threshold, and its current below it.

Without the clock's sine the laser's light against current has a corner: the threshold.
The bias lies a stated share below, so that the laser falls dark between the clock's
pulses and each pulse begins from noise, with a phase of its own (SECURITY rule 3,
assumption "phase randomised").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.calibration.threshold import ThresholdFit, fit_threshold
from qkdlab.roles import ClockSource, LaserDriver
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import clock_on, wait, zero_meter
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice"]

_VALID_S = 7 * 86_400.0
_STEP_MA = 1e-3
"""A photodiode reading is rounded to this; what the fit leaves over counts, too."""
_MOST_RESIDUAL = 0.03
_MOST_RELATIVE_ERROR = 0.03


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Zero the meter, find the threshold, set the current below it."""
    laser: LaserDriver = ctx.roles["laser"]
    clock: ClockSource = ctx.roles["clock"]
    offset = zero_meter(ctx)
    timebase = clock.get_timebase()
    if timebase == "unlocked":
        return StepOutcome(problem="the clock's timebase is unlocked; look at its rear")
    laser.set_cooler_on(True)
    laser.set_thermistor_ohm(ctx.parameters.calibration.source.thermistor_ohm)
    current_ma, light_ma = _sweep(ctx)
    figures = {
        "timebase": timebase,
        "meter_offset_w": offset.value,
        "current_limit_ma": float(current_ma[-1]),
    }
    try:
        fit = fit_threshold(
            current_ma, light_ma, np.full(current_ma.size, _STEP_MA / 12**0.5)
        )
    except ValueError:
        return StepOutcome(
            figures=figures,
            curves=(_curve(current_ma, light_ma, None, {}),),
            problem=f"no threshold below the current limit of {current_ma[-1]:.4g} mA; "
            "look at the laser's connector and photodiode, or raise current_limit_ma",
        )
    bias_ma = ctx.parameters.calibration.source.laser_bias_share
    bias_ma *= fit.threshold_ma.value
    laser.set_current_ma(bias_ma)
    laser.set_laser_on(True)
    clock_on(ctx)
    wait(ctx, ctx.parameters.calibration.settle_s)
    pulsed_ma = laser.get_photodiode_ma()
    figures |= {
        "slope_per_ma": fit.slope.value,
        "fit_residual_ma": fit.residual,
        "photodiode_pulsed_ma": pulsed_ma,
        "photodiode_at_bias_ma": float(fit.light(np.array([bias_ma]))[0]),
    }
    marks = {"threshold": fit.threshold_ma.value, "bias": bias_ma}
    curve = _curve(current_ma, light_ma, fit, marks)
    problem = _problem(ctx, fit, light_ma, bias_ma, pulsed_ma)
    if problem is not None:
        return StepOutcome(figures=figures, curves=(curve,), problem=problem)
    resolution_ma = laser.laser_capabilities().current_resolution_ma
    book = ctx.calibration
    source = "photodiode against current, clock off"
    records = (
        offset,
        book.measured(
            "laser_threshold_ma",
            fit.threshold_ma.value,
            "mA",
            fit.threshold_ma.uncertainty,
            valid_for_s=_VALID_S,
            source=source,
        ),
        book.measured(
            "laser_bias_ma",
            bias_ma,
            "mA",
            resolution_ma / 12**0.5,
            valid_for_s=_VALID_S,
            source=source,
        ),
    )
    return StepOutcome(records, figures, (curve,))


def _sweep(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (currents, photodiode currents) in mA; the laser is left off."""
    laser: LaserDriver = ctx.roles["laser"]
    n = ctx.parameters.calibration.source.laser_points
    laser.set_current_ma(0.0)
    laser.set_laser_on(True)
    # Drivers write the limit before they switch on, hence the question after.
    current_ma = np.linspace(0.0, laser.get_current_limit_ma(), n)
    light_ma = np.empty(n)
    wait(ctx, ctx.parameters.calibration.settle_s)
    for k in range(n):
        laser.set_current_ma(float(current_ma[k]))
        current_ma[k] = laser.get_current_ma()
        wait(ctx, _RAMP_S)
        light_ma[k] = laser.get_photodiode_ma()
    laser.set_current_ma(0.0)
    laser.set_laser_on(False)
    return current_ma, light_ma


_RAMP_S = 0.02
"""A current source of lasers moves slowly to what it was told [guess]."""


def _problem(
    ctx: PartyContext[Bb84Parameters],
    fit: ThresholdFit,
    light_ma: NDArray[np.float64],
    bias_ma: float,
    pulsed_ma: float,
) -> str | None:
    threshold = fit.threshold_ma
    if fit.residual > _MOST_RESIDUAL * float(light_ma.max()):
        return (
            f"the light is no corner of two lines (residual {fit.residual:.2g} mA of "
            f"{light_ma.max():.2g} mA); look for reflections into the laser"
        )
    if threshold.uncertainty > _MOST_RELATIVE_ERROR * threshold.value:
        return (
            f"the threshold is known to {threshold.uncertainty:.2g} mA only; take more "
            "laser_points"
        )
    if threshold.value - bias_ma < 5 * threshold.uncertainty:
        return (
            f"the bias of {bias_ma:.2f} mA may be above threshold; lower "
            "laser_bias_share"
        )
    if pulsed_ma < float(fit.light(np.array([bias_ma]))[0]) + 3 * _STEP_MA:
        return (
            f"no pulses at {bias_ma:.2f} mA with the clock on: is the RF connected to "
            "the bias-T, and is clock_power_dbm enough for the pulse former?"
        )
    return None


def _curve(
    current_ma: NDArray[np.float64],
    light_ma: NDArray[np.float64],
    fit: ThresholdFit | None,
    marks: dict[str, float],
) -> Curve:
    fine = np.linspace(current_ma[0], current_ma[-1], 201)
    line = () if fit is None else tuple(fit.light(fine).tolist())
    return Curve(
        "Light of the laser without its clock",
        "current (mA)",
        "monitor photodiode (mA)",
        tuple(current_ma.tolist()),
        tuple(light_ma.tolist()),
        fit_x=tuple(fine.tolist()) if line else (),
        fit_y=line,
        marks=marks,
    )
