"""Thorlabs PM100D power meter with a photodiode sensor.

PM100D manual chapter 6 [doc] and the vendor's command lists [seen].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.roles import PowerMeterCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import ScpiLine, byte_line, split_identity

if TYPE_CHECKING:
    from qkdlab_drivers.thorlabs.spec import Pm100dOptions

__all__ = ["ThorlabsPm100d"]

MODELS = ("PM100D",)
MIN_WAVELENGTH_NM, MAX_WAVELENGTH_NM = 800.0, 1700.0
SAMPLE_S = 0.003
"""One sample takes about 3 ms [doc]."""
OVER_RANGE = 9.9e37
POWER_FLAG, WAVELENGTH_FLAG = 1, 32
POLL_S = 0.1
RANGING_S = 2.0
"""By when it has found its range after a step of the light [guess]."""
PLAIN_POWER = (
    "CONF:POW",
    "SENS:POW:UNIT W",
    "SENS:POW:REF:STAT 0",
    "SENS:CORR:LOSS:INP:MAGN 0",
    "SENS:POW:RANG:AUTO 1",
)
"""Makes a reading the power at the sensor in watts, whatever the last user wanted:
another quantity, dBm, the difference from a reference, an attenuator's loss added
back, or a range of his own [seen]."""
FILTER = "INP:PDI:FILT:LPAS:STAT"
SETTLING_S = {
    True: math.log(1e4) / (2 * math.pi * 15.0),
    False: math.log(1e4) / (2 * math.pi * 1e3),
}
"""To 1e-4 of a step, with the low-pass of the input on and off: 15 Hz, and at least
1 kHz in small ranges of what is called 100 kHz [mem], [guess]."""


class ThorlabsPm100d(Instrument):
    """The `PowerMeter` role on a Thorlabs PM100D. Options: `Pm100dOptions`."""

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Pm100dOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = ScpiLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self._clock = clock
        self._ready = False
        self._settling_s: float | None = None
        self.power_w = self.add_parameter(
            "power_w",
            unit="W",
            docstring="Average power, one reading.",
            get_cmd=lambda: self.read_power_w()[0],
            set_cmd=False,
            snapshot_get=False,
        )
        """Average power, one reading."""
        self.wavelength_nm = self.add_parameter(
            "wavelength_nm",
            unit="nm",
            docstring="Wavelength that the responsivity is taken at.",
            vals=Numbers(MIN_WAVELENGTH_NM, MAX_WAVELENGTH_NM),
            get_cmd=lambda: self.line.ask_float("SENS:CORR:WAV?"),
            set_cmd=self.set_wavelength_nm,
        )
        """Wavelength that the responsivity is taken at."""
        self.averages = self.add_parameter(
            "averages",
            docstring="Samples of 3 ms in one reading.",
            get_cmd=lambda: self.line.ask_int("SENS:AVER?"),
            set_cmd=False,
        )
        """Samples of 3 ms in one reading."""

    def identify(self) -> dict[str, str]:
        """Ask who it is and which sensor it has, then write the options for opening.

        Raises InstrumentError when it is another model or no power sensor; then
        nothing is written.
        """
        identity = self._identity()
        if self.options.wavelength_nm is not None:
            try:
                self.set_wavelength_nm(self.options.wavelength_nm)
            except InstrumentError as error:
                # A plain InstrumentError would say that it is another device.
                raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self._identity())

    def power_meter_capabilities(self) -> PowerMeterCapabilities:
        """Return the limits of the sensor, from the options."""
        return PowerMeterCapabilities(
            min_power_w=self.options.min_power_w,
            max_power_w=self.options.max_power_w,
            min_wavelength_nm=MIN_WAVELENGTH_NM,
            max_wavelength_nm=MAX_WAVELENGTH_NM,
            relative_uncertainty=self.options.relative_uncertainty,
        )

    def set_wavelength_nm(self, value_nm: float) -> None:
        """Choose the responsivity."""
        if not MIN_WAVELENGTH_NM <= value_nm <= MAX_WAVELENGTH_NM:
            raise InstrumentError(
                self.name,
                f"has no responsivity at {value_nm:g} nm",
                f"use {MIN_WAVELENGTH_NM:g} nm to {MAX_WAVELENGTH_NM:g} nm",
            )
        self._command(f"SENS:CORR:WAV {value_nm:.3f}")

    def settling_time_s(self) -> float:
        """Return how long the low-pass wants after a step of the light: 0.1 s or 2 ms.

        The instrument says whether it is on, as written before readings.
        """
        self._prepare()
        if self._settling_s is None:
            self._settling_s = SETTLING_S[self.line.ask_bool(f"{FILTER}?")]
        return self._settling_s

    def zero(self) -> None:
        """Measure and remove the dark offset; the light must be off."""
        self._prepare()
        self._command("SENS:CORR:COLL:ZERO:INIT")
        deadline_ps = self._clock.now_ps() + seconds(self.options.zero_timeout_s)
        while self.line.ask_bool("SENS:CORR:COLL:ZERO:STAT?"):
            if self._clock.now_ps() >= deadline_ps:
                raise InstrumentTimeout(
                    self.name,
                    f"is still zeroing after {self.options.zero_timeout_s:g} s",
                    "cover the sensor and zero again",
                )
            self._clock.sleep_until(self._clock.now_ps() + seconds(POLL_S))
        self.line.check_errors("zeroing (is the light off?)")

    def read_power_w(self, n_readings: int = 1) -> list[float]:
        """Return separate readings; what lies below the sensor's floor is noise.

        A reading off the range, while the instrument still looks for the right one,
        is taken again. Raises InstrumentError above the sensor's range, and for a
        power so far below zero that the zero must be wrong.
        """
        self._prepare()
        return [self._checked(self._read_in_range()) for _ in range(n_readings)]

    def safe_state(self) -> None:
        """Nothing to do: a meter emits nothing."""

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _identity(self) -> dict[str, str]:
        identity = split_identity(self.line, models=MODELS)
        answer = self.line.ask("SYST:SENS:IDN?")
        fields = [field.strip().strip('"') for field in answer.split(",")]
        try:
            flags = int(fields[5])
        except (IndexError, ValueError):
            raise self.line.strange("SYST:SENS:IDN?", answer) from None
        if not (flags & POWER_FLAG and flags & WAVELENGTH_FLAG):
            raise InstrumentError(
                self.name,
                f"has sensor {fields[0]}, which is no photodiode for power",
                "connect the S155C",
            )
        return {**identity, "sensor": fields[0], "sensor_serial": fields[1]}

    def _command(self, command: str) -> None:
        self.line.send(command)
        self.line.check_errors(command.split(" ")[0])

    def _prepare(self) -> None:
        """Make the next ``READ?`` a power in watts with the averaging wanted."""
        if not self._ready:
            options = self.options
            wanted = (
                f"{FILTER} {options.low_pass:d}",
                f"SENS:AVER {options.average:d}",
            )
            for command in (*PLAIN_POWER, *wanted):
                self._command(command)
            self._ready = True

    def _read_in_range(self) -> float:
        limit_s = self.options.timeout_s + 2 * SAMPLE_S * self.options.average
        deadline_ps = self._clock.now_ps() + seconds(RANGING_S)
        while True:
            power_w = self.line.ask_float("READ?", timeout_s=limit_s)
            if power_w < OVER_RANGE or self._clock.now_ps() >= deadline_ps:
                return power_w
            self._clock.sleep_until(self._clock.now_ps() + seconds(POLL_S))

    def _checked(self, power_w: float) -> float:
        options = self.options
        if power_w >= OVER_RANGE or power_w > options.max_power_w:
            raise InstrumentError(
                self.name,
                f"reads more than its sensor takes, {options.max_power_w:g} W",
                "attenuate the light before the meter",
            )
        if power_w < -options.min_power_w:
            raise InstrumentError(
                self.name,
                f"reads {power_w:.3g} W, less than nothing",
                "zero it again with the light off",
            )
        return power_w
