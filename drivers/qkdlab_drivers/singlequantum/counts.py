"""The counts port of a WebSQ: a line ``unix_time,c1,...,cN`` per period [code]."""

from __future__ import annotations

import math

from qkdlab.errors import InstrumentReplyError, InstrumentTimeout
from qkdlab.transport.base import ByteTransport

__all__ = ["CountsLine"]

_LIMIT_BYTES = 1 << 16


class CountsLine:
    """Whole lines, whatever the pieces they come in."""

    def __init__(self, name: str, transport: ByteTransport, n_detectors: int) -> None:
        self._name = name
        self._transport = transport
        self._n_detectors = n_detectors
        self._buffer = bytearray()

    def rates_hz(
        self, duration_s: float, period_s: float, timeout_s: float
    ) -> list[float]:
        """Count for whole periods that begin after now, at least `duration_s` long.

        Raises InstrumentTimeout when a line is overdue by `timeout_s`,
        InstrumentReplyError for a line that is none.
        """
        patience_s = period_s + timeout_s
        self._forget_what_came(patience_s)
        # The period under way began before now.
        self._next(patience_s)
        n_periods = max(1, math.ceil(duration_s / period_s - 1e-9))
        totals = [0.0] * self._n_detectors
        for _ in range(n_periods):
            counts = self._next(patience_s)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
        return [total / (n_periods * period_s) for total in totals]

    def close(self) -> None:
        """Close the line."""
        self._transport.close()

    def _forget_what_came(self, patience_s: float) -> None:
        while data := self._transport.read(65536, 0.0):
            self._buffer = (self._buffer + data)[-_LIMIT_BYTES:]
        unfinished = self._buffer.rpartition(b"\n")[2]
        self._buffer.clear()
        if unfinished:
            self._line(patience_s)

    def _next(self, patience_s: float) -> list[float]:
        line = self._line(patience_s)
        try:
            fields = [float(field) for field in line.split(b",")]
        except ValueError:
            raise self._strange(line) from None
        counts = fields[1:]
        if len(counts) != self._n_detectors or not all(
            math.isfinite(c) and c >= 0 for c in counts
        ):
            raise self._strange(line)
        return counts

    def _line(self, patience_s: float) -> bytes:
        while b"\n" not in self._buffer:
            data = self._transport.read(65536, patience_s)
            if not data:
                raise InstrumentTimeout(
                    self._name,
                    f"no counts within {patience_s:g} s",
                    "check that the driver's counts port sends",
                )
            self._buffer += data
            if len(self._buffer) > _LIMIT_BYTES:
                raise self._strange(bytes(self._buffer))
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return bytes(line)

    def _strange(self, line: bytes) -> InstrumentReplyError:
        return InstrumentReplyError(
            self._name,
            f"sent {line[:60].decode('latin-1')!r} as counts",
            f"check that it has {self._n_detectors} detectors",
        )
