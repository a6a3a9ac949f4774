"""Commands of functions, waveforms and waveform memory.

[seen] in the pymeasure and QCoDeS drivers of this family; [doc] where the 33500/33600
guide says so. Numbers are answered with sign, 16 digits and exponent [doc].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qkdlab_sims.instruments.keysight_33622a.channel import (
    FUNCTIONS,
    MIN_FREQUENCY_HZ,
    MIN_RATE_HZ,
    Channel,
)
from qkdlab_sims.instruments.keysight_33622a.memory import BUILT_IN, read_codes
from qkdlab_sims.instruments.keysight_33622a.settings import scientific
from qkdlab_sims.instruments.scpi import (
    HERTZ,
    SECOND,
    VOLT,
    Call,
    ScpiError,
    ScpiMachine,
    choice,
    number,
    text,
)

if TYPE_CHECKING:
    from qkdlab_sims.instruments.keysight_33622a.simulator import Simulator

__all__ = ["WaveCommands"]

FILTERS = ("NORMal", "STEP", "OFF")
BYTE_ORDERS = ("NORMal", "SWAPped")
SAMPLES = {**HERTZ, "SA/S": 1.0, "KSA/S": 1e3, "MSA/S": 1e6, "GSA/S": 1e9}


class WaveCommands:
    """Handlers over the state of a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator

    def add_to(self, machine: ScpiMachine) -> None:
        """Enter the commands into the table of `machine`."""
        add = machine.commands.add
        arb = "[SOURce#]:FUNCtion:ARBitrary"
        add("[SOURce#]:FUNCtion", do=self._set_function, ask=self._function)
        add(arb, do=self._select, ask=self._selected)
        add(arb + ":SRATe", do=self._set_rate, ask=self._rate)
        add(arb + ":FILTer", do=self._set_filter, ask=self._filter)
        add(arb + ":FREQuency", do=self._set_arb_frequency, ask=self._arb_frequency)
        add(arb + ":PERiod", do=self._set_arb_period, ask=self._arb_period)
        add(arb + ":PTPeak", do=self._set_ptpeak, ask=self._ptpeak)
        add(arb + ":POINts", ask=self._points)
        add(arb + ":SYNChronize", do=self._synchronize)
        add("[SOURce#]:PHASe:SYNChronize", do=self._synchronize)
        for name in ("FREQuency", "FREQuency:CW", "FREQuency:FIXed"):
            add("[SOURce#]:" + name, do=self._set_frequency, ask=self._frequency)
        data = "[SOURce#]:DATA:"
        add(data + "ARBitrary", do=lambda call: self._load(call, as_dac=False))
        add(data + "ARBitrary:DAC", do=lambda call: self._load(call, as_dac=True))
        add(data + "VOLatile:CLEar", do=self._clear)
        add(data + "VOLatile:CATalog", ask=self._catalog)
        add(data + "VOLatile:FREE", ask=self._free)
        add("FORMat:BORDer", do=self._set_byte_order, ask=self._byte_order)

    def _channel(self, call: Call) -> Channel:
        return self._sim.channels[call.channel(len(self._sim.channels))]

    def _restarted(self, call: Call) -> None:
        self._sim.restart(call.suffixes[0], call)
        self._sim.changed(call)

    def _set_function(self, call: Call) -> None:
        channel = self._channel(call)
        function = choice(call.only(), FUNCTIONS)
        try:
            channel.set_function(function)
        finally:
            self._restarted(call)

    def _function(self, call: Call) -> str:
        return self._channel(call).function

    def _select(self, call: Call) -> None:
        channel = self._channel(call)
        name = text(call.only()).upper()
        channel.memory.get(name)
        channel.arb_name = name
        try:
            channel.levels.limit_to(channel.repetition_hz())
        finally:
            self._restarted(call)

    def _selected(self, call: Call) -> str:
        return f'"{self._channel(call).arb_name}"'

    def _apply_rate(self, call: Call, value_hz: float) -> None:
        try:
            self._channel(call).set_sample_rate(value_hz)
        finally:
            self._restarted(call)

    def _set_rate(self, call: Call) -> None:
        channel = self._channel(call)
        value_hz = number(
            call.only(), SAMPLES, minimum=MIN_RATE_HZ, maximum=channel.max_rate_hz()
        )
        self._apply_rate(call, value_hz)

    def _rate(self, call: Call) -> str:
        channel = self._channel(call)
        value = call.or_limit(
            channel.sample_rate_hz,
            minimum=MIN_RATE_HZ,
            maximum=channel.max_rate_hz(),
        )
        return scientific(value)

    def _arb_hz(self, call: Call) -> float:
        channel = self._channel(call)
        return channel.sample_rate_hz / channel.n_points()

    def _set_arb_frequency(self, call: Call) -> None:
        points = self._channel(call).n_points()
        self._apply_rate(call, number(call.only(), HERTZ) * points)

    def _arb_frequency(self, call: Call) -> str:
        return scientific(self._arb_hz(call))

    def _set_arb_period(self, call: Call) -> None:
        points = self._channel(call).n_points()
        period_s = number(call.only(), SECOND)
        if period_s <= 0:
            raise ScpiError(-222)
        self._apply_rate(call, points / period_s)

    def _arb_period(self, call: Call) -> str:
        return scientific(1.0 / self._arb_hz(call))

    def _set_filter(self, call: Call) -> None:
        channel = self._channel(call)
        name = choice(call.only(), FILTERS)
        try:
            channel.set_filter(name)
        finally:
            self._restarted(call)

    def _filter(self, call: Call) -> str:
        return self._channel(call).filter

    def _set_ptpeak(self, call: Call) -> None:
        channel = self._channel(call)
        value_v = number(call.only(), VOLT)
        if self._sim.ptpeak_sets_amplitude:
            try:
                channel.levels.set_amplitude(value_v, channel.repetition_hz())
            finally:
                self._sim.changed(call)

    def _ptpeak(self, call: Call) -> str:
        return scientific(self._channel(call).levels.amplitude_v)

    def _points(self, call: Call) -> str:
        return f"{self._channel(call).n_points():+d}"

    def _synchronize(self, call: Call) -> None:
        self._channel(call)
        call.expect(0)
        self._sim.restart_together(call)
        self._sim.changed(call)

    def _set_frequency(self, call: Call) -> None:
        channel = self._channel(call)
        value_hz = number(
            call.only(),
            HERTZ,
            minimum=MIN_FREQUENCY_HZ,
            maximum=channel.max_frequency_hz(),
            default=1e3,
        )
        try:
            channel.set_frequency(value_hz)
        finally:
            self._sim.changed(call)

    def _frequency(self, call: Call) -> str:
        channel = self._channel(call)
        value = call.or_limit(
            channel.frequency_hz,
            minimum=MIN_FREQUENCY_HZ,
            maximum=channel.max_frequency_hz(),
        )
        return scientific(value)

    def _load(self, call: Call, *, as_dac: bool) -> None:
        channel = self._channel(call)
        name, codes = read_codes(
            call.arguments, as_dac=as_dac, big_endian=self._sim.big_endian
        )
        channel.memory.store(name, codes)
        call.takes(len(codes) * self._sim.load_time_ps_per_point)

    def _clear(self, call: Call) -> None:
        channel = self._channel(call)
        call.expect(0)
        channel.memory.clear()
        channel.arb_name = BUILT_IN
        self._restarted(call)

    def _catalog(self, call: Call) -> str:
        return ",".join(f'"{name}"' for name in self._channel(call).memory.names())

    def _free(self, call: Call) -> str:
        return f"{self._channel(call).memory.free():+d}"

    def _set_byte_order(self, call: Call) -> None:
        self._sim.big_endian = choice(call.only(), BYTE_ORDERS) == "NORM"

    def _byte_order(self, call: Call) -> str:
        return "NORM" if self._sim.big_endian else "SWAP"
