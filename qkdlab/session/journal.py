"""The journal: commits on disk before the disclosure that they cover.

``journal.bin`` is append-only. A record is: length of the rest (u32), CRC-32 of it
(u32), kind (u8), length of the label (u8), label, data; numbers little-endian. Each
append is fsynced before it returns. A reader takes whole records and stops at the first
that is cut or damaged: what was committed is known exactly, whatever killed the writer.
The journal of a run that is on record holds secrets: mode 0600, no content in `repr`. A
run of class secure writes none of them (SECURITY rules 1 and 2), so that one that was
killed leaves none either; its journal tells that and how much was committed.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from qkdlab.errors import ResourceError

__all__ = ["Journal", "JournalRecord", "records_of"]

_HEAD = struct.Struct("<II")
_MAGIC = b"qkdlab-journal-1\n"
MAX_RECORD_BYTES = 1 << 31
_WIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One commit; `secret` records never leave the party."""

    label: str
    data: bytes
    secret: bool

    def told(self) -> dict[str, object]:
        """Return what may be told of the record: nothing of its content but the block.

        Every record of a key block begins with the block's number.
        """
        block = int.from_bytes(self.data[:8], "little")
        return {"label": self.label, "block": block, "bytes": len(self.data)}

    def __repr__(self) -> str:
        return f"JournalRecord({self.label!r}, {len(self.data)} bytes)"


class Journal:
    """Writes ``journal.bin``; an existing one is continued after its last record.

    Raises ResourceError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT
        try:
            self._fd = os.open(path, flags, 0o600)
            size = os.fstat(self._fd).st_size
            if size == 0:
                self._write(_MAGIC)
            else:
                end = _end_of_records(path)
                os.ftruncate(self._fd, end)
                os.lseek(self._fd, end, os.SEEK_SET)
            _sync_folder(path.parent)
        except OSError as error:
            raise _failure(path, error) from None

    def append(self, label: str, data: bytes, *, secret: bool) -> None:
        """Write one record and return when it is safe on disk.

        Raises ResourceError when it cannot be; what was written before stays valid.
        """
        name = label.encode()
        if len(name) > 255 or len(data) > MAX_RECORD_BYTES:
            raise ValueError("label or data too long for a journal record")
        body = bytes((int(secret), len(name))) + name + data
        start = os.lseek(self._fd, 0, os.SEEK_CUR)
        try:
            self._write(_HEAD.pack(len(body), zlib.crc32(body)) + body)
        except OSError as error:
            os.ftruncate(self._fd, start)
            os.lseek(self._fd, start, os.SEEK_SET)
            raise _failure(self.path, error) from None

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def destroy(self) -> None:
        """Overwrite the file with zeros and remove it. Raises ResourceError."""
        self.close()
        try:
            size = self.path.stat().st_size
            with self.path.open("r+b") as file:
                for start in range(0, size, _WIPE_BYTES):
                    file.write(bytes(min(_WIPE_BYTES, size - start)))
                file.flush()
                os.fsync(file.fileno())
            self.path.unlink()
            _sync_folder(self.path.parent)
        except OSError as error:
            raise ResourceError(
                f"{self.path}: cannot remove the journal of a secure run "
                f"({error.strerror or error}); remove it by hand"
            ) from None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        os.fsync(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"


def records_of(data: bytes) -> Iterator[JournalRecord]:
    """Yield the whole records of a journal's bytes; none of anything else."""
    file = io.BytesIO(data)
    if file.read(len(_MAGIC)) == _MAGIC:
        for record, _ in _records_in(file):
            yield record


def _records(path: Path) -> Iterator[tuple[JournalRecord, int]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise _failure(path, error) from None
    with file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ResourceError(f"{path}: is no journal of qkdlab")
        yield from _records_in(file)


def _records_in(file: BinaryIO) -> Iterator[tuple[JournalRecord, int]]:
    """Yield whole records and where each ends; stop at the first that is not."""
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        length, check = _HEAD.unpack(head)
        if length < 2 or length > MAX_RECORD_BYTES + 512:
            return
        body = file.read(length)
        if len(body) < length or zlib.crc32(body) != check:
            return
        name_end = 2 + body[1]
        if name_end > length or body[0] > 1:
            return
        try:
            label = body[2:name_end].decode()
        except UnicodeDecodeError:
            return
        yield JournalRecord(label, body[name_end:], bool(body[0])), file.tell()


def _end_of_records(path: Path) -> int:
    end = len(_MAGIC)
    for _, after in _records(path):
        end = after
    return end


def _sync_folder(folder: Path) -> None:
    """Make the file's name itself survive a crash."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _failure(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{path}: cannot write the journal ({error.strerror or error}); "
        "free space or choose another --output"
    )
