"""Take a program message apart: units, headers, arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qkdlab_sims.instruments.scpi.status import ScpiError

__all__ = ["Argument", "Block", "Quoted", "Unit", "units_of"]

_HEADER = re.compile(rb"(\*[A-Za-z]+|:?[A-Za-z][A-Za-z0-9_]*(?::[A-Za-z0-9_]+)*)(\??)")
_BLANKS = re.compile(rb"[\x00-\x09\x0b-\x20]*")
_PLAIN = re.compile(rb"[^,;\"']+")


@dataclass(frozen=True, slots=True)
class Block:
    """Arbitrary block data."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Quoted:
    """String data, without its quotes."""

    text: str


Argument = str | Block | Quoted
"""Plain text, as it came but for blanks around it, or one of the two above."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One command or query of a message.

    header: ``("SOUR2", "VOLT")`` in upper case; ``("*IDN",)`` for common commands
    absolute: whether it began with a colon
    """

    header: tuple[str, ...]
    absolute: bool
    query: bool
    arguments: tuple[Argument, ...]


def units_of(message: bytes) -> Iterator[Unit]:
    """Yield the units of `message`; raises ScpiError at the first that is malformed."""
    at = _skip_blanks(message, 0)
    while at < len(message):
        if message[at : at + 1] == b";":
            at = _skip_blanks(message, at + 1)
            continue
        unit, at = _unit(message, at)
        yield unit
        at = _skip_blanks(message, at)


def _unit(message: bytes, at: int) -> tuple[Unit, int]:
    found = _HEADER.match(message, at)
    if found is None:
        raise ScpiError(-102)
    name = found.group(1).decode("ascii").upper()
    at = found.end()
    following = message[at : at + 1]
    if following and following != b";" and not following.isspace():
        raise ScpiError(-111)
    arguments: list[Argument] = []
    at = _skip_blanks(message, at)
    while at < len(message) and message[at : at + 1] != b";":
        argument, at = _argument(message, at)
        arguments.append(argument)
        at = _skip_blanks(message, at)
        if message[at : at + 1] == b",":
            at = _skip_blanks(message, at + 1)
            if at == len(message) or message[at : at + 1] == b";":
                raise ScpiError(-109)
        elif at < len(message) and message[at : at + 1] != b";":
            raise ScpiError(-102)
    header = tuple(name.lstrip(":").split(":"))
    unit = Unit(header, name.startswith(":"), bool(found.group(2)), tuple(arguments))
    return unit, at


def _argument(message: bytes, at: int) -> tuple[Argument, int]:
    first = message[at : at + 1]
    if first in (b'"', b"'"):
        return _quoted(message, at, first)
    if first == b"#" and message[at + 1 : at + 2].isdigit():
        return _block(message, at)
    found = _PLAIN.match(message, at)
    if found is None:
        raise ScpiError(-102)
    plain = found.group().strip()
    if not plain.isascii():
        raise ScpiError(-101)
    return plain.decode("ascii"), found.end()


def _quoted(message: bytes, at: int, quote: bytes) -> tuple[Quoted, int]:
    parts: list[bytes] = []
    at += 1
    while True:
        end = message.find(quote, at)
        if end < 0:
            raise ScpiError(-151)
        parts.append(message[at:end])
        at = end + 1
        if message[at : at + 1] != quote:
            return Quoted(quote.join(parts).decode("latin-1")), at
        at += 1


def _block(message: bytes, at: int) -> tuple[Block, int]:
    n_digits = int(message[at + 1 : at + 2])
    if n_digits == 0:
        return Block(message[at + 2 :]), len(message)
    digits = message[at + 2 : at + 2 + n_digits]
    begin = at + 2 + n_digits
    if len(digits) < n_digits or not digits.isdigit():
        raise ScpiError(-161)
    end = begin + int(digits)
    if end > len(message):
        raise ScpiError(-161)
    return Block(message[begin:end]), end


def _skip_blanks(message: bytes, at: int) -> int:
    found = _BLANKS.match(message, at)
    return found.end() if found else at
