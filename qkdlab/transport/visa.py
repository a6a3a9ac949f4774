"""GPIB, USBTMC, VXI-11 and HiSLIP, through PyVISA with its pure Python backend.

Sockets and serial lines have transports of their own, without PyVISA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkdlab.transport.line import Line

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

__all__ = ["VisaByteTransport"]

_LINE_FEED = "\n"


class VisaByteTransport(Line):
    """A `ByteTransport` over a message-based VISA resource.

    resource: VISA resource string
    library:  PyVISA's backend; ``@py`` needs no vendor's software

    An instrument marks the end of its answers itself (EOI and the like), except on a
    ``SOCKET`` resource, where a line feed does. Times are seconds of host time.
    Raises InstrumentDisconnected when the resource cannot be opened.
    """

    def __init__(self, name: str, resource: str, *, library: str = "@py") -> None:
        import pyvisa

        super().__init__(name)
        self._buffer = bytearray()
        options: dict[str, Any] = {}
        if resource.upper().endswith("::SOCKET"):
            options["read_termination"] = _LINE_FEED
        try:
            self._manager = pyvisa.ResourceManager(library)
            opened = self._manager.open_resource(resource, **options)
        except (pyvisa.Error, ValueError, OSError) as error:
            raise self._no_connection(f"resource {resource}", str(error)) from None
        self._resource: MessageBasedResource = opened  # type: ignore[assignment]

    def write(self, data: bytes) -> None:
        """Send all of `data` as one message.

        Raises InstrumentDisconnected when the line is closed or fails.
        """
        import pyvisa

        self._require_open()
        try:
            self._resource.write_raw(data)
        except (pyvisa.Error, OSError) as error:
            self._lost(str(error))

    def read(self, n_max: int, timeout_s: float) -> bytes:
        """Return 1 to `n_max` bytes, or ``b""`` when the timeout passes.

        Raises InstrumentDisconnected when the line is closed or fails.
        """
        import pyvisa
        from pyvisa.constants import StatusCode

        self._require_open()
        if not self._buffer:
            try:
                # Zero would mean "at once", which some backends take for "for ever".
                self._resource.timeout = max(1.0, timeout_s * 1000.0)
                self._buffer += self._resource.read_raw()
            except pyvisa.errors.VisaIOError as error:
                if error.error_code != StatusCode.error_timeout:
                    self._lost(str(error))
            except (pyvisa.Error, OSError) as error:
                self._lost(str(error))
        data = bytes(self._buffer[:n_max])
        del self._buffer[:n_max]
        return data

    def _shut(self) -> None:
        self._resource.close()
