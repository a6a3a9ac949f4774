"""The key store of one party: key blocks with their states, on disk.

One file per block, mode 0600, in a folder of mode 0700. A block's state goes one way:
``pending -> confirmed -> delivered`` or ``-> burned``. Every change writes a new file,
fsyncs it and renames it over the old one, so that a crash leaves the old or the new
state, never a mixture; then the old file's content is overwritten, as far as the file
system lets one. Class and state are inside the block's authentication code, so
nobody promotes a demonstration to a key with an editor (SECURITY rule 12).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from qkdlab.bits.array import BitArray
from qkdlab.errors import ResourceError, UsageError, VerifyError

__all__ = ["KeyState", "KeyStore", "StoredKey"]

_NEXT = {
    "pending": {"confirmed", "burned"},
    "confirmed": {"delivered", "burned"},
    "delivered": {"burned"},
    "burned": set(),
}
EXPORTABLE_CLASS = "secure"
KEY_CLASSES = ("secure", "lab", "demonstration")


class KeyState(StrEnum):
    """Where a key block stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    BURNED = "burned"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key block. `bits` is empty once it is delivered or burned."""

    key_id: str
    key_class: str
    state: KeyState
    length: int
    claimable: int
    bits: BitArray

    def __repr__(self) -> str:
        return (
            f"StoredKey({self.key_id}, {self.length} bits, {self.key_class}, "
            f"{self.state})"
        )


class KeyStore:
    """Key blocks in a folder.

    Raises ResourceError when the folder cannot be used, VerifyError when a file in it
    was changed by anybody else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(folder, 0o700)
            _wipe_leftovers(folder)
            self._mac_key = self._load_mac_key()
        except OSError as error:
            raise _failure(folder, error) from None

    def put(
        self, key_id: str, bits: BitArray, key_class: str, *, claimable: int = 0
    ) -> StoredKey:
        """Store a new block as pending.

        claimable: bits that the theorem lets be claimed; 0 unless the class is secure

        Raises UsageError when the id exists, or class and claim do not fit.
        """
        _check_id(key_id)
        if key_class not in KEY_CLASSES:
            raise UsageError(
                f"key {key_id}: class {key_class!r} is never stored as key"
            )
        if not 0 <= claimable <= len(bits):
            raise UsageError(f"key {key_id}: cannot claim more bits than there are")
        if claimable and key_class != EXPORTABLE_CLASS:
            raise UsageError(f"key {key_id}: class {key_class} can claim nothing")
        if self._path(key_id).exists():
            raise UsageError(f"key {key_id} is in the store already")
        key = StoredKey(key_id, key_class, KeyState.PENDING, len(bits), claimable, bits)
        self._write(key)
        return key

    def advance(self, key_id: str, state: KeyState) -> StoredKey:
        """Move a block on to `state`.

        Raises UsageError for a way back or round.
        """
        key = self.get(key_id)
        if state.value not in _NEXT[key.state.value]:
            raise UsageError(f"key {key_id}: {key.state} cannot become {state}")
        gone = state in (KeyState.DELIVERED, KeyState.BURNED)
        bits = BitArray.zeros(0) if gone else key.bits
        key = replace(key, state=state, bits=bits)
        self._write(key)
        return key

    def export(self, key_id: str) -> BitArray:
        """Hand out a confirmed block of class secure, once; it becomes delivered.

        Raises UsageError naming the class or state that forbids it.
        """
        key = self.get(key_id)
        if key.key_class != EXPORTABLE_CLASS:
            raise UsageError(
                f"key {key_id} is of class {key.key_class} and is never exported; "
                "only class secure leaves the store"
            )
        if key.claimable <= 0:
            raise UsageError(f"key {key_id} claims no secret bits; it stays here")
        if key.state is not KeyState.CONFIRMED:
            raise UsageError(f"key {key_id} is {key.state}, not confirmed")
        bits = key.bits[: key.claimable]
        self.advance(key_id, KeyState.DELIVERED)
        return bits

    def get(self, key_id: str) -> StoredKey:
        """Return a block.

        Raises UsageError when there is none, VerifyError when its file was changed.
        """
        _check_id(key_id)
        path = self._path(key_id)
        try:
            text = path.read_text()
        except FileNotFoundError:
            raise UsageError(f"no key {key_id} in {self.folder}") from None
        except OSError as error:
            raise _failure(path, error) from None
        return self._parse(path, text)

    def __iter__(self) -> Iterator[StoredKey]:
        for path in sorted(self.folder.glob("*.key")):
            yield self.get(path.stem)

    def __repr__(self) -> str:
        return f"KeyStore({str(self.folder)!r})"

    def _path(self, key_id: str) -> Path:
        return self.folder / f"{key_id}.key"

    def _write(self, key: StoredKey) -> None:
        body = {
            "key_id": key.key_id,
            "class": key.key_class,
            "state": key.state.value,
            "length": key.length,
            "claimable": key.claimable,
            "bits": b64encode(key.bits.to_bytes()).decode(),
        }
        text = json.dumps({**body, "code": self._code(body)}, sort_keys=True)
        path = self._path(key.key_id)
        _replace_file(path, text.encode())

    def _parse(self, path: Path, text: str) -> StoredKey:
        try:
            body: dict[str, Any] = json.loads(text)
            code = str(body.pop("code"))
            if not hmac.compare_digest(code, self._code(body)):
                raise ValueError
            held = b64decode(body["bits"], validate=True)
            state = KeyState(body["state"])
            gone = state in (KeyState.DELIVERED, KeyState.BURNED)
            bits = BitArray.from_bytes(held, 0 if gone else int(body["length"]))
            if body["key_id"] != path.stem:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise VerifyError(
                f"{path}: is no key block of this store, or was changed"
            ) from None
        return StoredKey(
            body["key_id"],
            body["class"],
            state,
            int(body["length"]),
            int(body["claimable"]),
            bits,
        )

    def _code(self, body: dict[str, Any]) -> str:
        text = json.dumps(body, sort_keys=True).encode()
        return hmac.new(self._mac_key, text, hashlib.sha256).hexdigest()

    def _load_mac_key(self) -> bytes:
        path = self.folder / "store.mac"
        if not path.exists():
            _replace_file(path, secrets.token_bytes(32))
        key = path.read_bytes()
        if len(key) != 32:
            raise VerifyError(f"{path}: is no key of a key store")
        return key


def _check_id(key_id: str) -> None:
    if not key_id or not all(c.isalnum() or c == "-" for c in key_id):
        raise UsageError("a key id has letters, digits and hyphens only")


def _replace_file(path: Path, data: bytes) -> None:
    """Write `data` so that a crash leaves the old file or the new one; wipe the old."""
    temporary = path.with_suffix(path.suffix + ".new")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        old = os.open(path, os.O_WRONLY) if path.exists() else None
        try:
            os.replace(temporary, path)
            if old is not None:
                _wipe(old)
        finally:
            if old is not None:
                os.close(old)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _failure(path, error) from None


def _wipe_leftovers(folder: Path) -> None:
    """Overwrite and remove what a write that was cut short left behind."""
    for left in folder.glob("*.new"):
        fd = os.open(left, os.O_WRONLY)
        try:
            _wipe(fd)
        finally:
            os.close(fd)
        left.unlink()


def _wipe(fd: int) -> None:
    """Overwrite an open file with zeros."""
    os.pwrite(fd, bytes(os.fstat(fd).st_size), 0)
    os.fsync(fd)


def _failure(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{path}: cannot be used as key store ({error.strerror or error}); "
        "free space, mend permissions or choose another --output"
    )
