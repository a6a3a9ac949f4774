"""The kinds of values that a message may hold, each with one canonical form in bytes.

Little-endian and length-prefixed throughout. A reader refuses every form that a writer
would not have written, so two different byte strings never mean the same message. Each
kind also says how many bits a value has, for the leak ledger.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from qkdlab.bits.array import BitArray
from qkdlab.link.varint import Increasing

__all__ = [
    "BITS",
    "BLOB",
    "FLAG",
    "INCREASING",
    "MAX_ENTRIES",
    "REAL",
    "TEXT",
    "UINT",
    "Reader",
    "Wire",
    "tuple_of",
]

MAX_TEXT_BYTES = 4096
MAX_TUPLE = 4096
MAX_ENTRIES = 1 << 18
"""Of a list of increasing numbers: in memory each takes eight times its byte."""

T = TypeVar("T")
U = TypeVar("U")


class Reader:
    """Walks through the bytes of one message; raises ValueError beyond their end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, n_bytes: int) -> bytes:
        """Return the next `n_bytes`."""
        if n_bytes < 0 or n_bytes > len(self._data) - self._at:
            raise ValueError("the message is cut short")
        piece = self._data[self._at : self._at + n_bytes]
        self._at += n_bytes
        return piece

    def length(self) -> int:
        """Return the next unsigned 64-bit number."""
        return int.from_bytes(self.take(8), "little")

    def finish(self) -> None:
        """Refuse bytes beyond the last field."""
        if self._at != len(self._data):
            raise ValueError("the message has trailing bytes")


class Wire(Protocol[T]):
    """How one kind of value stands in a message."""

    def write(self, value: T, out: list[bytes]) -> None:
        """Append the canonical bytes of `value`; ValueError when it has none."""
        ...

    def read(self, reader: Reader) -> T:
        """Return the next value; ValueError when the bytes are not canonical."""
        ...

    def bits(self, value: T) -> int:
        """Return how many bits `value` discloses when it depends on secrets."""
        ...


def _length(n: int) -> bytes:
    return n.to_bytes(8, "little")


class _Unsigned:
    """An integer from 0 to 2^64 - 1 in eight bytes."""

    def write(self, value: int, out: list[bytes]) -> None:
        if isinstance(value, bool) or not 0 <= value < 1 << 64:
            raise ValueError("the number does not fit into 64 bits")
        out.append(_length(value))

    def read(self, reader: Reader) -> int:
        return reader.length()

    def bits(self, value: int) -> int:
        return 64


class _Flag:
    """True or False in one byte."""

    def write(self, value: bool, out: list[bytes]) -> None:
        out.append(b"\x01" if value else b"\x00")

    def read(self, reader: Reader) -> bool:
        byte = reader.take(1)[0]
        if byte > 1:
            raise ValueError("a flag is 0 or 1")
        return bool(byte)

    def bits(self, value: bool) -> int:
        return 1


class _Real:
    """A finite number as IEEE 754 double."""

    def write(self, value: float, out: list[bytes]) -> None:
        if not math.isfinite(value):
            raise ValueError("numbers in messages are finite")
        out.append(struct.pack("<d", value))

    def read(self, reader: Reader) -> float:
        value = float(struct.unpack("<d", reader.take(8))[0])
        if not math.isfinite(value):
            raise ValueError("numbers in messages are finite")
        return value

    def bits(self, value: float) -> int:
        return 64


class _Text:
    """A short string in UTF-8."""

    def write(self, value: str, out: list[bytes]) -> None:
        data = value.encode("utf-8")
        if len(data) > MAX_TEXT_BYTES:
            raise ValueError("the text is too long")
        out.extend((_length(len(data)), data))

    def read(self, reader: Reader) -> str:
        n_bytes = reader.length()
        if n_bytes > MAX_TEXT_BYTES:
            raise ValueError("the text is too long")
        return reader.take(n_bytes).decode("utf-8")

    def bits(self, value: str) -> int:
        return 8 * len(value.encode("utf-8"))


class _Blob:
    """Bytes."""

    def write(self, value: bytes, out: list[bytes]) -> None:
        out.extend((_length(len(value)), bytes(value)))

    def read(self, reader: Reader) -> bytes:
        return reader.take(reader.length())

    def bits(self, value: bytes) -> int:
        return 8 * len(value)


class _Bits:
    """A `BitArray`: its length, then ceil(n / 8) bytes, unused bits zero."""

    def write(self, value: BitArray, out: list[bytes]) -> None:
        out.extend((_length(len(value)), value.to_bytes()))

    def read(self, reader: Reader) -> BitArray:
        n_bits = reader.length()
        data = reader.take(-(-n_bits // 8))
        if n_bits % 8 and data[-1] >> (n_bits % 8):
            raise ValueError("unused bits are zero")
        return BitArray.from_bytes(data, n_bits)

    def bits(self, value: BitArray) -> int:
        return len(value)


class _Increasing:
    """Numbers that increase: how many, how many bytes, the gaps."""

    def write(self, value: Increasing, out: list[bytes]) -> None:
        if len(value) > MAX_ENTRIES:
            raise ValueError("the list is too long")
        out.extend((_length(len(value)), _length(len(value.data)), value.data))

    def read(self, reader: Reader) -> Increasing:
        count = reader.length()
        data = reader.take(reader.length())
        if count > MAX_ENTRIES:
            raise ValueError("the list is too long")
        return Increasing.read(data, count)

    def bits(self, value: Increasing) -> int:
        return 64 * len(value)


@dataclass(frozen=True)
class _Tuple(Generic[U]):
    """A short tuple of values of one kind."""

    item: Wire[U]

    def write(self, value: Sequence[U], out: list[bytes]) -> None:
        if len(value) > MAX_TUPLE:
            raise ValueError("the tuple is too long")
        out.append(_length(len(value)))
        for entry in value:
            self.item.write(entry, out)

    def read(self, reader: Reader) -> tuple[U, ...]:
        count = reader.length()
        if count > MAX_TUPLE:
            raise ValueError("the tuple is too long")
        return tuple(self.item.read(reader) for _ in range(count))

    def bits(self, value: Sequence[U]) -> int:
        return sum(self.item.bits(entry) for entry in value)


UINT: Wire[int] = _Unsigned()
FLAG: Wire[bool] = _Flag()
REAL: Wire[float] = _Real()
TEXT: Wire[str] = _Text()
BLOB: Wire[bytes] = _Blob()
BITS: Wire[BitArray] = _Bits()
INCREASING: Wire[Increasing] = _Increasing()


def tuple_of(item: Wire[Any]) -> Wire[Any]:
    """Return the kind of a tuple whose entries are all of kind `item`."""
    return _Tuple(item)
