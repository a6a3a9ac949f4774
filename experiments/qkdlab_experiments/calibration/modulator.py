"""Step 3: the intensity modulator's null, V_pi of bias and drive, and extinction.

First the bias voltage is swept with the drive at rest, then, at the null, the drive's
amplitude with the bias at rest. That symbols act on their neighbours is no matter of
this step: it plays one level at a time.

Charges in the crystal follow the bias within seconds and screen some of it. The sweep
therefore goes from side to side, so that none gather; then the null is found once more
where the bias will stand, after a wait, from points on both sides of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from qkdlab.calibration.measured import Measured
from qkdlab.calibration.modulator_sweep import (
    BiasFit,
    DriveFit,
    extinction_db,
    fit_bias,
    fit_drive,
)
from qkdlab.calibration.order import interleaved
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.roles import PowerMeter, Transmitter, VoltageSource
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.bias_lock import null_holds_s
from qkdlab_experiments.calibration.bring_up import light_on, wait, wait_for_tap
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice", "find_null"]

_VALID_S = 86_400.0
_READINGS = 2
_MOST_RESIDUAL = 0.02
_MOST_RELATIVE_ERROR = 0.02
_SETTLING_S = 1.0, 0.5
"""Before the null is looked for, and before it is looked for once more."""
_ASIDE = 0.1
"""Of V_pi, to both sides of the null."""
_RESTLESS_RAD = 1.6e-4
"""From one reading to the next the modulator's phase stands no stiller [guess]; where
it is worse, the fits' residuals tell."""
_NULL_RAD = 1e-4
"""The same for the mean of the eight readings around a null [guess]."""
_WANDER_RAD = 6e-4
"""How far it goes in the seconds of a sweep [guess]."""
_SCREENED = 1.5e-4
"""Of a bias, what charges take away while one point of the sweep is read [guess]."""
_DRIVE_REACH = 1.3
"""The drive is swept to so much of the V_pi of the label."""

Array = NDArray[np.float64]


def alice(ctx: PartyContext[Bb84Parameters]) -> StepOutcome:
    """Sweep bias and drive, each at the other's rest."""
    light_on(ctx)
    volts, power_w, error_w = _bias_sweep(ctx)
    try:
        bias = fit_bias(volts, power_w, error_w)
    except ValueError:
        return StepOutcome(
            curves=(_curve("Bias of the modulator", volts, power_w, error_w),),
            problem=f"the tap power does not go up and down with a bias of up to "
            f"{volts[-1]:g} V (it lies between {power_w.min():.2g} W and "
            f"{power_w.max():.2g} W); look at the light before the modulator, at the "
            "cable of its bias electrode, or raise bias_span_v",
        )
    middle_v = find_null(ctx, bias.null_v.value, bias)
    null = _above_dark(ctx, _read(ctx, ctx.parameters.calibration.meter_readings))
    drive_v, driven_w, driven_error_w = _drive_sweep(ctx)
    curves = [_bias_curve(volts, power_w, error_w, bias)]
    try:
        drive = fit_drive(
            drive_v,
            driven_w,
            driven_error_w,
            ctx.parameters.calibration.source.intensity_v_pi_v,
        )
        peak = Measured(float(drive.parameters[1]), float(driven_error_w.max()))
        missed_w = peak.value * (_WANDER_RAD / 2) ** 2
        null_error_w = float(np.hypot(null.uncertainty, missed_w))
        extinction = extinction_db(Measured(null.value, null_error_w), peak)
    except ValueError as error:
        curves.append(_curve("Drive", drive_v, driven_w, driven_error_w))
        return StepOutcome(
            curves=tuple(curves),
            problem=f"{error}; look at the amplifier between generator and modulator, "
            "and at intensity_v_pi_v",
        )
    curves.append(_drive_curve(drive_v, driven_w, driven_error_w, drive))
    # The crystal has crept on meanwhile.
    null_v = find_null(ctx, middle_v.value, bias)
    figures = {
        "null_in_sweep_v": bias.null_v.value,
        "null_w": null.value,
        "peak_w": peak.value,
        "bias_residual": bias.residual,
        "drive_residual": drive.residual,
        "drive_compression": drive.compression.value,
        "phase_at_null_rad": drive.phase_rad.value,
    }
    found = {
        "modulator_null_v": (null_v, "V"),
        "modulator_dc_v_pi_v": (_widened(bias.v_pi_v, _SCREENED), "V"),
        "modulator_extinction": (extinction, "dB"),
        "intensity_v_pi": (drive.v_pi_v, "V"),
    }
    null_valid_s = null_holds_s(ctx.parameters)
    records = tuple(
        ctx.calibration.measured(
            quantity,
            measured.value,
            unit,
            measured.uncertainty,
            valid_for_s=null_valid_s if quantity == "modulator_null_v" else _VALID_S,
            source="sweep of the modulator, tap meter",
        )
        for quantity, (measured, unit) in found.items()
    )
    problem = _problem(bias, drive)
    return StepOutcome(
        () if problem else records, figures, tuple(curves), problem=problem
    )


