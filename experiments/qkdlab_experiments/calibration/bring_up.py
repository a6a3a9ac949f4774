"""Alice's light source brought to where her records say, before a step or a block."""

from __future__ import annotations

from statistics import fmean, stdev

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.roles import (
    Attenuator,
    ClockSource,
    DelayGenerator,
    LaserDriver,
    PowerMeter,
    Transmitter,
    VoltageSource,
)
from qkdlab.session.experiment import PartyContext
from qkdlab_experiments.parameters import Bb84Parameters

_OFFSET_VALID_S = 7 * 86_400.0
_SYNC_THRESHOLD_V = 1.0
"""At which the generator's sync output triggers the delay generator."""
_SYNC_LEVEL_V = 1.0
"""Of the mark of each frame at Bob's START."""
_SYNC_WIDTH_PS = 100_000

__all__ = ["clock_on", "light_on", "wait", "wait_for_tap", "zero_meter"]


def wait(ctx: PartyContext[Bb84Parameters], seconds: float) -> None:
    """Let the bench's time go by."""
    ctx.clock.sleep_until(ctx.clock.now_ps() + round(seconds * 1e12))


def wait_for_tap(ctx: PartyContext[Bb84Parameters], seconds: float) -> None:
    """Let new light come to rest for `seconds`, then the tap meter come to it."""
    meter: PowerMeter = ctx.roles["tap_meter"]
    wait(ctx, seconds + meter.settling_time_s())


def clock_on(ctx: PartyContext[Bb84Parameters]) -> None:
    """Let the clock drive the laser's pulse former, in the phase that is on record."""
    p = ctx.parameters
    clock: ClockSource = ctx.roles["clock"]
    clock.set_frequency_hz(1e12 / p.symbol_period_ps)
    clock.set_power_dbm(p.calibration.source.clock_power_dbm)
    if ctx.calibration.knows("symbol_phase_deg"):
        clock.set_phase_deg(ctx.calibration.value("symbol_phase_deg"))
    clock.set_output_on(True)


def light_on(ctx: PartyContext[Bb84Parameters]) -> None:
    """Make pulses: cooler, laser below threshold, clock, modulator at its null.

    The shutter is left closed, the drive of the modulators off; the mark of each frame
    goes to Bob. What runs already is set once more, which changes nothing. Raises as
    `PartyBook.record` for the laser's current, and InstrumentError when an instrument
    does not come up; a modulator without a record of its null keeps its bias.
    """
    laser: LaserDriver = ctx.roles["laser"]
    attenuator: Attenuator = ctx.roles["attenuator"]
    transmitter: Transmitter = ctx.roles["transmitter"]
    bias: VoltageSource = ctx.roles["modulator_bias"]
    current_ma = ctx.calibration.value("laser_bias_ma")
    attenuator.set_shutter_open(False)
    transmitter.stop()
    if ctx.calibration.knows("modulator_null_v"):
        bias.set_voltage_v(ctx.calibration.value("modulator_null_v"))
        bias.set_output_on(True)
    _sync_on(ctx.roles["sync_delay"])
    if laser.get_laser_on() and ctx.roles["clock"].get_output_on():
        laser.set_current_ma(current_ma)
        return
    laser.set_cooler_on(True)
    laser.set_thermistor_ohm(ctx.parameters.calibration.source.thermistor_ohm)
    laser.set_current_ma(current_ma)
    laser.set_laser_on(True)
    # Last: the pulses would drive a diode without bias into reverse.
    clock_on(ctx)
    wait(ctx, ctx.parameters.calibration.settle_s)


def _sync_on(delay: DelayGenerator) -> None:
    """Level and shape the mark of each frame on its way to Bob's START."""
    delay.set_external_trigger(_SYNC_THRESHOLD_V)
    delay.set_pulse("AB", 0, _SYNC_WIDTH_PS)
    delay.set_level("AB", _SYNC_LEVEL_V)


def zero_meter(ctx: PartyContext[Bb84Parameters]) -> CalibrationRecord:
    """Zero the tap meter in the dark: laser and clock off, which are left off.

    The clock's pulses lift a laser over its threshold without any direct current.
    Returns the record ``meter_offset_w`` of what it still reads in the dark: each
    zeroing leaves an offset of its own.
    """
    clock: ClockSource = ctx.roles["clock"]
    meter: PowerMeter = ctx.roles["tap_meter"]
    attenuator: Attenuator = ctx.roles["attenuator"]
    attenuator.set_shutter_open(False)
    ctx.roles["transmitter"].stop()
    clock.set_output_on(False)
    ctx.roles["laser"].set_laser_on(False)
    meter.set_wavelength_nm(ctx.parameters.wavelength_nm)
    wait_for_tap(ctx, ctx.parameters.calibration.settle_s)
    meter.zero()
    dark_w = meter.read_power_w(ctx.parameters.calibration.meter_readings)
    return ctx.calibration.measured(
        "meter_offset_w",
        fmean(dark_w),
        "W",
        stdev(dark_w) / len(dark_w) ** 0.5,
        valid_for_s=_OFFSET_VALID_S,
        source="tap meter with the laser off",
    )
