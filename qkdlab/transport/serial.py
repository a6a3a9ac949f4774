"""A serial line, through pyserial: device files, ``rfc2217://``, ``socket://``."""

from __future__ import annotations

from typing import Any

from qkdlab.errors import ConfigError, InstrumentTimeout
from qkdlab.transport.line import Line

__all__ = ["SerialByteTransport"]


class SerialByteTransport(Line):
    """A `ByteTransport` over a serial line. Times are seconds of host time.

    url:  what pyserial's ``serial_for_url`` takes: a device file or a URL
    baud: bits a second; the line has 8 data bits, no parity, one stop bit

    Raises InstrumentDisconnected when the port cannot be opened and ConfigError when
    pyserial does not know such a URL.
    """

    hint = "check power, cable and the name of the port"

    def __init__(
        self, name: str, url: str, *, baud: int = 9600, write_timeout_s: float = 10.0
    ) -> None:
        import serial

        super().__init__(name)
        try:
            self._port: Any = serial.serial_for_url(
                url, baudrate=baud, timeout=0.0, write_timeout=write_timeout_s
            )
        except serial.SerialException as error:
            raise self._no_connection(f"port {url}", str(error)) from None
        except ValueError as error:
            raise ConfigError(f"{name}: address {url!r}: {error}") from None

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises InstrumentDisconnected when the line is closed, InstrumentTimeout when
        flow control holds the bytes back.
        """
        import serial

        self._require_open()
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise InstrumentTimeout(
                self.name, "took no more bytes", self.hint
            ) from None
        except (serial.SerialException, OSError) as error:
            self._lost(str(error))

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, or ``b""`` when the timeout passes.

        Raises InstrumentDisconnected when the line is closed.
        """
        import serial

        self._require_open()
        try:
            # Wait for one byte only: asking for n_max would wait for all of them.
            self._port.timeout = max(0.0, timeout_s)
            data = bytes(self._port.read(1))
            waiting = self._port.in_waiting if data else 0
            if waiting and n_max > 1:
                data += bytes(self._port.read(min(waiting, n_max - 1)))
        except (serial.SerialException, OSError) as error:
            self._lost(str(error))
        return data

    def _shut(self) -> None:
        self._port.close()
