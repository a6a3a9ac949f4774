"""Stanford Research Systems DC205 precision voltage source.

Commands, tokens and error numbers [seen, the maker's Python package `srsinst.dc205`];
``*IDN?`` and ``TOKN`` [doc, manual page 3-14]; ``TERM``, the range that cannot change
while the output is on, the interlock of the 100 V range [seen, a public client].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentTimeout
from qkdlab.roles import VoltageSourceCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import byte_line, split_identity
from qkdlab_drivers.srs.line import COMMAND_ERRORS, EXECUTION_ERRORS, LerrLine

if TYPE_CHECKING:
    from qkdlab_drivers.srs.spec import Dc205Options

__all__ = ["SrsDc205"]

MODELS = ("DC205",)
RANGES_V = (1, 10, 100)
OVER_RANGE = 1.01
"""The range ends 1 % above its name."""
RESOLUTION_OF_RANGE = 1e-6
PLAIN = "TERM LF;TOKN OFF"
"""Answers that end with a line feed, tokens as numbers."""


class SrsDc205(Instrument):
    """The `VoltageSource` role on a DC205. Options: `Dc205Options`.

    The format of answers, which is no setting of the output, is set once it is known
    who answers, or when nobody seems to.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Dc205Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = LerrLine(
            name,
            byte_line(name, connections),
            timeout_s=options.timeout_s,
            words={"LEXE?": EXECUTION_ERRORS, "LCME?": COMMAND_ERRORS},
        )
        self._clock = clock
        self._is_plain = False
        self._in_range = False
        capabilities = self.voltage_capabilities()
        self.voltage_v = self.add_parameter(
            "voltage_v",
            unit="V",
            docstring="Voltage that is set; it is there when the output is on.",
            vals=Numbers(capabilities.min_v, capabilities.max_v),
            get_cmd=self.get_voltage_v,
            set_cmd=self.set_voltage_v,
        )
        """Voltage that is set; it is there when the output is on."""
        self.output_on = self.add_parameter(
            "output_on",
            docstring="Whether the output is on.",
            vals=Bool(),
            get_cmd=self.get_output_on,
            set_cmd=self.set_output_on,
        )
        """Whether the output is on."""
        self.overload = self.add_parameter(
            "overload",
            docstring="Whether the load draws more than the source gives.",
            get_cmd=self._get_overload,
            set_cmd=False,
        )
        """Whether the load draws more than the source gives."""

    def identify(self) -> dict[str, str]:
        """Ask who it is; raises InstrumentError when it is another model."""
        # The line feed ends what a former client may have left unfinished.
        self.line.send_now("")
        try:
            return split_identity(self.line, models=MODELS)
        except InstrumentTimeout:
            # Its answers may have been left without a line feed at their end.
            self.line.send_now(PLAIN)
            return split_identity(self.line, models=MODELS)

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(split_identity(self.line, models=MODELS))

    def voltage_capabilities(self) -> VoltageSourceCapabilities:
        """Return the limits of the range, or of the load where those are tighter."""
        most_v = min(self.options.range_v * OVER_RANGE, self.options.max_abs_v)
        resolution_v = self.options.range_v * RESOLUTION_OF_RANGE
        return VoltageSourceCapabilities(-most_v, most_v, resolution_v)

    def set_voltage_v(self, value_v: float) -> None:
        """Set the voltage and return when the output has settled."""
        capabilities = self.voltage_capabilities()
        if not capabilities.min_v <= value_v <= capabilities.max_v:
            raise InstrumentError(
                self.name,
                f"cannot give {value_v:g} V",
                f"use {capabilities.min_v:g} V to {capabilities.max_v:g} V, or set "
                "`range_v` and `max_abs_v`",
            )
        self._ensure_range()
        self.line.send(f"VOLT {value_v:.6f}")
        self.line.check_errors("VOLT")
        actual_v = self.get_voltage_v()
        if abs(actual_v - value_v) > capabilities.resolution_v:
            raise InstrumentError(
                self.name,
                f"set {actual_v:g} V instead of {value_v:g} V",
                "check that nobody turns its knob",
            )
        self._settle()

    def get_voltage_v(self) -> float:
        """Ask for the voltage that is set."""
        self._ensure_plain()
        return self.line.ask_float("VOLT?")

    def set_output_on(self, is_on: bool) -> None:
        """Switch the output and return when it has settled.

        Raises InstrumentError when it does not: the 100 V range needs its interlock.
        It does not go on at a voltage that was left set and is more than the load
        bears.
        """
        self._ensure_range()
        if is_on:
            self._require_bearable(self.get_voltage_v())
        self.line.send(f"SOUT {int(is_on)}")
        self.line.check_errors("SOUT")
        self._confirm_output(is_on)
        self._settle()

    def get_output_on(self) -> bool:
        """Ask whether the output is on."""
        self._ensure_plain()
        return self.line.ask_bool("SOUT?")

    def safe_state(self) -> None:
        """Set zero volts, switch off, and make sure of it."""
        self.line.send_now("VOLT 0")
        self.line.send_now("SOUT 0")
        self._ensure_plain()
        self._confirm_output(False)

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _get_overload(self) -> bool:
        self._ensure_plain()
        return self.line.ask_bool("OVLD?")

    def _ensure_plain(self) -> None:
        if not self._is_plain:
            self.line.send_now(PLAIN)
            self._is_plain = True

    def _ensure_range(self) -> None:
        """Put it in the range that is configured; what was at its output goes off."""
        self._ensure_plain()
        if self._in_range:
            return
        wanted = RANGES_V.index(self.options.range_v)
        if self.line.ask_int("RNGE?") != wanted:
            self.line.send("SOUT 0")
            self.line.send(f"RNGE {wanted}")
            self.line.check_errors("RNGE")
        self._in_range = True

    def _require_bearable(self, value_v: float) -> None:
        most_v = self.options.max_abs_v
        if abs(value_v) > most_v:
            raise InstrumentError(
                self.name,
                f"would go on at {value_v:g} V, more than the {most_v:g} V of its "
                "`max_abs_v`",
                "set the voltage first",
            )

    def _confirm_output(self, is_on: bool) -> None:
        if self.get_output_on() != is_on:
            raise InstrumentError(
                self.name,
                f"did not switch its output {'on' if is_on else 'off'}",
                "look at its front panel",
            )

    def _settle(self) -> None:
        self._clock.sleep_until(self._clock.now_ps() + seconds(self.options.settle_s))
