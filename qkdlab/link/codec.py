"""Messages to bytes and back: canonical, strict, and honest about what they disclose.

A message is a frozen dataclass made by :func:`message`, whose every field is declared
with :func:`public` or :func:`secret_derived`. The encoder refuses any other field, and
tells how many secret-derived bits the message carries (SECURITY rule 6). The decoder
turns every malformed, truncated, trailing or oversized input into one constant abort.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link.wire import Reader, Wire

__all__ = [
    "MAX_MESSAGE_BYTES",
    "WIRE_VERSION",
    "Charge",
    "Encoded",
    "Exposure",
    "Message",
    "charge",
    "decode",
    "encode",
    "kind_of",
    "message",
    "protocol_violation",
    "public",
    "record",
    "record_of",
    "secret_derived",
]

WIRE_VERSION = 1
MAX_MESSAGE_BYTES = 1 << 28

_FIELD = "qkdlab.link"


class Exposure(Enum):
    """What a field tells about secrets."""

    PUBLIC = "public"
    LEAK = "leak"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class _Typed:
    wire: Wire[Any]
    exposure: Exposure


@dataclass(frozen=True, slots=True)
class Charge:
    """Secret-derived bits of one message.

    leak:         bits to be charged as leakage
    verification: bits of the verification tag, charged once in the key length
    """

    leak: int = 0
    verification: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message in bytes, and what these bytes disclose."""

    data: bytes
    charge: Charge


class Message:
    """Base of all messages; see :func:`message`."""

    KIND: ClassVar[int]
    PHASE: ClassVar[str]
    INTERACTIVE: ClassVar[bool] = False
    BATCH: ClassVar[bool] = False


M = TypeVar("M", bound=Message)
R = TypeVar("R")
_KINDS: dict[int, type[Message]] = {}
_FIELDS: dict[type[Any], list[tuple[str, _Typed]]] = {}
"""What was found out about each dataclass, once."""


def public(wire: Wire[Any]) -> Any:
    """Declare a field that depends on no secret."""
    return dataclasses.field(metadata={_FIELD: _Typed(wire, Exposure.PUBLIC)})


def secret_derived(wire: Wire[Any], exposure: Exposure = Exposure.LEAK) -> Any:
    """Declare a field that is computed from key bits; all its bits are charged."""
    if exposure is Exposure.PUBLIC:
        raise ValueError("a secret-derived field is not public")
    return dataclasses.field(metadata={_FIELD: _Typed(wire, exposure)})


@dataclass_transform(frozen_default=True, field_specifiers=(public, secret_derived))
def message(
    kind: int, phase: str, *, interactive: bool = False, batch: bool = False
) -> Callable[[type[M]], type[M]]:
    """Make a class the frozen dataclass of the message of byte `kind` in `phase`.

    An interactive message may be answered before the closing tag of its phase; a batch
    comes before the end of its phase and is never answered. All others end one.
    Raises TypeError for a field without declaration, ValueError for a taken kind.
    """

    def register(cls: type[M]) -> type[M]:
        if kind in _KINDS or not 0 <= kind <= 255:
            raise ValueError(f"message kind {kind} is taken or out of range")
        made = dataclass(frozen=True)(cls)
        _typed_fields(made)
        made.KIND, made.PHASE = kind, phase
        made.INTERACTIVE, made.BATCH = interactive, batch
        _KINDS[kind] = made
        return made

    return register


@dataclass_transform(frozen_default=True, field_specifiers=(public, secret_derived))
def record(cls: type[R]) -> type[R]:
    """Make a class a frozen dataclass that can stand inside a message."""
    made = dataclass(frozen=True)(cls)
    _typed_fields(made)
    return made


def encode(value: Message) -> Encoded:
    """Return the canonical bytes of a message and the bits that they disclose.

    Raises TypeError when a field is not declared, ValueError when a value does not fit
    its field.
    """
    out = [bytes((WIRE_VERSION, value.KIND))]
    _write_fields(value, out)
    data = b"".join(out)
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError("the message is too long")
    return Encoded(data, charge(value))


def decode(data: bytes) -> Message:
    """Return the message that `data` holds.

    Raises SecurityAbort(PROTOCOL_VIOLATION), always with the same words, for anything
    that :func:`encode` would not have written.
    """
    cls = kind_of(data)
    if cls is None or len(data) > MAX_MESSAGE_BYTES:
        raise protocol_violation()
    reader = Reader(data)
    try:
        reader.take(2)
        value = cast("Message", _read_fields(cls, reader))
        reader.finish()
    except (ValueError, OverflowError):
        raise protocol_violation() from None
    return value


def kind_of(data: bytes) -> type[Message] | None:
    """Return the type that `data` says it holds, None when it names none."""
    if len(data) < 2 or data[0] != WIRE_VERSION:
        return None
    return _KINDS.get(data[1])


def charge(value: Message) -> Charge:
    """Return the secret-derived bits of a message."""
    leak = verification = 0
    for name, typed in _typed_fields(type(value)):
        if typed.exposure is Exposure.LEAK:
            leak += typed.wire.bits(getattr(value, name))
        elif typed.exposure is Exposure.VERIFICATION:
            verification += typed.wire.bits(getattr(value, name))
    return Charge(leak, verification)


def protocol_violation() -> SecurityAbort:
    """Return the one abort for every input that the protocol does not allow."""
    return SecurityAbort(
        AbortCode.PROTOCOL_VIOLATION,
        "the other party sent something that the protocol does not allow",
    )


def record_of(cls: type[R]) -> Wire[R]:
    """Return the kind of a nested dataclass whose fields are all public."""
    if any(t.exposure is not Exposure.PUBLIC for _, t in _typed_fields(cls)):
        raise TypeError("nested records are public")
    return _Record(cls)


@dataclass(frozen=True)
class _Record:
    cls: type[Any]

    def write(self, value: Any, out: list[bytes]) -> None:
        if type(value) is not self.cls:
            raise ValueError("the record is of another type")
        _write_fields(value, out)

    def read(self, reader: Reader) -> Any:
        return _read_fields(self.cls, reader)

    def bits(self, value: Any) -> int:
        raise TypeError("nested records are public")


def _typed_fields(cls: type[Any]) -> list[tuple[str, _Typed]]:
    known = _FIELDS.get(cls)
    if known is None:
        known = _FIELDS[cls] = _find_fields(cls)
    return known


def _find_fields(cls: type[Any]) -> list[tuple[str, _Typed]]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is not a dataclass")
    typed: list[tuple[str, _Typed]] = []
    for entry in dataclasses.fields(cls):
        declared = entry.metadata.get(_FIELD)
        if not isinstance(declared, _Typed):
            raise TypeError(
                f"{cls.__name__}.{entry.name} is neither public nor secret-derived"
            )
        typed.append((entry.name, declared))
    return typed


def _write_fields(value: object, out: list[bytes]) -> None:
    for name, typed in _typed_fields(type(value)):
        typed.wire.write(getattr(value, name), out)


def _read_fields(cls: type[Any], reader: Reader) -> Any:
    return cls(**{name: t.wire.read(reader) for name, t in _typed_fields(cls)})
