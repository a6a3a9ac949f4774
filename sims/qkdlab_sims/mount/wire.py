"""Bytes on their way along a line that takes its time."""

from __future__ import annotations

from collections import deque

__all__ = ["Wire", "byte_time_ps"]

_PS_PER_S = 1_000_000_000_000
_BITS_PER_BYTE = 10
"""Start bit, eight data bits, no parity, one stop bit."""


def byte_time_ps(baud: int | None) -> int:
    """Return what a byte takes at `baud`; nothing on a line that is not serial."""
    return 0 if baud is None else _BITS_PER_BYTE * _PS_PER_S // baud


class Wire:
    """One direction of a line: bytes go in at once and come out one after another."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, int, bytes]] = deque()
        """(when its first byte begins, time of a byte, bytes)."""
        self._free_ps = 0

    def __len__(self) -> int:
        """Return how many bytes are under way."""
        return sum(len(data) for _, _, data in self._pieces)

    def put(self, data: bytes, now_ps: int, byte_ps: int) -> None:
        """Send `data` from `now_ps`, or after what is under way."""
        if data:
            begin_ps = max(now_ps, self._free_ps)
            self._pieces.append((begin_ps, byte_ps, data))
            self._free_ps = begin_ps + byte_ps * len(data)

    def take(self, now_ps: int) -> list[tuple[bytes, int]]:
        """Return what has arrived by `now_ps`, with the time of its last byte."""
        arrived: list[tuple[bytes, int]] = []
        while self._pieces:
            begin_ps, byte_ps, data = self._pieces[0]
            n = len(data)
            if byte_ps > 0:
                n = min(n, (now_ps - begin_ps) // byte_ps)
            elif begin_ps > now_ps:
                n = 0
            if n <= 0:
                break
            end_ps = begin_ps + n * byte_ps
            arrived.append((data[:n], end_ps))
            if n < len(data):
                self._pieces[0] = end_ps, byte_ps, data[n:]
                break
            self._pieces.popleft()
        return arrived

    def next_arrival_ps(self) -> int | None:
        """Return when the next byte has arrived."""
        if not self._pieces:
            return None
        begin_ps, byte_ps, _ = self._pieces[0]
        return begin_ps + byte_ps

    def clear(self) -> None:
        """Lose what is under way."""
        self._pieces.clear()
        self._free_ps = 0
