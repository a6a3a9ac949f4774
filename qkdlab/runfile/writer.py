"""Writing a run file while the run goes on.

``NAME.h5.part`` grows by whole chunks, flushed one by one, and gets its name when it is
finished. Whatever kills the writer, the part opens and holds every whole chunk.
What may be written depends on the key class (SECURITY rules 1 and 2): a file of class
secure refuses settings and detector numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from qkdlab import __version__
from qkdlab.errors import ResourceError, UsageError
from qkdlab.runfile.chunks import ChunkedColumn, TextHeap
from qkdlab.runfile.photon import write_skeleton
from qkdlab.runfile.schema import (
    CHUNK_BLOCKS,
    CHUNK_BYTES,
    CHUNK_ROWS,
    CHUNK_TAGS,
    FORMAT,
    ROOT,
    SCHEMA_VERSION,
    TITLES,
)

if TYPE_CHECKING:
    from qkdlab.calibration.records import CalibrationRecord
    from qkdlab.timetags.block import TagBlock

__all__ = ["RunFileWriter"]

T = TypeVar("T")

COVERAGE = np.dtype([("t_begin", "<i8"), ("t_end", "<i8"), ("first_row", "<i8")])
INTERVAL = np.dtype([("t_begin", "<i8"), ("t_end", "<i8")])
SERIES = np.dtype([("t_ps", "<i8"), ("value", "<f8")])


class RunFileWriter:
    """One party's run file.

    path:       final name; the file is ``<path>.part`` until `finish`
    party:      whose file it is
    config:     the resolved configuration, JSON-able
    config_hash: what both parties agreed on
    key_class:  secure, lab or demonstration
    mode:       live or sim
    n_channels: of the tagger
    laser_repetition_hz: of the pulsed source; 0 for continuous light

    Methods raise ResourceError when the disk refuses; what was written stays.
    """

    def __init__(
        self,
        path: Path,
        *,
        party: str,
        config: dict[str, Any],
        config_hash: str,
        key_class: str,
        run_id: str,
        mode: str,
        n_channels: int = 4,
        laser_repetition_hz: float = 0.0,
    ) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self._key_class = key_class
        self._series: dict[str, ChunkedColumn] = {}
        self._n_tags = 0
        self._covered_ps = 0
        self._digest = hashlib.sha256()
        created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        meta = {
            "run_id": run_id,
            "party": party,
            "mode": mode,
            "key_class": key_class,
            "created_utc": created,
            "qkdlab": __version__,
            "config_hash": config_hash,
        }
        self._file = self._guard(lambda: h5py.File(self.part, "w"))
        self._guard(
            lambda: write_skeleton(
                self._file,
                description=f"qkdlab run {run_id}, {party}",
                n_channels=n_channels,
                laser_repetition_hz=laser_repetition_hz,
                filename=path.name,
                created=created,
                version=__version__,
            )
        )
        self._guard(lambda: self._static(meta, config))

    def _static(self, meta: dict[str, str], config: dict[str, Any]) -> None:
        file = self._file
        root = file.create_group(ROOT)
        root.attrs["format"] = FORMAT
        root.attrs["schema_version"] = SCHEMA_VERSION
        root.attrs["complete"] = 0
        for name, value in meta.items():
            root.attrs[name] = value
        self._text("config", json.dumps(config, sort_keys=True))
        for name in ("monitor", "settings", "results", "instruments", "calibration"):
            root.create_group(name)
        self._t = ChunkedColumn(
            file,
            "/photon_data/timestamps",
            "<i8",
            CHUNK_TAGS,
            TITLES["/photon_data/timestamps"],
        )
        self._ch = ChunkedColumn(
            file,
            "/photon_data/detectors",
            "u1",
            CHUNK_TAGS,
            TITLES["/photon_data/detectors"],
        )
        self._coverage = ChunkedColumn(
            file, f"{ROOT}/tags/coverage", COVERAGE, CHUNK_BLOCKS
        )
        self._lost = ChunkedColumn(file, f"{ROOT}/tags/lost", INTERVAL, CHUNK_ROWS)
        self._messages = TextHeap(file, f"{ROOT}/classical", CHUNK_ROWS, CHUNK_BYTES)
        self._io = TextHeap(file, f"{ROOT}/io", CHUNK_ROWS, CHUNK_BYTES)
        self._log = TextHeap(file, f"{ROOT}/log", CHUNK_ROWS, CHUNK_BYTES)
        file.flush()

    def tags(self, block: TagBlock) -> None:
        """Append a block of tags with its coverage.

        Raises UsageError in a file of class secure: detector numbers and fine times
        of key tags are key material.
        """
        if self._key_class == "secure":
            raise UsageError("a run file of class secure takes no detector numbers")
        self._guard(lambda: self._tags(block))

    def _tags(self, block: TagBlock) -> None:
        row = (block.t_begin, block.t_end, self._n_tags)
        self._coverage.append(np.array([row], COVERAGE))
        if block.lost:
            self._lost.append(np.array(list(block.lost), INTERVAL))
        self._n_tags += len(block)
        self._covered_ps += block.t_end - block.t_begin
        self._digest.update(block.t.astype("<i8").tobytes())
        self._digest.update(block.ch.tobytes())
        self._ch.append(block.ch)
        if self._t.append(block.t):
            self._file.flush()

    def message(self, t_ps: int, direction: str, data: bytes) -> None:
        """Append a message of the classical channel, public by definition."""
        self._guard(lambda: self._messages.append(t_ps, direction, data))

    def io(self, t_ps: int, line: str, data: bytes) -> None:
        """Append instrument traffic; `line` is ``instrument.endpoint`` with < or >.

        Raises UsageError in a file of class secure (tagger payloads are key material).
        """
        if self._key_class == "secure":
            raise UsageError("a run file of class secure takes no instrument traffic")
        self._guard(lambda: self._io.append(t_ps, line, data))

    def log(self, t_ps: int, line: str) -> None:
        """Append a line of the log."""
        self._guard(lambda: self._log.append(t_ps, "", line.encode()))

    def monitor(self, name: str, value: float, t_ps: int) -> None:
        """Append to a monitor series; the name may have slashes."""
        if name not in self._series:
            path = f"{ROOT}/monitor/{name}"
            self._series[name] = self._guard(
                lambda: ChunkedColumn(self._file, path, SERIES, CHUNK_ROWS)
            )
        row = np.array([(t_ps, value)], SERIES)
        self._guard(lambda: self._series[name].append(row))

    def settings(self, name: str, array: NDArray[np.uint8]) -> None:
        """Keep a record of settings.

        Raises UsageError in a file of class secure (SECURITY rule 2).
        """
        if self._key_class == "secure":
            raise UsageError("a run file of class secure takes no settings")
        self._guard(
            lambda: self._file.create_dataset(
                f"{ROOT}/settings/{name}",
                data=array,
                compression="gzip",
                shuffle=True,
            )
        )

    def snapshot(self, instrument: str, values: dict[str, Any]) -> None:
        """Keep what a driver remembers of its instrument."""
        self._guard(
            lambda: self._text(
                f"instruments/{instrument}", json.dumps(values, default=str)
            )
        )

    def calibration(self, record: CalibrationRecord) -> None:
        """Keep a calibration record."""
        self._guard(
            lambda: self._text(
                f"calibration/{record.quantity}", record.model_dump_json()
            )
        )

    def result(self, name: str, value: Any) -> None:
        """Keep a public figure: anything JSON can hold; a later value replaces it."""
        self._guard(lambda: self._text(f"results/{name}", json.dumps(value)))

    def finish(self, journal: Path | None = None) -> Path:
        """Write what waits, fold the journal in, mark the file complete and name it.

        The journal of a live run is secret: it is folded in unless the class is
        secure. Returns the final path.
        """
        self._guard(lambda: self._finish(journal))
        self._file.close()
        os.replace(self.part, self.path)
        return self.path

    def _finish(self, journal: Path | None) -> None:
        columns = [self._t, self._ch, self._coverage, self._lost]
        for column in [*columns, *self._series.values()]:
            column.flush_rest()
        for heap in (self._messages, self._io, self._log):
            heap.flush_rest()
        file = self._file
        file["/acquisition_duration"][()] = self._covered_ps * 1e-12
        if journal is not None and journal.exists() and self._key_class != "secure":
            data = np.frombuffer(journal.read_bytes(), np.uint8)
            file.create_dataset(f"{ROOT}/journal", data=data, compression="gzip")
        rows = self._t.dataset[::CHUNK_TAGS] if self._n_tags else np.zeros(0, "<i8")
        file.create_dataset(f"{ROOT}/tags/cue_time", data=rows)
        file[ROOT].attrs["tags"] = self._n_tags
        file[ROOT].attrs["tags_sha256"] = self._digest.hexdigest()
        file[ROOT].attrs["complete"] = 1
        file.flush()

    def abandon(self) -> None:
        """Close the part as it is; it stays readable to its last whole chunk."""
        try:
            self._file.close()
        except (OSError, RuntimeError):
            # a full disk: what was flushed before is on it
            return

    def _text(self, name: str, text: str) -> None:
        path = f"{ROOT}/{name}"
        if path in self._file:
            del self._file[path]
        self._file.create_dataset(path, data=np.bytes_(text.encode()))

    def _guard(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except (OSError, RuntimeError) as error:
            raise ResourceError(
                f"{self.part}: cannot write the run file ({_reason(error)}); free "
                "space or choose another --output; what was recorded stays"
            ) from None

    def __repr__(self) -> str:
        return f"RunFileWriter({str(self.path)!r})"


def _reason(error: Exception) -> str:
    """Return the operating system's word for it; HDF5 wraps it in a long story."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    text = str(error)
    marker = "error message = '"
    if marker in text:
        return text.split(marker, 1)[1].split("'", 1)[0]
    return text.split("\n", 1)[0][:120]
