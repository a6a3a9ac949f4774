"""The head of a pad pool's file, format 2.

``QKDPADS2``; the number of pads per direction (u64, little-endian, at 8); the party
that the file belongs to (ASCII, 16 bytes with zeros, at 16); where the secret is from
(u8, at 32, see `Origin`); for each direction the number of pads spent (u64) beside its
complement. Each of the two has a disk sector to itself, so a torn write cannot touch
the other. The secret begins at `SECRET_AT`.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from qkdlab.errors import UsageError, VerifyError
from qkdlab.link.direction import Direction

__all__ = [
    "COUNTER_AT",
    "SECRET_AT",
    "Origin",
    "counter",
    "damaged",
    "new_head",
    "read_head",
    "read_origin",
]

COUNTER_AT = {Direction.ALICE_TO_BOB: 512, Direction.BOB_TO_ALICE: 1024}
SECRET_AT = 4096
_MAGIC = b"QKDPADS2"
_MAGIC_1 = b"QKDPADS1"
_PARTY_AT, _PARTY_BYTES = 16, 16
_ORIGIN_AT = 32


class Origin(IntEnum):
    """Where a secret comes from: people, or a run whose key was claimed, or was not."""

    BROUGHT = 0
    RUN = 1
    ESTIMATE = 2


def new_head(n_pads: int, party: str, origin: Origin = Origin.BROUGHT) -> bytes:
    """Return the head of a file of which nothing is spent."""
    head = bytearray(SECRET_AT)
    head[: len(_MAGIC)] = _MAGIC
    head[8:16] = n_pads.to_bytes(8, "little")
    head[_PARTY_AT : _PARTY_AT + _PARTY_BYTES] = _party_field(party)
    head[_ORIGIN_AT] = origin
    for at in COUNTER_AT.values():
        head[at : at + 16] = counter(0)
    return bytes(head)


def read_head(path: Path, head: bytes, party: str) -> tuple[int, dict[Direction, int]]:
    """Return the number of pads per direction, and how many of each are spent.

    Raises VerifyError when this is no head of format 2, UsageError when the file is the
    other party's.
    """
    if head.startswith(_MAGIC_1):
        raise VerifyError(
            f"{path}: a pad pool of format 1, which has no key for greetings and no "
            "mark of what was spent; make a new pair with 'qkdlab secret'"
        )
    if not head.startswith(_MAGIC):
        raise VerifyError(f"{path}: this is no pad pool")
    n_pads = int.from_bytes(head[8:16], "little")
    spent = {}
    for direction, at in COUNTER_AT.items():
        value = int.from_bytes(head[at : at + 8], "little")
        if head[at : at + 16] != counter(value) or value > n_pads:
            raise damaged(path)
        spent[direction] = value
    _check_party(path, head[_PARTY_AT : _PARTY_AT + _PARTY_BYTES], party)
    return n_pads, spent


def read_origin(path: Path, head: bytes) -> Origin:
    """Return where the secret is from; raises VerifyError when the head tells none."""
    try:
        return Origin(head[_ORIGIN_AT])
    except (ValueError, IndexError):
        raise damaged(path) from None


def counter(value: int) -> bytes:
    """Return a counter beside its complement, 16 bytes."""
    return value.to_bytes(8, "little") + (value ^ ((1 << 64) - 1)).to_bytes(8, "little")


def damaged(path: Path) -> VerifyError:
    """Return the error for a file that was once a pad pool."""
    return VerifyError(f"{path}: the pad pool is damaged; make a new pair")


def _party_field(party: str) -> bytes:
    return party.encode("ascii").ljust(_PARTY_BYTES, b"\0")


def _check_party(path: Path, field: bytes, party: str) -> None:
    if field == _party_field(party):
        return
    for owner in {direction.sender for direction in Direction}:
        if field == _party_field(owner):
            raise UsageError(
                f"{path}: this is the secret of {owner}; {party} takes the other file"
            )
    raise damaged(path)