def _play(ctx: PartyContext[Bb84Parameters], level_v: float, span_v: float) -> None:
    """Play one constant level of the intensity modulator's drive."""
    p = ctx.parameters
    n = p.pattern.header_symbols
    transmitter: Transmitter = ctx.roles["transmitter"]
    transmitter.stop()
    transmitter.upload(
        np.zeros(n, np.uint8),
        {},
        samples_per_symbol=p.pattern.samples_per_symbol,
        symbol_period_ps=p.symbol_period_ps,
        intensity_v=np.full(n, level_v),
        intensity_span_v=span_v,
        polarization_v=np.zeros(n),
    )
    transmitter.start()


def _bias_sweep(ctx: PartyContext[Bb84Parameters]) -> tuple[Array, Array, Array]:
    """Return voltages, tap powers and their uncertainties; the drive rests."""
    source = ctx.parameters.calibration.source
    bias: VoltageSource = ctx.roles["modulator_bias"]
    limits = bias.voltage_capabilities()
    low_v = max(-source.bias_span_v, limits.min_v)
    high_v = min(source.bias_span_v, limits.max_v)
    volts = np.linspace(low_v, high_v, source.bias_points)
    # Whatever voltage somebody left set is not to flow.
    bias.set_voltage_v(0.0)
    bias.set_output_on(True)
    readings: dict[int, Measured] = {}
    for k in np.argsort(np.abs(volts), kind="stable"):
        bias.set_voltage_v(float(volts[k]))
        readings[int(k)] = _read(ctx)
    return volts, *_columns([readings[k] for k in range(volts.size)])


def find_null(
    ctx: PartyContext[Bb84Parameters], near_v: float, fit: BiasFit
) -> Measured:
    """Return the null near a voltage, charges settled; the bias is left there.

    Equal power on both sides of the null puts it in the middle. The drive rests.
    """
    bias: VoltageSource = ctx.roles["modulator_bias"]
    v_pi_v = fit.v_pi_v.value
    half_swing_w = 0.5 * float(fit.parameters[1] - fit.parameters[0])
    per_volt_w = 2 * half_swing_w * np.sin(np.pi * _ASIDE) * np.pi / v_pi_v
    null_v = near_v
    offs: list[float] = []
    for wait_s in _SETTLING_S:
        bias.set_voltage_v(null_v)
        wait(ctx, wait_s)
        offs = []
        # There and back: a steady drift of the phase falls out.
        for side in (1, -1, -1, 1):
            bias.set_voltage_v(null_v + side * _ASIDE * v_pi_v)
            offs.append(-side * _read(ctx).value / per_volt_w * 2)
        null_v += fmean(offs)
    bias.set_voltage_v(null_v)
    apart_v = abs((offs[0] + offs[1]) - (offs[2] + offs[3])) / 4
    steadiness_v = _NULL_RAD / np.pi * v_pi_v
    return Measured(null_v, float(np.hypot(apart_v, steadiness_v)))


def _widened(measured: Measured, relative: float) -> Measured:
    """Return a value with what its fit cannot know added to its uncertainty."""
    own = relative * measured.value
    return Measured(measured.value, float(np.hypot(measured.uncertainty, own)))


def _above_dark(ctx: PartyContext[Bb84Parameters], read: Measured) -> Measured:
    """Return a power less what the meter reads in the dark."""
    dark = ctx.calibration.record("meter_offset_w")
    uncertainty_w = float(np.hypot(read.uncertainty, dark.uncertainty))
    return Measured(read.value - dark.value, uncertainty_w)


