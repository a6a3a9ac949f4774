"""A raw TCP socket to an instrument, as in VISA's ``TCPIP::host::port::SOCKET``."""

from __future__ import annotations

import contextlib
import socket

from qkdlab.errors import InstrumentDisconnected, InstrumentTimeout
from qkdlab.transport.line import Line

__all__ = ["TcpByteTransport"]


class TcpByteTransport(Line):
    """A `ByteTransport` over TCP, as a client. Times are seconds of host time.

    Raises InstrumentDisconnected when nobody answers at the address.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        *,
        connect_timeout_s: float = 5.0,
        write_timeout_s: float = 30.0,
    ) -> None:
        super().__init__(name)
        self._write_timeout_s = write_timeout_s
        try:
            self._socket = socket.create_connection((host, port), connect_timeout_s)
        except OSError as error:
            where = f"connection to {host}:{port}"
            raise self._no_connection(where, _reason(error)) from None
        # Short commands must not wait for the acknowledgement of the last answer.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises InstrumentDisconnected when the line is closed, InstrumentTimeout when
        the instrument stops taking bytes.
        """
        self._require_open()
        self._socket.settimeout(self._write_timeout_s)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            # Part of the command may be on its way: the line is of no more use.
            self.close()
            raise InstrumentTimeout(
                self.name, "took no more bytes", "restart the instrument's interface"
            ) from None
        except OSError as error:
            self._lost(_reason(error))

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, or ``b""`` when the timeout passes.

        Raises InstrumentDisconnected when the line is closed by either side.
        """
        self._require_open()
        self._socket.settimeout(max(0.0, timeout_s))
        try:
            data = self._socket.recv(n_max)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            self._lost(_reason(error))
        if not data:
            self.close()
            raise InstrumentDisconnected(
                self.name, "the instrument closed the line", self.hint
            )
        return data

    def _shut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
