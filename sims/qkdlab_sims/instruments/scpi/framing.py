"""Cut a stream of bytes into program messages, whatever the splits of the stream."""

from __future__ import annotations

import enum
import re

__all__ = ["MessageFramer"]

_SPECIAL = re.compile(rb"[\n#\"']")
_END_OF_QUOTE = {
    ord('"'): re.compile(rb'["\n]'),
    ord("'"): re.compile(rb"['\n]"),
}
_LF = ord("\n")


class _Mode(enum.Enum):
    PLAIN = enum.auto()
    QUOTE = enum.auto()
    BLOCK_HEADER = enum.auto()
    BLOCK = enum.auto()
    OPEN_BLOCK = enum.auto()


class MessageFramer:
    """Finds the line feeds that end messages.

    A line feed inside a definite block ``#<n><length><data>`` is data. An indefinite
    block ``#0`` and an unclosed quote end at the next line feed. A block that promises
    more than comes swallows what follows, as in the instruments.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._message = bytearray()
        self._too_long = False
        self._mode = _Mode.PLAIN
        self._quote = 0
        self._header = b""
        self._remaining = 0

    def feed(self, data: bytes) -> list[bytes | None]:
        """Take bytes; return the messages that they complete, without terminators.

        None stands for a message longer than the limit, whose bytes are lost.
        """
        done: list[bytes | None] = []
        at = 0
        while at < len(data):
            if self._mode is _Mode.PLAIN:
                at = self._plain(data, at, done)
            elif self._mode is _Mode.QUOTE:
                at = self._until(data, at, _END_OF_QUOTE[self._quote])
            elif self._mode is _Mode.BLOCK_HEADER:
                at = self._block_header(data, at)
            elif self._mode is _Mode.BLOCK:
                at = self._block(data, at)
            else:
                at = self._open_block(data, at)
        return done

    def _plain(self, data: bytes, at: int, done: list[bytes | None]) -> int:
        found = _SPECIAL.search(data, at)
        if found is None:
            self._keep(data[at:])
            return len(data)
        end = found.start()
        self._keep(data[at:end])
        if data[end] == _LF:
            done.append(None if self._too_long else bytes(self._message))
            self._message.clear()
            self._too_long = False
            return end + 1
        self._keep(data[end : end + 1])
        if data[end] == ord("#"):
            self._mode = _Mode.BLOCK_HEADER
            self._header = b""
        else:
            self._mode = _Mode.QUOTE
            self._quote = data[end]
        return end + 1

    def _until(self, data: bytes, at: int, ends: re.Pattern[bytes]) -> int:
        found = ends.search(data, at)
        if found is None:
            self._keep(data[at:])
            return len(data)
        self._mode = _Mode.PLAIN
        end = found.start() if data[found.start()] == _LF else found.end()
        self._keep(data[at:end])
        return end

    def _block_header(self, data: bytes, at: int) -> int:
        byte = data[at : at + 1]
        if not self._header and byte == b"0":
            self._keep(byte)
            self._mode = _Mode.OPEN_BLOCK
            return at + 1
        if not byte.isdigit():
            # `#H1F` and the like: not a block, look at this byte again.
            self._mode = _Mode.PLAIN
            return at
        self._keep(byte)
        self._header += byte
        if len(self._header) == 1 + int(self._header[:1]):
            self._remaining = int(self._header[1:])
            self._mode = _Mode.BLOCK
        return at + 1

    def _block(self, data: bytes, at: int) -> int:
        end = min(len(data), at + self._remaining)
        self._keep(data[at:end])
        self._remaining -= end - at
        if self._remaining == 0:
            self._mode = _Mode.PLAIN
        return end

    def _open_block(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        if end < 0:
            self._keep(data[at:])
            return len(data)
        self._keep(data[at:end])
        self._mode = _Mode.PLAIN
        return end

    def _keep(self, part: bytes) -> None:
        if self._too_long:
            return
        if len(self._message) + len(part) > self._limit:
            self._too_long = True
            self._message.clear()
            return
        self._message += part
