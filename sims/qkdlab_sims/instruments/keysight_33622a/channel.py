"""One channel: function, frequency, levels, waveform, and when it began."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.instruments.keysight_33622a.levels import (
    CLIPPED_HIGH,
    CLIPPED_LOW,
    Levels,
)
from qkdlab_sims.instruments.keysight_33622a.memory import (
    BUILT_IN,
    FULL_SCALE,
    ArbMemory,
)
from qkdlab_sims.instruments.keysight_33622a.settings import ChannelSettings
from qkdlab_sims.instruments.scpi import ScpiError

__all__ = ["FUNCTIONS", "MAX_RATE_HZ", "MAX_RATE_OFF_HZ", "AwgOutput", "Channel"]

FUNCTIONS = (
    "SINusoid",
    "SQUare",
    "TRIangle",
    "RAMP",
    "PULSe",
    "PRBS",
    "NOISe",
    "ARB",
    "DC",
)
MAX_FREQUENCY_HZ = {
    "SIN": 120e6,
    "SQU": 100e6,
    "TRI": 800e3,
    "RAMP": 800e3,
    "PULS": 100e6,
    "PRBS": 200e6,
}
"""[mem]; 120 MHz also in public drivers [seen]."""
MIN_FREQUENCY_HZ = 1e-6
MIN_RATE_HZ = 1e-6
MAX_RATE_HZ = 1e9
MAX_RATE_OFF_HZ = 250e6
"""33500/33600 user's guide, RATE subsystem [doc]."""
POINTS_PER_CYCLE = 256
VPP_PER_RMS = {"SIN": 2 * math.sqrt(2), "TRI": 2 * math.sqrt(3)}


@dataclass(frozen=True)
class AwgOutput:
    """What leaves an output, for the world.

    volts: float64[n], one period into a matched 50 Ohm load, after the converter,
           before the analogue filter
    start_ps: when sample 0 of a period began
    """

    enabled: bool
    arbitrary: bool
    volts: NDArray[np.float64]
    sample_rate_hz: float
    filter: str
    start_ps: int


