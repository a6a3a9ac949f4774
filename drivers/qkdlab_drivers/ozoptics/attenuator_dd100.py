"""OZ Optics DD-100-MC motor-driven attenuator; it has no shutter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Numbers

from qkdlab.clock import Clock
from qkdlab.errors import InstrumentError, InstrumentReplyError, UsageError
from qkdlab.roles import AttenuatorCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.ozoptics.line import OzLine, read_attenuation, read_figure
from qkdlab_drivers.scpi import byte_line

if TYPE_CHECKING:
    from qkdlab_drivers.ozoptics.spec import Dd100Options

__all__ = ["OzDd100"]

RESOLUTION_DB = 0.01
"""Of its commands; a step of the motor may be coarser [guess]."""
TOLERANCE_DB = 0.05
MODEL = "DD-100-MC"


class OzDd100(Instrument):
    """The `Attenuator` role on a DD-100-MC. Options: `Dd100Options`.

    Attenuations are total, insertion loss included [seen]. After power-on the unit does
    not know where its motor stands until it has been homed, which opens the path: the
    driver does that only by :meth:`home` and by the option ``home_on_open``.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Dd100Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = OzLine(name, byte_line(name, connections))
        self._min_db = options.min_attenuation_db
        self._max_db = options.max_attenuation_db
        self.attenuation_db = self.add_parameter(
            "attenuation_db",
            unit="dB",
            docstring="Attenuation, insertion loss included.",
            vals=Numbers(0.0),
            get_cmd=self.get_attenuation_db,
            set_cmd=self.set_attenuation_db,
        )
        """Attenuation, insertion loss included."""

    def identify(self) -> dict[str, str]:
        """Ask for its configuration, then do what the options say for opening.

        Raises InstrumentError when it is another unit; then nothing is written.
        """
        lines = self._ask_configuration()
        identity = self._identity(lines)
        if identity is None:
            raise InstrumentError(
                self.name,
                f"does not tell insertion loss and greatest attenuation, as a {MODEL} "
                "does",
                "correct the address or the driver in the configuration",
            )
        try:
            self._apply_options()
        except InstrumentError as error:
            # It is our attenuator, so the station must still make it safe: a plain
            # InstrumentError would say that it is another device.
            raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self._identity(self._ask_configuration()) or {})

    def attenuator_capabilities(self) -> AttenuatorCapabilities:
        """Return the limits: the unit's own once it has been identified."""
        return AttenuatorCapabilities(
            self._min_db, self._max_db, RESOLUTION_DB, has_shutter=False
        )

    def set_attenuation_db(self, value_db: float) -> None:
        """Set the attenuation and return when the motor is at rest there."""
        if not self._min_db <= value_db <= self._max_db:
            raise InstrumentError(
                self.name,
                f"cannot attenuate by {value_db:g} dB",
                f"use {self._min_db:g} dB to {self._max_db:g} dB",
            )
        self._go(value_db)
        actual_db = self.get_attenuation_db()
        if abs(actual_db - value_db) > TOLERANCE_DB:
            raise InstrumentError(
                self.name,
                f"went to {actual_db:.2f} dB instead of {value_db:.2f} dB",
                "home it with the light off",
            )

    def get_attenuation_db(self) -> float:
        """Ask the instrument for its attenuation.

        Raises InstrumentError while it does not know where its motor stands.
        """
        value_db = self._ask_attenuation()
        if value_db is None:
            raise self._lost()
        return value_db

    def set_shutter_open(self, is_open: bool) -> None:
        """Refuse: there is no shutter."""
        raise UsageError(
            f"{self.name}: the {MODEL} has no shutter; set its greatest attenuation"
        )

    def get_shutter_open(self) -> bool:
        """Say that light passes: there is no shutter."""
        return True

    def home(self) -> None:
        """Find the home position; on its way the motor opens the path."""
        self.line.ask("H", self.options.move_timeout_s)

    def safe_state(self) -> None:
        """Set the greatest attenuation.

        Raises InstrumentError while the unit does not know where its motor stands: to
        home it would open the path.
        """
        if self._ask_attenuation() is None:
            raise self._lost()
        self._go(self._max_db)

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _apply_options(self) -> None:
        if self.options.home_on_open and self._ask_attenuation() is None:
            self.home()
        if self.options.attenuation_db_on_open is not None:
            self.set_attenuation_db(self.options.attenuation_db_on_open)

    def _ask_configuration(self) -> list[str]:
        return self.line.ask("CD", self.options.timeout_s)

    def _identity(self, lines: list[str]) -> dict[str, str] | None:
        """Take limits and serial number from the configuration; None if it is none."""
        min_db, max_db = read_figure(lines, "IL"), read_figure(lines, "MAX ATTEN")
        if min_db is None or max_db is None:
            return None
        self._min_db, self._max_db = min_db, max_db
        serials = [line for line in lines if line.upper().startswith("S/N")]
        return {
            "vendor": "OZ Optics",
            "model": MODEL,
            "serial": serials[0].partition(":")[2].strip() if serials else "",
            "firmware": "",
        }

    def _ask_attenuation(self) -> float | None:
        lines = self.line.ask("D", self.options.timeout_s)
        try:
            return read_attenuation(lines)
        except ValueError:
            raise self.line.strange("D", " ".join(lines)) from None

    def _go(self, value_db: float) -> None:
        self.line.ask(f"A{value_db:.2f}", self.options.move_timeout_s)

    def _lost(self) -> InstrumentError:
        return InstrumentError(
            self.name,
            "does not know where its motor stands",
            "home it where no light can do harm (option home_on_open)",
        )
