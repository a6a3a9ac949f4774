"""Commands of levels, outputs, Sync and the reference clock.

Sources as in `wave_commands`; the outputs' commands also in the 33500 guide, "Output
Configuration" [doc].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qkdlab_sims.instruments.keysight_33622a.channel import Channel
from qkdlab_sims.instruments.keysight_33622a.settings import scientific
from qkdlab_sims.instruments.scpi import (
    OHM,
    VOLT,
    Call,
    ScpiError,
    ScpiMachine,
    boolean,
    choice,
    number,
)

if TYPE_CHECKING:
    from qkdlab_sims.instruments.keysight_33622a.simulator import Simulator

__all__ = ["OutputCommands"]

UNITS = ("VPP", "VRMS", "DBM")
AMPLITUDE = {**VOLT, "VRMS": 1.0, "DBM": 1.0}
POLARITIES = ("NORMal", "INVerted")
REFERENCES = ("INTernal", "EXTernal")
MIN_LOAD_OHM, MAX_LOAD_OHM = 1.0, 10e3
INFINITE = 9.9e37


class OutputCommands:
    """Handlers over the state of a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator

    def add_to(self, machine: ScpiMachine) -> None:
        """Enter the commands into the table of `machine`."""
        add = machine.commands.add
        level = "[SOURce#]:VOLTage[:LEVel][:IMMediate]"
        add(level + "[:AMPLitude]", do=self._set_amplitude, ask=self._amplitude)
        add(level + ":OFFSet", do=self._set_offset, ask=self._offset)
        add(level + ":HIGH", do=self._set_high, ask=self._high)
        add(level + ":LOW", do=self._set_low, ask=self._low)
        add("[SOURce#]:VOLTage:UNIT", do=self._set_unit, ask=self._unit)
        add("OUTPut#[:STATe]", do=self._set_output, ask=self._output)
        add("OUTPut#:LOAD", do=self._set_load, ask=self._load)
        add("OUTPut#:POLarity", do=self._set_polarity, ask=self._polarity)
        add("OUTPut#:SYNC[:STATe]", do=self._set_sync, ask=self._sync)
        add("OUTPut#:SYNC:SOURce", do=self._set_sync_source, ask=self._sync_source)
        add("ROSCillator:SOURce", do=self._set_reference, ask=self._reference)
        add("ROSCillator:SOURce:AUTO", do=self._set_auto, ask=self._auto)
        add("ROSCillator:SOURce:CURRent", ask=self._current_reference)
        add("SYSTem:VERSion", ask=lambda call: "1999.0")

    def _channel(self, call: Call) -> Channel:
        return self._sim.channels[call.channel(len(self._sim.channels))]

    def _vpp_from(self, channel: Channel, value: float) -> float:
        if channel.amplitude_unit == "VPP":
            return value
        if channel.amplitude_unit == "VRMS":
            return value * channel.vpp_per_unit()
        rms_v = math.sqrt(1e-3 * 10 ** (value / 10) * channel.levels.load_ohm)
        return rms_v * channel.vpp_per_unit()

    def _vpp_to(self, channel: Channel, vpp: float) -> float:
        if channel.amplitude_unit == "VPP":
            return vpp
        rms_v = vpp / channel.vpp_per_unit()
        if channel.amplitude_unit == "VRMS":
            return rms_v
        return 10 * math.log10(rms_v**2 / channel.levels.load_ohm / 1e-3)

    def _set_amplitude(self, call: Call) -> None:
        channel = self._channel(call)
        frequency_hz = channel.repetition_hz()
        levels = channel.levels
        value = number(
            call.only(),
            AMPLITUDE,
            minimum=self._vpp_to(channel, levels.min_amplitude_v),
            maximum=self._vpp_to(channel, levels.max_amplitude_v(frequency_hz)),
            default=self._vpp_to(channel, 0.2 * levels.shown_per_emf),
        )
        try:
            levels.set_amplitude(self._vpp_from(channel, value), frequency_hz)
        finally:
            self._sim.changed(call)

    def _amplitude(self, call: Call) -> str:
        channel = self._channel(call)
        levels = channel.levels
        top_v = levels.max_amplitude_v(channel.repetition_hz())
        value = call.or_limit(
            self._vpp_to(channel, levels.amplitude_v),
            minimum=self._vpp_to(channel, levels.min_amplitude_v),
            maximum=self._vpp_to(channel, top_v),
        )
        return scientific(value)

    def _set_offset(self, call: Call) -> None:
        levels = self._channel(call).levels
        room_v = levels.max_peak_v - levels.amplitude_v / 2
        value_v = number(
            call.only(), VOLT, minimum=-room_v, maximum=room_v, default=0.0
        )
        try:
            levels.set_offset(value_v)
        finally:
            self._sim.changed(call)

    def _offset(self, call: Call) -> str:
        levels = self._channel(call).levels
        room_v = levels.max_peak_v - levels.amplitude_v / 2
        return scientific(
            call.or_limit(levels.offset_v, minimum=-room_v, maximum=room_v)
        )

    def _set_high(self, call: Call) -> None:
        channel = self._channel(call)
        value_v = number(call.only(), VOLT)
        self._set_range(call, channel.levels.low_v, value_v)

    def _set_low(self, call: Call) -> None:
        channel = self._channel(call)
        value_v = number(call.only(), VOLT)
        self._set_range(call, value_v, channel.levels.high_v)

    def _set_range(self, call: Call, low_v: float, high_v: float) -> None:
        channel = self._channel(call)
        try:
            channel.levels.set_range(low_v, high_v, channel.repetition_hz())
        finally:
            self._sim.changed(call)

    def _high(self, call: Call) -> str:
        return scientific(self._channel(call).levels.high_v)

    def _low(self, call: Call) -> str:
        return scientific(self._channel(call).levels.low_v)

    def _set_unit(self, call: Call) -> None:
        channel = self._channel(call)
        unit = choice(call.only(), UNITS)
        if unit == "DBM" and math.isinf(channel.levels.load_ohm):
            raise ScpiError(-221, "Settings conflict; dBm needs a finite load")
        channel.amplitude_unit = unit

    def _unit(self, call: Call) -> str:
        return self._channel(call).amplitude_unit

    def _set_output(self, call: Call) -> None:
        channel = self._channel(call)
        is_on = boolean(call.only())
        if is_on and not channel.output_on and self._sim.output_on_restarts:
            self._sim.restart(call.suffixes[0], call)
        channel.output_on = is_on
        self._sim.changed(call)

    def _output(self, call: Call) -> str:
        return str(int(self._channel(call).output_on))

    def _set_load(self, call: Call) -> None:
        channel = self._channel(call)
        argument = call.only()
        if str(argument).upper() in ("INF", "INFINITY"):
            ohm = INFINITE
        else:
            ohm = number(
                argument, OHM, minimum=MIN_LOAD_OHM, maximum=MAX_LOAD_OHM, default=50.0
            )
        if ohm >= INFINITE:
            channel.levels.load_ohm = math.inf
            if channel.amplitude_unit == "DBM":
                channel.amplitude_unit = "VPP"
        elif MIN_LOAD_OHM <= ohm <= MAX_LOAD_OHM:
            channel.levels.load_ohm = ohm
        else:
            raise ScpiError(-222)

    def _load(self, call: Call) -> str:
        ohm = call.or_limit(
            self._channel(call).levels.load_ohm,
            minimum=MIN_LOAD_OHM,
            maximum=MAX_LOAD_OHM,
        )
        return scientific(min(ohm, INFINITE))

    def _set_polarity(self, call: Call) -> None:
        channel = self._channel(call)
        channel.inverted = choice(call.only(), POLARITIES) == "INV"
        self._sim.changed(call)

    def _polarity(self, call: Call) -> str:
        return "INV" if self._channel(call).inverted else "NORM"

    def _set_sync(self, call: Call) -> None:
        self._sim.sync_on = boolean(call.only())
        self._sim.changed(call)

    def _sync(self, call: Call) -> str:
        return str(int(self._sim.sync_on))

    def _set_sync_source(self, call: Call) -> None:
        self._sim.sync_source = int(choice(call.only(), ("CH1", "CH2"))[-1])
        self._sim.changed(call)

    def _sync_source(self, call: Call) -> str:
        return f"CH{self._sim.sync_source}"

    def _set_reference(self, call: Call) -> None:
        self._sim.reference = choice(call.only(), REFERENCES)
        self._sim.reference_auto = False
        if self._sim.reference == "EXT" and not self._sim.reference_present:
            raise ScpiError(580, "Reference phase-locked loop is unlocked")

    def _reference(self, call: Call) -> str:
        return self._sim.reference

    def _set_auto(self, call: Call) -> None:
        self._sim.reference_auto = boolean(call.only())

    def _auto(self, call: Call) -> str:
        return str(int(self._sim.reference_auto))

    def _current_reference(self, call: Call) -> str:
        sim = self._sim
        if sim.reference_auto:
            return "EXT" if sim.reference_present else "INT"
        return sim.reference
