"""Alice keeps her intensity modulator at its null, by the tap power alone.

Between blocks, with the shutter closed and the drive off, the bias is moved a little to
either side of the null; the powers say where the null has drifted to. Nothing of it
leaves her station.
"""

from __future__ import annotations

from qkdlab.calibration.null_tracking import null_offset_v, null_valid_for_s
from qkdlab.roles import PowerMeter, VoltageSource
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.calibration.bring_up import wait_for_tap
from qkdlab_experiments.parameters import Bb84Parameters

__all__ = ["lock_bias", "null_holds_s"]


def null_holds_s(p: Bb84Parameters) -> float:
    """Return for how long a null found now holds; lithium niobate creeps."""
    signal, _, vacuum = p.intensities.ordered()
    source = p.calibration.source
    return null_valid_for_s(
        vacuum.mean_photon_number / signal.mean_photon_number,
        source.null_walk_rad_per_sqrt_s,
        source.null_creep_rad,
    )


def lock_bias(ctx: PartyContext[Bb84Parameters]) -> float:
    """Follow the null; return by how many volts it had moved.

    The laser must be on, the shutter closed and the drive off. The new null is put on
    record and counts from then on.
    """
    bias: VoltageSource = ctx.roles["modulator_bias"]
    p, book = ctx.parameters, ctx.calibration
    before_v = book.value("modulator_null_v")
    v_pi_v = book.value("modulator_dc_v_pi_v")
    dither_v = p.tracking.dither_share * v_pi_v
    below_w = _read(ctx, before_v - dither_v)
    at_w = _read(ctx, before_v)
    above_w = _read(ctx, before_v + dither_v)
    offset = null_offset_v(below_w, at_w, above_w, dither_v, v_pi_v)
    limits = bias.voltage_capabilities()
    null_v = before_v + offset.value
    # nulls repeat every two V_pi: one of them is within reach of the source
    while null_v - dither_v < limits.min_v:
        null_v += 2.0 * v_pi_v
    while null_v + dither_v > limits.max_v:
        null_v -= 2.0 * v_pi_v
    bias.set_voltage_v(null_v)
    record = book.measured(
        "modulator_null_v",
        null_v,
        "V",
        offset.uncertainty,
        valid_for_s=null_holds_s(p),
        source="bias lock between blocks",
    )
    book.add(record)
    ctx.recorder.calibration(record)
    ctx.recorder.monitor("modulator_bias_v", null_v, ctx.clock.now_ps())
    return offset.value


def _read(ctx: PartyContext[Bb84Parameters], voltage_v: float) -> list[float]:
    bias: VoltageSource = ctx.roles["modulator_bias"]
    meter: PowerMeter = ctx.roles["tap_meter"]
    calibration = ctx.parameters.calibration
    bias.set_voltage_v(voltage_v)
    wait_for_tap(ctx, calibration.settle_s)
    return meter.read_power_w(max(2, calibration.meter_readings // 4))
