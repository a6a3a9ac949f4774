"""GPIB, USBTMC, VXI-11 and HiSLIP, through PyVISA with its pure Python backend.

Sockets and serial lines have transports of their own, without PyVISA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from qkdlab.errors import InstrumentDisconnected

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

__all__ = ["VisaByteTransport"]

_HINT = "check power, cable and address"
_LINE_FEED = "\n"


class VisaByteTransport:
    """A `ByteTransport` over a message-based VISA resource.

    resource: VISA resource string
    library:  PyVISA's backend; ``@py`` needs no vendor's software

    An instrument marks the end of its answers itself (EOI and the like), except on a
    ``SOCKET`` resource, where a line feed does. Times are seconds of host time.
    Raises InstrumentDisconnected when the resource cannot be opened.
    """

    def __init__(self, name: str, resource: str, *, library: str = "@py") -> None:
        import pyvisa

        self.name = name
        self._buffer = bytearray()
        self._closed = False
        options: dict[str, Any] = {}
        if resource.upper().endswith("::SOCKET"):
            options["read_termination"] = _LINE_FEED
        try:
            self._manager = pyvisa.ResourceManager(library)
            opened = self._manager.open_resource(resource, **options)
        except (pyvisa.Error, ValueError, OSError) as error:
            raise InstrumentDisconnected(
                name, f"no resource {resource} ({error})", _HINT
            ) from None
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
            self._lost(error)

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
                    self._lost(error)
            except (pyvisa.Error, OSError) as error:
                self._lost(error)
        data = bytes(self._buffer[:n_max])
        del self._buffer[:n_max]
        return data

    def close(self) -> None:
        """Close the line; closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._resource.close()

    def _require_open(self) -> None:
        if self._closed:
            raise InstrumentDisconnected(
                self.name, "the line is closed", "open the station again"
            )

    def _lost(self, error: Exception) -> NoReturn:
        self.close()
        raise InstrumentDisconnected(
            self.name, f"the line broke ({error})", _HINT
        ) from None
