"""Thorlabs ELL14 rotation mount, one of several on a shared bus.

Thorlabs ELLx protocol [ran with three public clients]. Angles of the `Rotator` role
are those of the waveplate: the motor's angle minus `zero_deg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Ints, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.roles import RotatorCapabilities
from qkdlab.transport.base import ByteTransport, Transport
from qkdlab_drivers.scpi import byte_line
from qkdlab_drivers.thorlabs.ell14_bus import EllipticBus, Reply, describe

if TYPE_CHECKING:
    from qkdlab_drivers.thorlabs.spec import Ell14Options
from qkdlab_drivers.strange import strange_answer

__all__ = ["ThorlabsEll14"]

TYPE_ELL14 = 0x0E
PULSES_PER_TURN = 143_360
IDENTITY_LENGTH = 30
"""Characters after ``IN``: type 2, serial 8, year 4, firmware 2, hardware 2, travel 4,
pulses 8."""


class ThorlabsEll14(Instrument):
    """The `Rotator` role on an ELL14. Options: `Ell14Options`."""

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: Ell14Options,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        line: ByteTransport = byte_line(name, connections)
        self._bus = EllipticBus.borrow(line, clock)
        self._clock = clock
        self._rested_ps = clock.now_ps()
        self.angle_deg = self.add_parameter(
            "angle_deg",
            unit="deg",
            docstring="Angle of the waveplate's axis, 0 to 360.",
            vals=Numbers(),
            get_cmd=self.get_angle_deg,
            set_cmd=self.set_angle_deg,
        )
        """Angle of the waveplate's axis, 0 to 360."""
        self.velocity_percent = self.add_parameter(
            "velocity_percent",
            unit="%",
            docstring="Speed in percent of the greatest; stalls below 25 to 45.",
            vals=Ints(1, 100),
            get_cmd=lambda: self._ask("gv", "GV").number(),
            set_cmd=self._set_velocity_percent,
        )
        """Speed in percent of the greatest; stalls below 25 to 45 [seen]."""

    def identify(self) -> dict[str, str]:
        """Ask who it is, then write the options that are meant for opening.

        Raises InstrumentError when it is another model; then nothing is written. The
        motor is neither homed nor moved.
        """
        identity = self._identity()
        if self.options.velocity_percent is not None:
            try:
                self._set_velocity_percent(self.options.velocity_percent)
            except InstrumentError as error:
                # A plain InstrumentError would say that it is another device.
                raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return dict(self._identity())

    def rotator_capabilities(self) -> RotatorCapabilities:
        """Return the limits."""
        return RotatorCapabilities(
            resolution_deg=360.0 / PULSES_PER_TURN,
            accuracy_deg=self.options.accuracy_deg,
        )

    def set_angle_deg(self, value_deg: float) -> None:
        """Turn to `value_deg` and return when the encoder says that it is there.

        Raises InstrumentError when it stops elsewhere.
        """
        motor_deg = (value_deg + self.options.zero_deg) % 360.0
        pulses = round(motor_deg * PULSES_PER_TURN / 360.0)
        self._expect_at(self._move(f"ma{pulses:08X}"), pulses)

    def get_angle_deg(self) -> float:
        """Ask the encoder for the angle, in [0, 360)."""
        motor_deg = self._ask("gp", "PO").number() * 360.0 / PULSES_PER_TURN
        return (motor_deg - self.options.zero_deg) % 360.0

    def home(self) -> None:
        """Find the motor's own zero."""
        self._expect_at(self._move("ho0"), 0)

    def safe_state(self) -> None:
        """Stop; a bounded move ends by itself."""
        self._ask("st", "GS")

    def close(self) -> None:
        """Forget the instrument and give its bus back; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "_bus" in self.__dict__:
            self._bus.give_back()
        super().close()

    def _ask(self, message: str, expect: str) -> Reply:
        return self._bus.ask(
            self.name,
            self.options.address,
            message,
            expect=expect,
            timeout_s=self.options.timeout_s,
        )

    def _move(self, message: str) -> Reply:
        # A move that follows another too soon may end at zero [seen].
        self._clock.sleep_until(self._rested_ps)
        try:
            return self._bus.ask(
                self.name,
                self.options.address,
                message,
                expect="PO",
                timeout_s=self.options.move_timeout_s,
            )
        finally:
            self._rested_ps = self._clock.now_ps() + seconds(self.options.rest_s)

    def _expect_at(self, reply: Reply, pulses: int) -> None:
        off_deg = (reply.number() - pulses) * 360.0 / PULSES_PER_TURN
        if abs(off_deg) > self.options.tolerance_deg:
            raise InstrumentError(
                self.name,
                f"stopped {off_deg:+.2f} degrees off",
                "check that nothing blocks the mount",
            )

    def _set_velocity_percent(self, value: int) -> None:
        status = self._ask(f"sv{value:02X}", "GS").status
        if status:
            raise InstrumentError(
                self.name,
                f"reported {describe(status)} after setting its velocity",
                "use 45 to 100 percent",
            )

    def _identity(self) -> dict[str, str]:
        data = self._ask("in", "IN").data
        if len(data) != IDENTITY_LENGTH:
            raise strange_answer(self.name, "in", data)
        pulses = int(data[22:30], 16)
        if int(data[:2], 16) != TYPE_ELL14 or pulses != PULSES_PER_TURN:
            raise InstrumentError(
                self.name,
                f"found an Elliptec device of type {data[:2]} with {pulses} pulses "
                "instead of an ELL14 (0E)",
                "correct the address or the driver in the configuration",
            )
        return {
            "vendor": "Thorlabs",
            "model": "ELL14",
            "serial": data[2:10],
            "firmware": data[14:16],
        }
