"""Stanford Research Systems SG384 RF generator, as the clock of a bench.

Commands and ranges [seen, drivers of QCoDeS and pymeasure; SG380 manual through a
public client checked against a unit]; resolution of the phase, its greatest step and
the bits of ``INSR?`` [mem].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Numbers

from qkdlab.clock import Clock
from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.roles import ClockSourceCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import byte_line, split_identity
from qkdlab_drivers.srs.line import SG380_ERRORS, LerrLine

if TYPE_CHECKING:
    from qkdlab_drivers.srs.spec import Sg384Options

__all__ = ["SrsSg384"]

PHASE_RESOLUTION_DEG = 0.1
"""From 100 MHz to 1 GHz; finer below."""
EXTERNAL_TIMEBASE = 3
UNLOCKED_BITS = 0b111_1111
"""Loops of the synthesiser, missing timebase, rubidium."""


class _Output:
    """Commands and limits of one of the outputs."""

    def __init__(
        self,
        level: str,
        enable: str,
        frequency_hz: tuple[float, float],
        power_dbm: tuple[float, float],
    ) -> None:
        self.level = level
        self.enable = enable
        self.min_frequency_hz, self.max_frequency_hz = frequency_hz
        self.min_power_dbm, self.max_power_dbm = power_dbm


OUTPUTS = {
    "type_n": _Output("AMPR", "ENBR", (950e3, 4.05e9), (-110.0, 16.5)),
    "bnc": _Output("AMPL", "ENBL", (1e-6, 62.5e6), (-47.0, 13.0)),
}


class SrsSg384(Instrument):
    """The `ClockSource` role on an SG384. Options: `Sg384Options`.

    Switching the sine on switches modulation off: a clock is a plain sine.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Sg384Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.output = OUTPUTS[options.output]
        self.line = LerrLine(
            name,
            byte_line(name, connections),
            timeout_s=options.timeout_s,
            words={"LERR?": SG380_ERRORS},
        )
        self.frequency_hz = self.add_parameter(
            "frequency_hz",
            unit="Hz",
            docstring="Frequency of the sine.",
            vals=Numbers(self.output.min_frequency_hz, self.output.max_frequency_hz),
            get_cmd=self.get_frequency_hz,
            set_cmd=self.set_frequency_hz,
        )
        """Frequency of the sine."""
        self.phase_deg = self.add_parameter(
            "phase_deg",
            unit="deg",
            docstring="Phase against the reference, modulo 360.",
            vals=Numbers(),
            get_cmd=self.get_phase_deg,
            set_cmd=self.set_phase_deg,
        )
        """Phase against the reference, modulo 360."""
        self.power_dbm = self.add_parameter(
            "power_dbm",
            unit="dBm",
            docstring="Level of the sine into 50 Ohm.",
            vals=Numbers(self.output.min_power_dbm, self.output.max_power_dbm),
            get_cmd=self.get_power_dbm,
            set_cmd=self.set_power_dbm,
        )
        """Level of the sine into 50 Ohm."""
        self.output_on = self.add_parameter(
            "output_on",
            docstring="Whether the sine is on.",
            vals=Bool(),
            get_cmd=self.get_output_on,
            set_cmd=self.set_output_on,
        )
        """Whether the sine is on."""
        self.timebase = self.add_parameter(
            "timebase",
            docstring="What it is locked to: internal, external or unlocked.",
            get_cmd=self.get_timebase,
            set_cmd=False,
        )
        """What it is locked to: internal, external or unlocked."""

    def identify(self) -> dict[str, str]:
        """Ask who it is, then write the options that are meant for opening.

        Raises InstrumentError when it is another model; then nothing is written.
        """
        identity = split_identity(self.line, models=("SG384",))
        try:
            self._write_options()
        except InstrumentError as error:
            # A plain InstrumentError would say that it is another device.
            raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(split_identity(self.line, models=("SG384",)))

    def clock_capabilities(self) -> ClockSourceCapabilities:
        """Return the limits; the phase is finer below 100 MHz, coarser above 1 GHz."""
        return ClockSourceCapabilities(
            self.output.min_frequency_hz,
            self.output.max_frequency_hz,
            PHASE_RESOLUTION_DEG,
            self.output.max_power_dbm,
        )

    def set_frequency_hz(self, value_hz: float) -> None:
        """Set the frequency."""
        minimum_hz = self.output.min_frequency_hz
        self._require(value_hz, minimum_hz, self.output.max_frequency_hz, "Hz")
        self.line.command(f"FREQ {value_hz:.6f}")

    def get_frequency_hz(self) -> float:
        """Ask for the frequency."""
        return self.line.ask_float("FREQ?")

    def set_phase_deg(self, value_deg: float) -> None:
        """Set the phase, by the shorter way: a step of more than 360 is refused."""
        if not math.isfinite(value_deg):
            raise InstrumentError(
                self.name, f"cannot set {value_deg} deg", "use a finite angle"
            )
        now_deg = self.line.ask_float("PHAS?")
        angle_deg = value_deg % 360.0
        nearest_deg = min(
            (angle_deg, angle_deg - 360.0), key=lambda each: abs(each - now_deg)
        )
        self.line.command(f"PHAS {nearest_deg:.1f}")

    def get_phase_deg(self) -> float:
        """Ask for the phase, from 0 up to 360."""
        return self.line.ask_float("PHAS?") % 360.0

    def set_power_dbm(self, value_dbm: float) -> None:
        """Set the level of the sine into 50 Ohm."""
        minimum_dbm = self.output.min_power_dbm
        self._require(value_dbm, minimum_dbm, self.output.max_power_dbm, "dBm")
        self.line.command(f"{self.output.level} {value_dbm:.2f}")

    def get_power_dbm(self) -> float:
        """Ask for the level."""
        return self.line.ask_float(f"{self.output.level}?")

    def set_output_on(self, is_on: bool) -> None:
        """Switch the sine on, unmodulated, or off."""
        if is_on:
            self.line.command("MODL 0", f"{self.output.enable} 1")
        else:
            self.line.command(f"{self.output.enable} 0")

    def get_output_on(self) -> bool:
        """Ask whether the sine is on."""
        return self.line.ask_bool(f"{self.output.enable}?")

    def get_timebase(self) -> str:
        """Ask what it is locked to: ``internal``, ``external`` or ``unlocked``."""
        source = self.line.ask_int("TIMB?")
        # The first answer also tells what has passed since somebody last asked.
        self.line.ask_int("INSR?")
        if self.line.ask_int("INSR?") & UNLOCKED_BITS:
            return "unlocked"
        return "external" if source == EXTERNAL_TIMEBASE else "internal"

    def safe_state(self) -> None:
        """Switch the sine off and make sure of it.

        The 10 MHz that others are locked to stay on: they know no switch.
        """
        self.line.send_now(f"{self.output.enable} 0")
        if self.get_output_on():
            raise InstrumentError(
                self.name, "did not switch its output off", "look at its front panel"
            )

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _write_options(self) -> None:
        options = self.options
        if options.frequency_hz_on_open is not None:
            self.set_frequency_hz(options.frequency_hz_on_open)
        if options.phase_deg_on_open is not None:
            self.set_phase_deg(options.phase_deg_on_open)
        if options.power_dbm_on_open is not None:
            self.set_power_dbm(options.power_dbm_on_open)
        if options.output_on_open is not None:
            self.set_output_on(options.output_on_open)

    def _require(self, value: float, low: float, high: float, unit: str) -> None:
        if not low <= value <= high:
            raise InstrumentError(
                self.name,
                f"cannot set {value:g} {unit} at its {self.options.output} output",
                f"use {low:g} {unit} to {high:g} {unit}",
            )
