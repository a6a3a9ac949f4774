"""The hash of a block's messages, the same for both parties."""

from __future__ import annotations

import hashlib

from qkdlab.link.direction import Direction

__all__ = ["Transcript", "is_plain"]

_PLAIN = b"{"
"""First byte of a plain message (JSON): what parties drive begins otherwise."""


def is_plain(data: bytes) -> bool:
    """Tell whether a message is a plain one between the programs."""
    return data.startswith(_PLAIN)


class Transcript:
    """Hashes the messages of key blocks, each direction by itself.

    Both parties see each direction in its order, but not one order of the two. Plain
    messages between the programs are left out.
    """

    def __init__(self) -> None:
        self._hashes = {str(way): hashlib.sha256() for way in Direction}

    def add(self, direction: str, data: bytes) -> None:
        """Take the next message of a direction."""
        if not is_plain(data):
            digest = self._hashes[str(direction)]
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)

    @property
    def sha256(self) -> str:
        """The hash of all messages so far, in hexadecimal."""
        both = b"".join(digest.digest() for digest in self._hashes.values())
        return hashlib.sha256(both).hexdigest()
