"""RFC 2217: the serial line of a device over TCP, with baud rate and control lines.

The protocol is pyserial's own (`serial.rfc2217.PortManager`); here are the port that
it believes in and the connection.
"""

from __future__ import annotations

import socket
from typing import Any

from qkdlab_sims.mount.reactor import Reactor
from qkdlab_sims.mount.tcp import TcpCaller

__all__ = ["Rfc2217Caller"]

_BAUD_MAX = 4_000_000
_OPTION_BYTES = 4096
"""More in one option of the protocol is none; `PortManager` would collect it all."""


class Rfc2217Caller(TcpCaller):
    """A client that sets the line up as it likes; its baud rate is kept to."""

    def __init__(self, connection: socket.socket, reactor: Reactor, baud: int) -> None:
        import serial.rfc2217

        super().__init__(connection, reactor)
        self.baud = baud
        # Its type hints ask for a whole serial port where a few attributes do.
        make: Any = serial.rfc2217.PortManager
        self._manager = make(_Port(self, baud), self)

    def write(self, data: bytes) -> None:
        """Send bytes of the protocol itself; what `PortManager` calls."""
        self._send(data)

    def say(self, data: bytes) -> None:
        """Send what the device says."""
        self._send(b"".join(self._manager.escape(data)))

    def _received(self, data: bytes) -> None:
        try:
            self.hear(b"".join(self._manager.filter(data)))
        except Exception:
            # Whatever `PortManager` cannot digest is no RFC 2217.
            self.close()
            return
        if len(self._manager.suboption or b"") > _OPTION_BYTES:
            self.close()


class _Port:
    """What `PortManager` takes for a serial port. Settings beside the rate are kept.

    The far side is ready whenever it is asked.
    """

    cts = dsr = cd = True
    ri = False

    def __init__(self, caller: Rfc2217Caller, baud: int) -> None:
        self._caller = caller
        self._baud = baud
        self.bytesize = 8
        self.parity = "N"
        self.stopbits = 1
        self.xonxoff = self.rtscts = False
        self.rts = self.dtr = True
        self.break_condition = False

    @property
    def baudrate(self) -> int:
        """Bits a second."""
        return self._baud

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        if not 0 < value <= _BAUD_MAX:
            raise ValueError("no such baud rate")
        self._baud = self._caller.baud = value

    def reset_input_buffer(self) -> None:
        """Do nothing: what the device said is on its way already."""

    def reset_output_buffer(self) -> None:
        """Forget what the device has not heard yet."""
        self._caller.inbox.clear()
