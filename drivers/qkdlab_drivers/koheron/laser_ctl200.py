"""Koheron CTL200 laser diode and thermistor controller.

Commands, units and error bits [seen, pymeasure's driver and its recorded protocol].
Set commands answer with the value that then holds; every one is compared.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.roles import LaserDriverCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.koheron.line import TerminalLine
from qkdlab_drivers.scpi import byte_line

if TYPE_CHECKING:
    from qcodes.parameters import Parameter

    from qkdlab_drivers.koheron.spec import Ctl200Options

__all__ = ["KoheronCtl200"]

MODEL = "CTL200"
MAX_CURRENT_MA = 200.0
"""Of the CTL200-0 [mem]."""
CURRENT_RESOLUTION_MA = 0.001
"""Digits of its answers [seen]; the converter is coarser [guess]."""
MIN_THERMISTOR_OHM, MAX_THERMISTOR_OHM = 100.0, 1e6
POLL_S = 0.1
READINGS_IN_TOLERANCE = 3
"""One reading alone may cross the tolerance on the way to somewhere else."""
ERRORS = (
    "serial buffer overflow",
    "command before the prompt",
    "laser too cold",
    "laser too hot",
    "unknown command",
    "invalid argument",
    "laser on while the interlock is open",
    "interlock opened",
)
"""Bits of ``err``, least first."""


class KoheronCtl200(Instrument):
    """The `LaserDriver` role on a CTL200. Options: `Ctl200Options`."""

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Ctl200Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = TerminalLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self._clock = clock
        self._limit_ma: float | None = None
        self.current_ma = self.add_parameter(
            "current_ma",
            unit="mA",
            docstring="Direct current that is set.",
            vals=Numbers(0.0, options.current_limit_ma),
            get_cmd=self.get_current_ma,
            set_cmd=self.set_current_ma,
        )
        """Direct current that is set."""
        self.laser_on = self.add_parameter(
            "laser_on",
            docstring="Whether the current is on.",
            vals=Bool(),
            get_cmd=self.get_laser_on,
            set_cmd=self.set_laser_on,
        )
        """Whether the current is on."""
        self.cooler_on = self.add_parameter(
            "cooler_on",
            docstring="Whether the temperature is controlled.",
            vals=Bool(),
            get_cmd=partial(self.line.ask_bool, "tecon"),
            set_cmd=self.set_cooler_on,
        )
        """Whether the temperature is controlled."""
        self.thermistor_ohm = self.add_parameter(
            "thermistor_ohm",
            unit="Ohm",
            docstring="Actual temperature; setting it waits until it is there.",
            vals=Numbers(MIN_THERMISTOR_OHM, MAX_THERMISTOR_OHM),
            get_cmd=self.get_thermistor_ohm,
            set_cmd=self.set_thermistor_ohm,
        )
        """Actual temperature; setting it waits until it is there."""
        self.photodiode_ma = self._add_reading(
            "photodiode_ma", "iphd", "mA", "Current of the monitor photodiode."
        )
        """Current of the monitor photodiode."""
        self.laser_voltage_v = self._add_reading(
            "laser_voltage_v", "vlaser", "V", "Voltage across the laser."
        )
        """Voltage across the laser."""
        self.cooler_current_a = self._add_reading(
            "cooler_current_a", "itec", "A", "Current through the cooler."
        )
        """Current through the cooler."""
        self.board_temperature_c = self._add_reading(
            "board_temperature_c", "tboard", "deg C", "Temperature of the controller."
        )
        """Temperature of the controller."""

    def identify(self) -> dict[str, str]:
        """Ask who it is, then write the options that are meant for opening.

        Raises InstrumentError when it is another model; then nothing is written.
        """
        identity = self._identity()
        try:
            if self.options.thermistor_ohm_on_open is not None:
                self._set_point(self.options.thermistor_ohm_on_open)
            if self.options.cooler_on_open is not None:
                self.set_cooler_on(self.options.cooler_on_open)
        except InstrumentError as error:
            # A plain InstrumentError would say that it is another device.
            raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self._identity())

    def laser_capabilities(self) -> LaserDriverCapabilities:
        """Return the limits."""
        return LaserDriverCapabilities(MAX_CURRENT_MA, CURRENT_RESOLUTION_MA)

    def set_current_limit_ma(self, value_ma: float) -> None:
        """Set the greatest current, read it back.

        Raises InstrumentError above the limit of the configuration, or when the
        instrument did not take it.
        """
        if not 0.0 < value_ma <= self.options.current_limit_ma:
            raise InstrumentError(
                self.name,
                f"cannot limit the current to {value_ma:g} mA",
                f"use up to {self.options.current_limit_ma:g} mA, its "
                "`current_limit_ma`",
            )
        self._limit_ma = None
        self._set("ilmax", value_ma, "mA", self.options.current_tolerance_ma)
        kept_ma = self.line.ask_float("ilmax")
        if abs(kept_ma - value_ma) > self.options.current_tolerance_ma:
            raise InstrumentError(
                self.name, "did not keep its current limit", "check its firmware"
            )
        self._limit_ma = value_ma

    def get_current_limit_ma(self) -> float:
        """Ask for the greatest current."""
        return self.line.ask_float("ilmax")

    def set_current_ma(self, value_ma: float) -> None:
        """Set the direct current; raises InstrumentError above the limit."""
        limit_ma = self._ensured_limit_ma()
        if not 0.0 <= value_ma <= limit_ma:
            raise InstrumentError(
                self.name,
                f"cannot give {value_ma:g} mA",
                f"use 0 mA to {limit_ma:g} mA, its current limit",
            )
        self._set("ilaser", value_ma, "mA", self.options.current_tolerance_ma)

    def get_current_ma(self) -> float:
        """Ask for the direct current that is set."""
        return self.line.ask_float("ilaser")

    def get_photodiode_ma(self) -> float:
        """Ask for the current of the monitor photodiode in the package."""
        return self.line.ask_float("iphd")

    def set_laser_on(self, is_on: bool) -> None:
        """Switch the current on or off; return when it flows, or no longer does.

        The instrument waits for the delay that it keeps, then ramps.

        Raises InstrumentError when it is to go on while the cooler is off or the
        temperature outside its tolerance, or when it does not switch.
        """
        if is_on:
            self._ensured_limit_ma()
            self._require_temperature()
            self.line.ask("errclr")
        if self.line.ask_bool(f"lason {int(is_on)}") != is_on:
            raise InstrumentError(
                self.name,
                f"did not switch the laser {'on' if is_on else 'off'}"
                + self._reported(),
                "check its interlock and its temperature window",
            )
        if is_on:
            delay_s = self.line.ask_float("ldelay") / 1000 + self.options.ramp_s
            self._clock.sleep_until(self._clock.now_ps() + seconds(delay_s))

    def get_laser_on(self) -> bool:
        """Ask whether the current is on."""
        return self.line.ask_bool("lason")

    def set_cooler_on(self, is_on: bool) -> None:
        """Switch the temperature control on or off; off only with the laser off."""
        if not is_on and self.get_laser_on():
            raise InstrumentError(
                self.name, "keeps the cooler on", "switch the laser off first"
            )
        if self.line.ask_bool(f"tecon {int(is_on)}") != is_on:
            raise InstrumentError(
                self.name,
                f"did not switch the cooler {'on' if is_on else 'off'}"
                + self._reported(),
                "check the thermistor",
            )

    def set_thermistor_ohm(self, value_ohm: float) -> None:
        """Set the temperature and return when it is within its tolerance.

        Raises InstrumentError with the cooler off, InstrumentTimeout when it takes too
        long.
        """
        self._set_point(value_ohm)
        self._require_cooler()
        deadline_ps = self._clock.now_ps() + seconds(self.options.settle_timeout_s)
        in_tolerance = 0
        while in_tolerance < READINGS_IN_TOLERANCE:
            off_by_ohm = abs(self.get_thermistor_ohm() - value_ohm)
            good = off_by_ohm <= self.options.thermistor_tolerance_ohm
            in_tolerance = in_tolerance + 1 if good else 0
            if not good and self._clock.now_ps() >= deadline_ps:
                raise InstrumentTimeout(
                    self.name,
                    f"is still {off_by_ohm:.0f} Ohm from its temperature after "
                    f"{self.options.settle_timeout_s:g} s",
                    "check the gains and the mount",
                )
            self._clock.sleep_until(self._clock.now_ps() + seconds(POLL_S))

    def get_thermistor_ohm(self) -> float:
        """Ask for the actual temperature."""
        return self.line.ask_float("rtact")

    def safe_state(self) -> None:
        """Set the current to zero, switch it off, and make sure of both.

        The cooler stays as it is.
        """
        try:
            self._switch_off()
        except InstrumentError:
            # What is left of a command that broke off may have spoiled this one.
            self._switch_off()

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _identity(self) -> dict[str, str]:
        model = self.line.ask("model")
        if not model.upper().startswith(MODEL):
            raise InstrumentError(
                self.name,
                f"found {model[:40]} instead of Koheron {MODEL}",
                "correct the address or the driver in the configuration",
            )
        return {
            "vendor": "Koheron",
            "model": model,
            "serial": self.line.ask("serial"),
            "firmware": self.line.ask("version"),
        }

    def _add_reading(
        self, name: str, query: str, unit: str, docstring: str
    ) -> Parameter[Any, Any]:
        return self.add_parameter(
            name,
            unit=unit,
            docstring=docstring,
            get_cmd=partial(self.line.ask_float, query),
            set_cmd=False,
        )

    def _set(self, command: str, value: float, unit: str, tolerance: float) -> None:
        """Set a value; the echo is what its converters made of it.

        Raises InstrumentError when that is further off than `tolerance`.
        """
        actual = self.line.ask_float(f"{command} {value:.3f}")
        if abs(actual - value) > tolerance:
            raise InstrumentError(
                self.name,
                f"took {actual:g} {unit} instead of {value:g} {unit}"
                + self._reported(),
                "compare with the limits that it keeps",
            )

    def _set_point(self, value_ohm: float) -> None:
        if not MIN_THERMISTOR_OHM <= value_ohm <= MAX_THERMISTOR_OHM:
            raise InstrumentError(
                self.name,
                f"cannot control to {value_ohm:g} Ohm",
                f"use {MIN_THERMISTOR_OHM:g} Ohm to {MAX_THERMISTOR_OHM:g} Ohm",
            )
        # 1e-4 of 10 kOhm is 2 mK, a fifth of what a wavelength needs (BENCHES).
        self._set("rtset", value_ohm, "Ohm", max(1e-3, 1e-4 * value_ohm))

    def _switch_off(self) -> None:
        self.set_laser_on(False)
        self._set("ilaser", 0.0, "mA", self.options.current_tolerance_ma)

    def _ensured_limit_ma(self) -> float:
        """Return the limit; that of the configuration is written if none was."""
        if self._limit_ma is None:
            self.set_current_limit_ma(self.options.current_limit_ma)
        # A missing limit has raised above.
        return self._limit_ma if self._limit_ma is not None else 0.0

    def _require_cooler(self) -> None:
        if not self.line.ask_bool("tecon"):
            raise InstrumentError(
                self.name, "has its cooler switched off", "switch the cooler on first"
            )

    def _require_temperature(self) -> None:
        self._require_cooler()
        wanted_ohm = self.line.ask_float("rtset")
        off_by_ohm = abs(self.get_thermistor_ohm() - wanted_ohm)
        if off_by_ohm > self.options.thermistor_tolerance_ohm:
            raise InstrumentError(
                self.name,
                f"is {off_by_ohm:.0f} Ohm from its temperature, more than "
                f"{self.options.thermistor_tolerance_ohm:g} Ohm",
                "set the temperature and wait until it is there",
            )

    def _reported(self) -> str:
        bits = self.line.ask_bits("err")
        words = [word for bit, word in enumerate(ERRORS) if bits >> bit & 1]
        return f" ({', '.join(words)})" if words else ""
