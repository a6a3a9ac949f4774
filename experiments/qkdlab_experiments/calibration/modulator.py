"""Step 3: the intensity modulator's null, V_pi of bias and drive, and extinction.

First the bias voltage is swept with the drive at rest, then, at the null, the drive's
amplitude with the bias at rest. That symbols act on their neighbours is no matter of
this step: it plays one level at a time.
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
from qkdlab.calibration.outcome import Curve, StepOutcome
from qkdlab.roles import PowerMeter, Transmitter, VoltageSource
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import light_on, wait
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["alice"]

_VALID_S = 86_400.0
_READINGS = 3
_MOST_RESIDUAL = 0.02
_MOST_RELATIVE_ERROR = 0.02
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
    null, peak = _extremes(ctx, bias)
    drive_v, driven_w, driven_error_w = _drive_sweep(ctx, bias.null_v.value)
    curves = [_bias_curve(volts, power_w, error_w, bias)]
    try:
        extinction = extinction_db(null, peak)
        drive = fit_drive(
            drive_v,
            driven_w,
            driven_error_w,
            ctx.parameters.calibration.source.intensity_v_pi_v,
        )
    except ValueError as error:
        curves.append(_curve("Drive", drive_v, driven_w, driven_error_w))
        return StepOutcome(
            curves=tuple(curves),
            problem=f"{error}; look at the amplifier between generator and modulator, "
            "and at intensity_v_pi_v",
        )
    curves.append(_drive_curve(drive_v, driven_w, driven_error_w, drive))
    figures = {
        "null_w": null.value,
        "peak_w": peak.value,
        "bias_residual": bias.residual,
        "drive_residual": drive.residual,
        "drive_compression": drive.compression.value,
        "phase_at_null_rad": drive.phase_rad.value,
    }
    found = {
        "modulator_null_v": (bias.null_v, "V"),
        "modulator_dc_v_pi_v": (bias.v_pi_v, "V"),
        "modulator_extinction": (extinction, "dB"),
        "intensity_v_pi": (drive.v_pi_v, "V"),
    }
    records = tuple(
        ctx.calibration.measured(
            quantity,
            measured.value,
            unit,
            measured.uncertainty,
            valid_for_s=_VALID_S,
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
    bias.set_output_on(True)
    readings = []
    for volt in volts:
        bias.set_voltage_v(float(volt))
        readings.append(_read(ctx))
    return volts, *_columns(readings)


def _extremes(
    ctx: PartyContext[Bb84Parameters], fit: BiasFit
) -> tuple[Measured, Measured]:
    """Return the power at the null and at the maximum; the bias is left at the null."""
    bias: VoltageSource = ctx.roles["modulator_bias"]
    null_v, v_pi_v = fit.null_v.value, fit.v_pi_v.value
    bias.set_voltage_v(null_v - v_pi_v if null_v > 0 else null_v + v_pi_v)
    n_readings = ctx.parameters.calibration.meter_readings
    peak = _read(ctx, n_readings)
    bias.set_voltage_v(null_v)
    null = _read(ctx, n_readings)
    dark = ctx.calibration.record("meter_offset_w")
    dark_error_w = float(np.hypot(null.uncertainty, dark.uncertainty))
    null = Measured(null.value - dark.value, dark_error_w)
    # what the null's own uncertainty lets through, beside the noise
    missed = (np.pi / 2 * fit.null_v.uncertainty / v_pi_v) ** 2 * peak.value
    return Measured(null.value, float(np.hypot(null.uncertainty, missed))), peak


def _drive_sweep(
    ctx: PartyContext[Bb84Parameters], null_v: float
) -> tuple[Array, Array, Array]:
    """Return drive voltages, tap powers and their uncertainties; the bias rests."""
    source = ctx.parameters.calibration.source
    bias: VoltageSource = ctx.roles["modulator_bias"]
    bias.set_voltage_v(null_v)
    span_v = _DRIVE_REACH * source.intensity_v_pi_v
    volts = np.linspace(0.0, span_v, source.drive_points)
    readings = []
    for volt in volts:
        _play(ctx, float(volt), span_v)
        readings.append(_read(ctx))
    ctx.roles["transmitter"].stop()
    return volts, *_columns(readings)


def _read(ctx: PartyContext[Bb84Parameters], n_readings: int = _READINGS) -> Measured:
    meter: PowerMeter = ctx.roles["tap_meter"]
    wait(ctx, _SETTLE_S)
    watts = meter.read_power_w(n_readings)
    return Measured(fmean(watts), stdev(watts) / len(watts) ** 0.5)


_SETTLE_S = 0.01


def _columns(readings: Sequence[Measured]) -> tuple[Array, Array]:
    """Return values and uncertainties.

    The scatter is pooled, for few readings of one setting tell too little: of bright
    settings relative to the power, of dark ones in watts.
    """
    values = np.array([r.value for r in readings])
    scatter = np.array([r.uncertainty for r in readings])
    bright = values > 0.2 * values.max()
    relative = float(np.sqrt(np.mean((scatter[bright] / values[bright]) ** 2)))
    floor_w = float(np.median(scatter[~bright])) if np.any(~bright) else 0.0
    return values, np.hypot(floor_w, relative * values) + 1e-15


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