def _drive_sweep(
    ctx: PartyContext[Bb84Parameters],
) -> tuple[Array, Array, Array]:
    """Return drive voltages, tap powers and their uncertainties; the bias rests."""
    source = ctx.parameters.calibration.source
    span_v = _DRIVE_REACH * source.intensity_v_pi_v
    volts = np.linspace(0.0, span_v, source.drive_points)
    readings: dict[int, Measured] = {}
    for k in interleaved(volts.size):
        _play(ctx, float(volts[k]), span_v)
        readings[k] = _read(ctx)
    ctx.roles["transmitter"].stop()
    return volts, *_columns([readings[k] for k in range(volts.size)])


def _read(ctx: PartyContext[Bb84Parameters], n_readings: int = _READINGS) -> Measured:
    meter: PowerMeter = ctx.roles["tap_meter"]
    wait_for_tap(ctx, _VOLTAGE_S)
    watts = meter.read_power_w(n_readings)
    return Measured(fmean(watts), stdev(watts) / len(watts) ** 0.5)


_VOLTAGE_S = 0.01
"""By when a bias or a level of the drive stands [guess]."""


def _columns(readings: Sequence[Measured]) -> tuple[Array, Array]:
    """Return values and uncertainties.

    The scatter is pooled, for few readings of one setting tell too little: of bright
    settings relative to the power, of dark ones in watts. On the slopes the power
    follows the modulator's own phase, which is never quite at rest.
    """
    values = np.array([r.value for r in readings])
    scatter = np.array([r.uncertainty for r in readings])
    bright = values > 0.2 * values.max()
    relative = float(np.sqrt(np.mean((scatter[bright] / values[bright]) ** 2)))
    floor_w = float(np.median(scatter[~bright])) if np.any(~bright) else 0.0
    swing = np.clip(values, 0.0, None) * (values.max() - values)
    restless_w = _RESTLESS_RAD * np.sqrt(swing)
    noise_w = np.hypot(floor_w, relative * values)
    return values, np.hypot(noise_w, restless_w) + 1e-15


def _problem(bias: BiasFit, drive: DriveFit) -> str | None:
    for name, residual in (("bias", bias.residual), ("drive", drive.residual)):
        if residual > _MOST_RESIDUAL:
            return (
                f"the tap power is no raised cosine of the {name} (residual "
                f"{100 * residual:.1f} %); look for light that drifts"
            )
    for name, v_pi in (("bias", bias.v_pi_v), ("drive", drive.v_pi_v)):
        if v_pi.uncertainty > _MOST_RELATIVE_ERROR * v_pi.value:
            return (
                f"V_pi of the {name} is known to {v_pi.uncertainty:.2g} V only; take "
                f"more {name}_points"
            )
    return None


def _bias_curve(volts: Array, power_w: Array, error_w: Array, fit: BiasFit) -> Curve:
    fine = np.linspace(volts[0], volts[-1], 201)
    marks = {
        "null": fit.null_v.value,
        "null + V_pi": fit.null_v.value + fit.v_pi_v.value,
    }
    title = "Bias of the modulator, drive at rest"
    return _curve(title, volts, power_w, error_w, fine, fit.power_w(fine), marks)


def _drive_curve(volts: Array, power_w: Array, error_w: Array, fit: DriveFit) -> Curve:
    fine = np.linspace(volts[0], volts[-1], 201)
    title = "Drive of the modulator at its null"
    marks = {"V_pi": fit.v_pi_v.value}
    return _curve(title, volts, power_w, error_w, fine, fit.power_w(fine), marks)


def _curve(
    title: str,
    volts: Array,
    power_w: Array,
    error_w: Array,
    fine: Array | None = None,
    line_w: Array | None = None,
    marks: dict[str, float] | None = None,
) -> Curve:
    return Curve(
        title,
        "voltage (V)",
        "tap power (W)",
        tuple(volts.tolist()),
        tuple(power_w.tolist()),
        tuple(error_w.tolist()),
        () if fine is None else tuple(fine.tolist()),
        () if line_w is None else tuple(line_w.tolist()),
        marks or {},
    )
