"""Reading a run file, finished or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.errors import ResourceError, VerifyError
from qkdlab.runfile.nodes import dataset, group
from qkdlab.runfile.schema import FORMAT, ROOT, SCHEMA_VERSION
from qkdlab.timetags.block import TagBlock

__all__ = ["ReadTags", "RunFile", "Tags", "open_run"]

Tags = tuple[NDArray[np.int64], NDArray[np.uint8]]
"""Times and channels of a stretch of rows."""
ReadTags = Callable[[int, int], Tags]

_CACHE_BYTES = 1 << 26
"""Of unpacked chunks: a block of tags takes a part of one only."""


class RunFile:
    """A run file, open for reading; use as a context manager.

    Attributes of the file's root (party, run_id, key_class, ...) are in `meta`.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self.file: Any = file
        root = self.file[ROOT]
        self.meta: dict[str, Any] = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in root.attrs.items()
        }

    @property
    def complete(self) -> bool:
        """True when the file was finished in order."""
        return bool(self.meta["complete"])

    @property
    def n_tags(self) -> int:
        """Tags in whole chunks, or all when the file is complete."""
        return int(
            min(
                dataset(self.file, "/photon_data/timestamps").shape[0],
                dataset(self.file, "/photon_data/detectors").shape[0],
            )
        )

    def cue_ps(self) -> NDArray[np.int64]:
        """Return the time of the first tag of each chunk, to find a time quickly."""
        return np.asarray(dataset(self.file, f"{ROOT}/tags/cue_time")[()])

    def hashes(self) -> dict[str, str]:
        """Return the hash of each dataset beside the tags, as it was recorded."""
        return dict(json.loads(self._text("hashes")))

    def config(self) -> dict[str, Any]:
        """Return the resolved configuration of the run."""
        return dict(json.loads(self._text("config")))

    def results(self) -> dict[str, Any]:
        """Return the public figures."""
        return self._texts("results")

    def calibration(self) -> dict[str, Any]:
        """Return the calibration records made in the run."""
        return self._texts("calibration")

    def snapshots(self) -> dict[str, Any]:
        """Return the snapshots of the instruments."""
        return self._texts("instruments")

    def settings(self, name: str) -> NDArray[np.uint8]:
        """Return a record of settings."""
        return np.asarray(dataset(self.file, f"{ROOT}/settings/{name}")[()])

    def has_settings(self, name: str) -> bool:
        """Tell whether there is a record of settings of this name."""
        return f"{ROOT}/settings/{name}" in self.file

    def monitors(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Return every monitor series as (times in ps, values)."""
        found: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

        def visit(name: str, node: object) -> None:
            if isinstance(node, h5py.Dataset):
                rows = node[()]
                found[name] = (rows["t_ps"], rows["value"])

        group(self.file, f"{ROOT}/monitor").visititems(visit)
        return found

    def key_blocks(self) -> dict[str, Any]:
        """Return the facts of the key blocks by their names."""
        return self._texts("blocks") if f"{ROOT}/blocks" in self.file else {}

    def random_bits(self) -> Iterator[tuple[str, BitArray]]:
        """Yield what the party drew: kind and label, bits."""
        for _, _, data in self._heap("randomness"):
            end = 2 + int.from_bytes(data[:2], "little")
            n_bits = int.from_bytes(data[end : end + 8], "little")
            yield data[2:end].decode(), BitArray.from_bytes(data[end + 8 :], n_bits)

    def messages(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield the classical transcript: (time in ps, direction, message)."""
        return self._heap("classical")

    def io(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield the traffic with instruments: (time in ps, line, bytes)."""
        return self._heap("io")

    def journal(self) -> bytes:
        """Return the journal as it was folded in; empty when it was not."""
        node = self.file.get(f"{ROOT}/journal")
        return b"" if node is None else node[()].tobytes()

    def log(self) -> list[str]:
        """Return the lines of the log."""
        return [data.decode() for _, _, data in self._heap("log")]

    def blocks(
        self, first: int = 0, end: int | None = None, rows: ReadTags | None = None
    ) -> Iterator[TagBlock]:
        """Yield the tags in the blocks in which they were recorded.

        Of an unfinished file, the blocks that lie wholly in written chunks.

        first, end: numbers of the first block and after the last
        rows:       gives the tags from a first row to before a last one; by default
                    they are read from the file
        """
        coverage = dataset(self.file, f"{ROOT}/tags/coverage")[()]
        lost = dataset(self.file, f"{ROOT}/tags/lost")[()]
        rows = rows or self._tags_between
        n_tags = self.n_tags
        for number, row in list(enumerate(coverage))[first:end]:
            begin, end = int(row["first_row"]), int(row["first_row"] + row["n_tags"])
            if end > n_tags:
                return
            mine = lost[lost["block"] == number]
            t, ch = rows(begin, end)
            yield TagBlock(
                t.astype(np.int64, copy=False),
                ch,
                int(row["t_begin"]),
                int(row["t_end"]),
                tuple((int(r["t_begin"]), int(r["t_end"])) for r in mine),
                int(row["seq"]),
            )

    def _tags_between(self, begin: int, end: int) -> Tags:
        t, ch = (
            dataset(self.file, f"/photon_data/{name}")[begin:end]
            for name in ("timestamps", "detectors")
        )
        return t, ch

    def _heap(self, name: str) -> Iterator[tuple[int, str, bytes]]:
        index = dataset(self.file, f"{ROOT}/{name}/index")[()]
        heap = dataset(self.file, f"{ROOT}/{name}/bytes")[()]
        for row in index:
            start, length = int(row["start"]), int(row["length"])
            if start + length > heap.size:
                return
            source = bytes(row["source"]).decode()
            yield int(row["t_ps"]), source, heap[start : start + length].tobytes()

    def _texts(self, name: str) -> dict[str, Any]:
        folder = f"{ROOT}/{name}"
        return {
            str(key): json.loads(bytes(dataset(self.file, f"{folder}/{key}")[()]))
            for key in group(self.file, folder)
        }

    def _text(self, name: str) -> str:
        return bytes(dataset(self.file, f"{ROOT}/{name}")[()]).decode()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_run(path: str | Path) -> RunFile:
    """Open a run file or its part.

    Raises ResourceError when there is none, VerifyError when it is something else.
    """
    where = Path(path)
    if not where.exists():
        part = where.with_name(where.name + ".part")
        hint = f"; there is {part.name}, an unfinished run" if part.exists() else ""
        raise ResourceError(f"{where}: no such file{hint}")
    try:
        file = h5py.File(where, "r", rdcc_nbytes=_CACHE_BYTES)
    except PermissionError:
        raise ResourceError(f"{where}: you may not read it; ask its owner") from None
    except OSError as error:
        if "unable to lock" in str(error):
            raise ResourceError(
                f"{where}: is still being written; wait for the run's end"
            ) from None
        raise VerifyError(f"{where}: is no HDF5 file, or is damaged") from None
    if ROOT not in file or file[ROOT].attrs.get("format") != FORMAT:
        file.close()
        raise VerifyError(f"{where}: is no run file of qkdlab (it has no {ROOT})")
    version = int(str(file[ROOT].attrs["schema_version"]))
    if version > SCHEMA_VERSION:
        file.close()
        raise VerifyError(
            f"{where}: was written by a later qkdlab (schema {version}, this one "
            f"reads up to {SCHEMA_VERSION}); update qkdlab"
        )
    return RunFile(where, file)
