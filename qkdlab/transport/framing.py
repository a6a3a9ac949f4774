"""Reading whole lines from a byte transport."""

from __future__ import annotations

from qkdlab.errors import InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport

__all__ = ["LineReader"]


class LineReader:
    """Collects bytes of a `ByteTransport` until a reply is complete.

    Whatever arrived beyond the reply is kept for the next one, so that coalesced
    replies are not lost.
    """

    def __init__(self, transport: ByteTransport, *, limit_bytes: int = 1 << 20) -> None:
        self.transport = transport
        self._buffer = bytearray()
        self._limit = limit_bytes

    def read_until(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return the bytes before `terminator`, which is consumed.

        Raises InstrumentTimeout when it does not come in time (what did arrive is
        shown, up to 40 bytes) and InstrumentReplyError when the reply grows past the
        limit.
        """
        while True:
            at = self._buffer.find(terminator)
            if at >= 0:
                line = bytes(self._buffer[:at])
                del self._buffer[: at + len(terminator)]
                return line
            self._fill(timeout_s)

    def drain(self) -> bytes:
        """Return and forget what has arrived but was not asked for."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _fill(self, timeout_s: float) -> None:
        data = self.transport.read(65536, timeout_s)
        name = self.transport.name
        if not data:
            got = f" after {bytes(self._buffer[:40])!r}" if self._buffer else ""
            self._buffer.clear()
            raise InstrumentTimeout(
                name,
                f"no complete answer within {timeout_s:g} s{got}",
                "check power, cable and address",
            )
        self._buffer += data
        if len(self._buffer) > self._limit:
            self._buffer.clear()
            raise InstrumentReplyError(
                name,
                f"answer longer than {self._limit} bytes without terminator",
                "check that the address belongs to this model",
            )
