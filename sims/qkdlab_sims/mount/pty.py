"""A pseudo terminal: the serial line of a device as a file, without modem lines."""

from __future__ import annotations

import errno
import os
import re
import termios
import tty

from qkdlab_sims.mount.caller import INBOX_LIMIT_BYTES, Caller
from qkdlab_sims.mount.exchange import Exchange
from qkdlab_sims.mount.reactor import Reactor

__all__ = ["PtyCaller"]

_PIECE_BYTES = 4096
_SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if re.fullmatch(r"B[1-9]\d*", name)
}
"""The system's names of baud rates."""
_ISPEED, _OSPEED = 4, 5


class PtyCaller(Caller):
    """The client's end of the line, whoever opens it; it never leaves.

    path: of the file that a client opens; raw, and at the device's baud rate until
          the client sets another one

    What nobody reads is lost when the system keeps no more, as on a serial line.
    """

    def __init__(self, reactor: Reactor, exchange: Exchange, baud: int) -> None:
        super().__init__()
        self._device_baud = baud
        self._reactor = reactor
        self._file, self._client_file = os.openpty()
        os.set_blocking(self._file, False)
        # Our own hold on the client's end keeps the line up while nobody has it open.
        tty.setraw(self._client_file)
        self._set_speed(baud)
        self.path = os.ttyname(self._client_file)
        self.baud = baud
        reactor.watch(self._file, self._on_ready)
        exchange.join(self)

    def say(self, data: bytes) -> None:
        """Send `data`."""
        try:
            os.write(self._file, data)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self.close()

    def unsent(self) -> int:
        """Return zero: the system has taken all, or it is lost."""
        return 0

    def update(self, *, hungry: bool) -> None:
        """Read from the client only while the machine is `hungry`."""
        if not self.is_gone:
            reading = hungry and len(self.inbox) < INBOX_LIMIT_BYTES
            self._reactor.watch(self._file, self._on_ready, reading=reading)

    def close(self) -> None:
        """Take the line down."""
        if not self.is_gone:
            self.is_gone = True
            self._reactor.forget(self._file)
            os.close(self._file)
            os.close(self._client_file)

    def _on_ready(self) -> None:
        try:
            data = os.read(self._file, _PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self.baud = self._speed()
        self.hear(data)

    def _speed(self) -> int:
        """Return the baud rate that the client has set."""
        # The two ends share their settings (Linux, pty(7)).
        return _SPEEDS.get(termios.tcgetattr(self._file)[_OSPEED], self._device_baud)

    def _set_speed(self, baud: int) -> None:
        speed = getattr(termios, f"B{baud}", None)
        if speed is not None:
            settings = termios.tcgetattr(self._client_file)
            settings[_ISPEED] = settings[_OSPEED] = speed
            termios.tcsetattr(self._client_file, termios.TCSANOW, settings)
