"""How far the pads of a secret were ever spent, on record beside the secret itself.

The record is a file of 56 bytes next to the party's secret, ``<name>.used``: a mark of
eight bytes, the number of pads spent of each direction (u64, little-endian), and the
HMAC-SHA-256 of all that under the secret's greeting key, so that it belongs to one
party's secret and is not changed by hand. It only ever rises, after the secret's own
counter: a crash between the two leaves the secret ahead, which is no harm. A secret
that is behind it is an older copy that was put back.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from qkdlab.errors import ResourceError, VerifyError
from qkdlab.link.direction import Direction

__all__ = ["HighWater", "mark_path", "sync_folder"]

_MAGIC = b"QKDUSED1"
_COUNTER_BYTES = 8
_CODE_BYTES = hashlib.sha256().digest_size
_BYTES = len(_MAGIC) + len(Direction) * _COUNTER_BYTES + _CODE_BYTES


def mark_path(secret: Path) -> Path:
    """Return where the mark of a secret's file stands."""
    return secret.with_name(secret.name + ".used")


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder safe on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HighWater:
    """The mark beside the secret's file `secret`; held open, closed by `close`.

    code:  the code of a text under the party's greeting key
    spent: pads that the secret itself counts, by direction

    A missing mark is made only for a secret that nobody has used. Raises VerifyError
    when the secret is behind its mark, the mark is missing or not of this secret;
    ResourceError when it cannot be read or written.
    """

    def __init__(
        self,
        secret: Path,
        code: Callable[[bytes], bytes],
        spent: Mapping[Direction, int],
    ) -> None:
        self._path = mark_path(secret)
        self._code = code
        self._file = -1
        try:
            self._open(secret, spent)
        except OSError as error:
            self.close()
            raise ResourceError(
                f"{self._path}: cannot be used: {error.strerror}"
            ) from None
        except BaseException:
            self.close()
            raise

    def raise_to(self, spent: Mapping[Direction, int]) -> None:
        """Record what is spent; it is on disk when this returns. Raises OSError."""
        text = _MAGIC + b"".join(
            spent[direction].to_bytes(_COUNTER_BYTES, "little")
            for direction in Direction
        )
        os.pwrite(self._file, text + self._code(text), 0)
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __repr__(self) -> str:
        return f"HighWater({str(self._path)!r})"

    def _open(self, secret: Path, spent: Mapping[Direction, int]) -> None:
        # an empty one was left by a crash in the moment it was made
        is_new = not self._path.exists() or self._path.stat().st_size == 0
        if is_new and any(spent.values()):
            raise VerifyError(
                f"{self._path}: is missing, though pads of {secret.name} are spent: "
                "both files go together; make a new pair with 'qkdlab secret'"
            )
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if is_new:
            self.raise_to(spent)
            sync_folder(self._path.parent)
            return
        seen = self._read()
        if any(spent[direction] < seen[direction] for direction in Direction):
            raise VerifyError(
                f"{secret}: an older copy was put back: its pads would be spent twice; "
                "make a new pair with 'qkdlab secret'"
            )
        self.raise_to(spent)

    def _read(self) -> dict[Direction, int]:
        data = os.pread(self._file, _BYTES + 1, 0)
        text, code = data[:-_CODE_BYTES], data[-_CODE_BYTES:]
        is_ours = len(data) == _BYTES and text.startswith(_MAGIC)
        if not (is_ours and hmac.compare_digest(self._code(text), code)):
            raise VerifyError(
                f"{self._path}: does not belong to the secret beside it, or was "
                "changed; make a new pair with 'qkdlab secret'"
            )
        counters = text[len(_MAGIC) :]
        return {
            direction: int.from_bytes(
                counters[_COUNTER_BYTES * place :][:_COUNTER_BYTES], "little"
            )
            for place, direction in enumerate(Direction)
        }
