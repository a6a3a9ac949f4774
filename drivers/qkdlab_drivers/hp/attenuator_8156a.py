"""HP 8156A optical attenuator with shutter.

Operating and programming guide 08156-91011, chapters 7 and 8 [doc].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab.roles import AttenuatorCapabilities
from qkdlab.transport.base import Transport
from qkdlab_drivers.scpi import ScpiLine, byte_line, split_identity

if TYPE_CHECKING:
    from qkdlab_drivers.hp.spec import Hp8156AOptions

__all__ = ["Hp8156A"]

MODELS = ("HP8156A", "8156A")
MIN_DB, MAX_DB = 0.0, 60.0
RESOLUTION_DB = 0.001
MIN_WAVELENGTH_NM, MAX_WAVELENGTH_NM = 1200.0, 1650.0
SETTLING_BIT = 2
POLL_S = 0.02


class Hp8156A(Instrument):
    """The `Attenuator` role on an HP 8156A. Options: `Hp8156AOptions`.

    Attenuations are those of the filter; the calibration factor that a user can set at
    the front panel must be zero.
    """

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Hp8156AOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self.line = ScpiLine(
            name, byte_line(name, connections), timeout_s=options.timeout_s
        )
        self._clock = clock
        self._offset_is_zero = False
        self.attenuation_db = self.add_parameter(
            "attenuation_db",
            unit="dB",
            docstring="Attenuation of the filter.",
            vals=Numbers(MIN_DB, MAX_DB),
            get_cmd=self.get_attenuation_db,
            set_cmd=self.set_attenuation_db,
        )
        """Attenuation of the filter."""
        self.shutter_open = self.add_parameter(
            "shutter_open",
            docstring="Whether the shutter lets light pass.",
            vals=Bool(),
            get_cmd=self.get_shutter_open,
            set_cmd=self.set_shutter_open,
        )
        """Whether the shutter lets light pass."""
        self.wavelength_nm = self.add_parameter(
            "wavelength_nm",
            unit="nm",
            docstring="Wavelength that the filter's calibration is taken at.",
            vals=Numbers(MIN_WAVELENGTH_NM, MAX_WAVELENGTH_NM),
            get_cmd=self._get_wavelength_nm,
            set_cmd=self._set_wavelength_nm,
        )
        """Wavelength that the filter's calibration is taken at."""

    def identify(self) -> dict[str, str]:
        """Ask who it is, then write the options that are meant for opening.

        Raises InstrumentError when it is another model; then nothing is written.
        """
        identity = split_identity(self.line, models=MODELS)
        if self.options.wavelength_nm is not None:
            try:
                self._set_wavelength_nm(self.options.wavelength_nm)
            except InstrumentError as error:
                # It is our attenuator, so the station must still make it safe: a
                # plain InstrumentError would say that it is another device.
                raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(split_identity(self.line, models=MODELS))

    def attenuator_capabilities(self) -> AttenuatorCapabilities:
        """Return the limits."""
        return AttenuatorCapabilities(
            MIN_DB,
            MAX_DB,
            RESOLUTION_DB,
            has_shutter=True,
            repeatability_db=self.options.repeatability_db,
        )

    def set_attenuation_db(self, value_db: float) -> None:
        """Set the attenuation and return when the filter is at rest there."""
        if not MIN_DB <= value_db <= MAX_DB:
            raise InstrumentError(
                self.name,
                f"cannot attenuate by {value_db:g} dB",
                f"use {MIN_DB:g} dB to {MAX_DB:g} dB",
            )
        self._require_no_offset()
        self.line.send(f":INP:ATT {value_db:.3f}DB")
        self.line.check_errors(":INP:ATT")
        self._wait_until_settled()
        actual_db = self.get_attenuation_db()
        if abs(actual_db - value_db) > 1.5 * RESOLUTION_DB:
            raise InstrumentError(
                self.name,
                f"went to {actual_db:.3f} dB instead of {value_db:.3f} dB",
                "check that nobody turns its knob",
            )

    def get_attenuation_db(self) -> float:
        """Ask the instrument for its attenuation."""
        return self.line.ask_float(":INP:ATT?")

    def set_shutter_open(self, is_open: bool) -> None:
        """Open or close the shutter and wait until it has moved."""
        self.line.send(f":OUTP {'ON' if is_open else 'OFF'}")
        self.line.check_errors(":OUTP")
        self._confirm_shutter(is_open)

    def get_shutter_open(self) -> bool:
        """Ask the instrument whether its shutter is open."""
        return self.line.ask_bool(":OUTP?")

    def safe_state(self) -> None:
        """Close the shutter, set the greatest attenuation, and make sure of both."""
        self.line.send_now(":OUTP OFF")
        self.line.send_now(":INP:ATT MAX")
        self._confirm_shutter(False)
        self._wait_until_settled()

    def close(self) -> None:
        """Forget the instrument and close its line; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "line" in self.__dict__:
            self.line.close()
        super().close()

    def _get_wavelength_nm(self) -> float:
        return self.line.ask_float(":INP:WAV?") * 1e9

    def _set_wavelength_nm(self, value_nm: float) -> None:
        self.line.send(f":INP:WAV {value_nm:.3f}NM")
        self.line.check_errors(":INP:WAV")

    def _confirm_shutter(self, is_open: bool) -> None:
        self._clock.sleep_until(
            self._clock.now_ps() + seconds(self.options.shutter_settle_s)
        )
        if self.get_shutter_open() != is_open:
            raise InstrumentError(
                self.name,
                f"did not {'open' if is_open else 'close'} its shutter",
                "look at its front panel",
            )

    def _require_no_offset(self) -> None:
        if self._offset_is_zero:
            return
        offset_db = self.line.ask_float(":INP:OFFS?")
        if offset_db != 0.0:
            raise InstrumentError(
                self.name,
                f"has a calibration factor of {offset_db:g} dB, which its attenuation "
                "would hide",
                "set Cal to 0 dB at its front panel",
            )
        self._offset_is_zero = True

    def _wait_until_settled(self) -> None:
        # Bit 1 of the condition register: the filter's motor is settling.
        deadline_ps = self._clock.now_ps() + seconds(self.options.settle_timeout_s)
        while self.line.ask_int(":STAT:OPER:COND?") & SETTLING_BIT:
            if self._clock.now_ps() >= deadline_ps:
                raise InstrumentTimeout(
                    self.name,
                    f"is still settling after {self.options.settle_timeout_s:g} s",
                    "run its self-test with the laser off",
                )
            self._clock.sleep_until(self._clock.now_ps() + seconds(POLL_S))
