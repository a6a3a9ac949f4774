"""What stands for a maker's library in this process, where others have a line."""

from __future__ import annotations

from qkdlab.errors import InstrumentError
from qkdlab.transport.line import Line

__all__ = ["LibraryLine"]


class LibraryLine(Line):
    """A `MessageTransport` that carries nothing: the driver loads the library.

    library: its name in the address, ``library:<name>``
    """

    def __init__(self, name: str, library: str) -> None:
        super().__init__(name)
        self.library = library

    def send(self, message: bytes) -> None:
        """Refuse: nobody listens."""
        del message
        raise InstrumentError(
            self.name, "is a library, not a line", "check the address"
        )

    def receive(self, timeout_s: float) -> bytes | None:
        """Return None: nobody speaks."""
        del timeout_s
        return None

    def _shut(self) -> None:
        """Do nothing: there is nothing open."""