@dataclass
class Channel:
    """State of one channel."""

    memory: ArbMemory
    dac_bits: int
    settings: ChannelSettings = field(default_factory=ChannelSettings)
    levels: Levels = field(default_factory=Levels)
    function: str = "SIN"
    frequency_hz: float = 1e3
    amplitude_unit: str = "VPP"
    inverted: bool = False
    output_on: bool = False
    arb_name: str = BUILT_IN
    sample_rate_hz: float = 40e3
    filter: str = "NORM"
    start_ps: int = 0
    _converted: tuple[NDArray[np.int16], NDArray[np.float64]] | None = None
    _scaled: (
        tuple[NDArray[np.float64], tuple[float, float], NDArray[np.float64]] | None
    ) = None

    def n_points(self) -> int:
        """Return the length of the selected waveform."""
        return len(self.memory.get(self.arb_name))

    def repetition_hz(self) -> float:
        """Return the frequency that the amplitude limit looks at."""
        if self.function == "ARB":
            return self.sample_rate_hz / self.n_points()
        return 0.0 if self.function == "DC" else self.frequency_hz

    def max_rate_hz(self) -> float:
        """Return the greatest sample rate with the present filter."""
        return MAX_RATE_OFF_HZ if self.filter == "OFF" else MAX_RATE_HZ

    def max_frequency_hz(self) -> float:
        """Return the greatest frequency of the present function."""
        return MAX_FREQUENCY_HZ.get(self.function, MAX_FREQUENCY_HZ["SIN"])

    def set_function(self, function: str) -> None:
        """Choose the function; raises ScpiError -221 after reducing what conflicts."""
        self.function = function
        if self.function != "ARB" and self.frequency_hz > self.max_frequency_hz():
            self.frequency_hz = self.max_frequency_hz()
            raise ScpiError(-221, "Settings conflict; frequency reduced")
        self.levels.limit_to(self.repetition_hz())

    def set_frequency(self, value_hz: float) -> None:
        """Set the frequency; raises ScpiError -222 after clipping it."""
        top = self.max_frequency_hz()
        self.frequency_hz = min(max(value_hz, MIN_FREQUENCY_HZ), top)
        if value_hz > top:
            raise ScpiError(-222, CLIPPED_HIGH)
        if value_hz < MIN_FREQUENCY_HZ:
            raise ScpiError(-222, CLIPPED_LOW)
        self.levels.limit_to(self.repetition_hz())

    def set_sample_rate(self, value_hz: float) -> None:
        """Set the sample rate; raises ScpiError -222 after clipping it."""
        top = self.max_rate_hz()
        self.sample_rate_hz = min(max(value_hz, MIN_RATE_HZ), top)
        if value_hz > top:
            raise ScpiError(-222, CLIPPED_HIGH)
        if value_hz < MIN_RATE_HZ:
            raise ScpiError(-222, CLIPPED_LOW)
        if self.function == "ARB":
            self.levels.limit_to(self.repetition_hz())

    def set_filter(self, name: str) -> None:
        """Set the filter; raises ScpiError -221 after reducing the sample rate."""
        self.filter = name
        if self.sample_rate_hz > self.max_rate_hz():
            self.sample_rate_hz = self.max_rate_hz()
            raise ScpiError(-221, "Settings conflict; arb sample rate reduced")

    def vpp_per_unit(self) -> float:
        """Return Vpp per unit of VRMS for the present function."""
        if self.function == "ARB":
            x = self._codes_as_fraction()
            rms = float(np.sqrt(np.mean((x - x.mean()) ** 2)))
            return 2.0 / rms if rms > 0 else 2.0
        return VPP_PER_RMS.get("TRI" if self.function == "RAMP" else self.function, 2.0)

    def output(self) -> AwgOutput:
        """Return what leaves the connector, other channels left out.

        Noise and PRBS are not modelled: they stand still at the offset. Nor is what
        disturbs the waveform: nothing leaves then.
        """
        fraction, rate_hz = self._waveform()
        return AwgOutput(
            enabled=self.output_on and not self.settings.disturbs(),
            arbitrary=self.function == "ARB",
            volts=self._volts(fraction),
            sample_rate_hz=rate_hz,
            filter=self.filter if self.function == "ARB" else "NORM",
            start_ps=self.start_ps,
        )

    def _waveform(self) -> tuple[NDArray[np.float64], float]:
        """Return one period between -1 and 1, and its sample rate."""
        if self.function == "ARB":
            return self._codes_as_fraction(), self.sample_rate_hz
        phase = np.arange(POINTS_PER_CYCLE) / POINTS_PER_CYCLE
        rate_hz = self.frequency_hz * POINTS_PER_CYCLE
        if self.function == "SIN":
            return np.sin(2 * np.pi * phase), rate_hz
        if self.function == "SQU":
            return np.where(phase < 0.5, 1.0, -1.0), rate_hz
        if self.function == "TRI":
            return 1.0 - 4.0 * np.abs((phase + 0.25) % 1.0 - 0.5), rate_hz
        if self.function == "RAMP":
            return 2.0 * phase - 1.0, rate_hz
        if self.function == "PULS":
            return np.where(phase < 0.1, 1.0, -1.0), rate_hz
        return np.zeros(1), rate_hz

    def _volts(self, fraction: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a waveform into a matched load; the same array while nothing moves."""
        sign = -0.5 if self.inverted else 0.5
        swing_v, offset_v = sign * self.levels.emf_pp_v, self.levels.emf_offset_v
        last = self._scaled
        if last is None or last[0] is not fraction or last[1] != (swing_v, offset_v):
            volts = 0.5 * (swing_v * fraction + offset_v)
            last = self._scaled = fraction, (swing_v, offset_v), volts
        return last[2]

    def _codes_as_fraction(self) -> NDArray[np.float64]:
        """Return the waveform as the converter gives it, a fraction of full scale."""
        codes = self.memory.get(self.arb_name)
        # Most commands leave the waveform as it is, and waveforms are long.
        if self._converted is None or self._converted[0] is not codes:
            step = 1 << (16 - self.dac_bits)
            top = FULL_SCALE // step
            rounded = np.clip(np.round(codes.astype(np.float64) / step), -top, top)
            self._converted = codes, rounded * step / FULL_SCALE
        return self._converted[1]
