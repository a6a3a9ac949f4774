"""Whole messages in a stream of bytes: frames of the classical channel over TCP.

A frame is a single zero byte (a sign of life), or a head and what it announces. The
head is: kind (u8), value (u32), CRC-32 of both (u32), little-endian. The value of a
message is its length, that of a farewell its reason. The check is no protection (that
is `qkdlab.link.seal`): it makes an accident to a head known at once, where a wrong
length would only look like a silent peer.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

from qkdlab.link.codec import MAX_MESSAGE_BYTES

__all__ = [
    "MAX_FRAME_BYTES",
    "SIGN_OF_LIFE",
    "DamagedFrame",
    "Farewell",
    "FrameReader",
    "farewell_frame",
    "message_head",
]

MAX_FRAME_BYTES = MAX_MESSAGE_BYTES + 1024
"""A message with its seal; a head that announces more is refused."""
SIGN_OF_LIFE = b"\0"

_HEAD = struct.Struct("<BII")
_PART = struct.Struct("<BI")
_MESSAGE, _FAREWELL = 1, 2


class DamagedFrame(Exception):
    """The bytes are no frames."""


class Farewell(IntEnum):
    """Why an end closes the channel."""

    DONE = 0
    STOPPED = 1
    FAILED = 2


def message_head(length: int) -> bytes:
    """Return the head of a message; ValueError when it is too long."""
    if length > MAX_FRAME_BYTES:
        raise ValueError("the message is too long for the channel")
    return _head(_MESSAGE, length)


def farewell_frame(reason: Farewell) -> bytes:
    """Return the last frame of an end that closes."""
    return _head(_FAREWELL, reason)


class FrameReader:
    """Finds the frames in bytes as they come, however they are cut.

    Nothing is set aside for a message before its bytes are there.

    longest_bytes: a head that announces more is refused; may be changed at any time
    """

    def __init__(self, longest_bytes: int = MAX_FRAME_BYTES) -> None:
        self.longest_bytes = longest_bytes
        self.farewell: Farewell | None = None
        self._bytes = bytearray()
        self._announced: int | None = None

    @property
    def awaited_bytes(self) -> int:
        """Length of the message that has begun and is not whole; 0 when none has."""
        if self._announced is not None:
            return self._announced
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield the messages that they complete.

        Raises DamagedFrame. What comes after a farewell is ignored.
        """
        self._bytes += data
        while self.farewell is None:
            message = self._next()
            if message is None:
                return
            if message:
                yield message

    def _next(self) -> bytes | None:
        """Return a message, ``b""`` for a frame that is none, None to wait."""
        if self._announced is None:
            if self._bytes[:1] == SIGN_OF_LIFE:
                del self._bytes[:1]
                return b""
            if len(self._bytes) < _HEAD.size:
                return None
            self._take_head()
            return b""
        if len(self._bytes) < self._announced:
            return None
        # a slice of the bytes themselves would be one copy more
        message = bytes(memoryview(self._bytes)[: self._announced])
        del self._bytes[: self._announced]
        self._announced = None
        return message

    def _take_head(self) -> None:
        kind, value, check = _HEAD.unpack_from(self._bytes)
        if check != zlib.crc32(_PART.pack(kind, value)):
            raise DamagedFrame
        del self._bytes[: _HEAD.size]
        if kind == _MESSAGE and 0 < value <= self.longest_bytes:
            self._announced = value
        elif kind == _FAREWELL and value in set(Farewell):
            self.farewell = Farewell(value)
        else:
            raise DamagedFrame


def _head(kind: int, value: int) -> bytes:
    return _HEAD.pack(kind, value, zlib.crc32(_PART.pack(kind, value)))
