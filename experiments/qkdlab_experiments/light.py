"""Bring Alice's bench from power-up to pulses of light, and the frames' mark to Bob.

Nothing of it is measured: currents, volts and phases come from records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.roles import ClockSource, DelayGenerator, LaserDriver, VoltageSource
from qkdlab_experiments.parameters import Bb84Parameters

if TYPE_CHECKING:
    from qkdlab.session.experiment import PartyContext

__all__ = ["bring_up_light"]

SYNC_THRESHOLD_V = 1.0
"""At which the generator's sync output triggers the delay generator."""
SYNC_LEVEL_V = 1.0
"""Of the mark of each frame at Bob's START."""
SYNC_WIDTH_PS = 100_000


def bring_up_light(ctx: PartyContext[Any]) -> None:
    """Start clock, cooler, laser, modulator bias and the mark of each frame.

    The shutter is closed and stays so. Raises InstrumentError when an instrument does
    not come up.
    """
    p: Bb84Parameters = ctx.parameters
    source = p.calibration.source
    ctx.roles["attenuator"].set_shutter_open(False)
    clock: ClockSource = ctx.roles["clock"]
    clock.set_frequency_hz(1e12 / p.symbol_period_ps)
    clock.set_power_dbm(source.clock_power_dbm)
    clock.set_phase_deg(ctx.calibration.value("symbol_phase_deg"))
    clock.set_output_on(True)
    laser: LaserDriver = ctx.roles["laser"]
    laser.set_cooler_on(True)
    laser.set_thermistor_ohm(source.thermistor_ohm)
    laser.set_current_ma(ctx.calibration.value("laser_bias_ma"))
    laser.set_laser_on(True)
    bias: VoltageSource = ctx.roles["modulator_bias"]
    bias.set_voltage_v(ctx.calibration.value("modulator_null_v"))
    bias.set_output_on(True)
    sync: DelayGenerator = ctx.roles["sync_delay"]
    sync.set_external_trigger(SYNC_THRESHOLD_V)
    sync.set_pulse("AB", 0, SYNC_WIDTH_PS)
    sync.set_level("AB", SYNC_LEVEL_V)
