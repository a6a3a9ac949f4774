"""Cutting a client's bytes into JSON objects that follow each other without a mark.

Clients of the legacy WebSQ protocol send bare objects, ``{}{}`` included, split or
coalesced in any way (Single Quantum's own client [code]).
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["JsonObjects"]

_LIMIT_BYTES = 1 << 20


class JsonObjects:
    """Finds the end of each object by its braces, outside of strings."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._buffer.clear()
        self._at = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes) -> list[dict[str, Any] | None]:
        """Return the objects that `data` completes; None for one that is no JSON."""
        self._buffer += data
        objects: list[dict[str, Any] | None] = []
        while self._at < len(self._buffer):
            byte = self._buffer[self._at]
            self._at += 1
            self._look_at(byte)
            if self._depth == 0:
                text = bytes(self._buffer[: self._at])
                del self._buffer[: self._at]
                self._at = 0
                if byte == ord("}"):
                    objects.append(_parse(text))
        if len(self._buffer) > _LIMIT_BYTES:
            self._begin()
            objects.append(None)
        return objects

    def _look_at(self, byte: int) -> None:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif byte == ord("\\"):
                self._escaped = True
            elif byte == ord('"'):
                self._in_string = False
        elif byte == ord("{"):
            self._depth += 1
        elif byte == ord("}"):
            self._depth = max(0, self._depth - 1)
        elif byte == ord('"') and self._depth:
            self._in_string = True


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
