"""Writing a run file while the run goes on.

``NAME.h5.part`` grows by whole chunks, flushed one by one, and gets its name when it is
finished. Whatever kills the writer, the part opens and holds every whole chunk.
What may be written depends on the key class (SECURITY rules 1 and 2): a file of class
secure refuses settings and detector numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qkdlab import __version__
from qkdlab.errors import ResourceError, UsageError
from qkdlab.runfile.chunks import ChunkedColumn, TextHeap
from qkdlab.runfile.create import create_file, reason_of
from qkdlab.runfile.hashes import content_hashes
from qkdlab.runfile.nodes import dataset
from qkdlab.runfile.photon import write_skeleton
from qkdlab.runfile.schema import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    FORMAT,
    ROOT,
    SCHEMA_VERSION,
)
from qkdlab.runfile.tags import TagColumns
from qkdlab.runfile.verify import verify

if TYPE_CHECKING:
    from qkdlab.bits.array import BitArray
    from qkdlab.calibration.records import CalibrationRecord
    from qkdlab.timetags.block import TagBlock

__all__ = ["RunFileWriter"]

T = TypeVar("T")
_GROUPS = ("blocks", "calibration", "instruments", "monitor", "results", "settings")

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

    Methods raise ResourceError when the disk is full or refuses; what was recorded
    stays, and the file can still be finished. One thread at a time.
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
        self._new = path.with_name(path.name + ".new")
        if self.part.exists():
            raise ResourceError(
                f"{self.part}: exists already, and a run never writes over another; "
                "give a new folder with --output"
            )
        self._file, self._space = create_file(self._new)
        self._write(
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
        self._write(lambda: self._static(meta, config))
        # Whatever has the name of a part opens: it had all this before it got it.
        self._rename(self._new, self.part)
        self._space.renamed(self.part)

    def _static(self, meta: dict[str, str], config: dict[str, Any]) -> None:
        file = self._file
        root = file.create_group(ROOT)
        root.attrs["format"] = FORMAT
        root.attrs["schema_version"] = SCHEMA_VERSION
        root.attrs["complete"] = 0
        for name, value in meta.items():
            root.attrs[name] = value
        self._text("config", json.dumps(config, sort_keys=True))
        for name in _GROUPS:
            root.create_group(name)
        self._tags = TagColumns(file)
        self._messages = TextHeap(
            file, f"{ROOT}/classical", CHUNK_ROWS, CHUNK_BYTES, noisy=True
        )
        self._io = TextHeap(file, f"{ROOT}/io", CHUNK_ROWS, CHUNK_BYTES)
        self._log = TextHeap(file, f"{ROOT}/log", CHUNK_ROWS, CHUNK_BYTES)
        self._randomness = TextHeap(
            file, f"{ROOT}/randomness", CHUNK_ROWS, CHUNK_BYTES, noisy=True
        )

    def tags(self, block: TagBlock) -> None:
        """Append a block of tags with its coverage.

        Raises UsageError in a file of class secure: detector numbers and fine times
        of key tags are key material.
        """
        self._refuse_if_secure("detector numbers")
        n_bytes = block.t.nbytes + block.ch.nbytes
        self._grow(lambda: self._tags.append(block), n_bytes)

    def coverage(self, block: TagBlock) -> None:
        """Append what a block of tags covers, and nothing of the tags."""
        self._grow(lambda: self._tags.cover(block, 0))

    def slots(self, t_ps: NDArray[np.int64], basis: NDArray[np.uint8]) -> None:
        """Append accepted slots as tags: the slot's time, the basis as channel.

        For class secure: it is what the parties announce. Raises UsageError for
        anything but bases.
        """
        if basis.size and int(basis.max()) > 1:
            raise UsageError("a slot of a secure run is told by its basis only")
        n_bytes = t_ps.nbytes + basis.nbytes
        self._grow(lambda: self._tags.append_tags(t_ps, basis), n_bytes)

    def random_bits(self, t_ps: int, label: str, bits: BitArray) -> None:
        """Append bits that a party drew; `label` says for what, after its kind.

        Raises UsageError in a file of class secure (SECURITY rule 1).
        """
        self._refuse_if_secure("random bits")
        name, n_bits = label.encode(), len(bits).to_bytes(8, "little")
        data = len(name).to_bytes(2, "little") + name + n_bits + bits.to_bytes()
        self._grow(lambda: self._randomness.append(t_ps, "", data), len(data))

    def block(self, name: str, facts: dict[str, Any]) -> None:
        """Keep the public facts of a key block that replay needs."""
        self._keep(f"blocks/{name}", json.dumps(facts))

    def message(self, t_ps: int, direction: str, data: bytes) -> None:
        """Append a message of the classical channel, public by definition."""
        self._grow(lambda: self._messages.append(t_ps, direction, data), len(data))

    def io(self, t_ps: int, line: str, data: bytes) -> None:
        """Append instrument traffic; `line` is ``instrument.endpoint`` with < or >.

        Raises UsageError in a file of class secure (tagger payloads are key material).
        """
        self._refuse_if_secure("instrument traffic")
        self._grow(lambda: self._io.append(t_ps, line, data), len(data))

    def log(self, t_ps: int, line: str) -> None:
        """Append a line of the log."""
        data = line.encode()
        self._grow(lambda: self._log.append(t_ps, "", data), len(data))

    def monitor(self, name: str, value: float, t_ps: int) -> None:
        """Append to a monitor series; the name may have slashes."""
        if name not in self._series:
            path = f"{ROOT}/monitor/{name}"
            self._series[name] = self._write(
                lambda: ChunkedColumn(self._file, path, SERIES, CHUNK_ROWS)
            )
        row = np.array([(t_ps, value)], SERIES)
        self._grow(lambda: self._series[name].append(row))

    def settings(self, name: str, array: NDArray[np.uint8]) -> None:
        """Keep a record of settings; a second of one name is kept as ``name.2``.

        Raises UsageError in a file of class secure (SECURITY rule 2).
        """
        self._refuse_if_secure("settings")
        path = self._free(f"settings/{name}")
        self._write(
            lambda: self._file.create_dataset(
                path, data=array, compression="gzip", shuffle=True
            ),
            array.nbytes,
        )

    def snapshot(self, instrument: str, values: dict[str, Any]) -> None:
        """Keep what a driver remembers of its instrument; every one is kept."""
        self._keep(f"instruments/{instrument}", json.dumps(values, default=str))

    def calibration(self, record: CalibrationRecord) -> None:
        """Keep a calibration record; every one of a quantity is kept."""
        self._keep(f"calibration/{record.quantity}", record.model_dump_json())

    def result(self, name: str, value: Any) -> None:
        """Keep a public figure: anything JSON can hold; a later value replaces it."""
        text = json.dumps(value)
        self._write(lambda: self._text(f"results/{name}", text), len(text))

    def finish(self, journal: Path | None = None) -> Path:
        """Write what waits, fold the journal in, mark the file complete and name it.

        The journal of a live run is secret: it is folded in unless the class is
        secure, or there is no space for it. The file is read back before it gets its
        name. Returns the final path.
        """
        self._space.open_reserve()
        self._write(self._finish_tables)
        if journal is not None and journal.exists() and self._key_class != "secure":
            self._fold(journal)
        self._write(self._finish_marks)
        self._close()
        found = verify(self.part, read_tags=False)
        if found:
            raise ResourceError(
                f"{self.part}: was written, but does not read back ({found[0]}); "
                "check the disk; it keeps this name"
            )
        self._rename(self.part, self.path)
        return self.path

    def _finish_tables(self) -> None:
        self._tags_sha256 = self._tags.finish(self._file)
        for column in self._series.values():
            column.flush_rest()
        for heap in (self._messages, self._io, self._log, self._randomness):
            heap.flush_rest()
        duration_s = self._tags.covered_ps * 1e-12
        dataset(self._file, "/acquisition_duration")[()] = duration_s

    def _fold(self, journal: Path) -> None:
        """Copy the journal in, if there is space; it stays where it is, too."""
        data = np.frombuffer(journal.read_bytes(), np.uint8)
        with suppress(ResourceError):
            self._write(
                lambda: self._file.create_dataset(
                    f"{ROOT}/journal", data=data, compression="gzip"
                ),
                data.nbytes,
            )

    def _finish_marks(self) -> None:
        known = {
            "classical/bytes": self._messages.sha256,
            "io/bytes": self._io.sha256,
            "log/bytes": self._log.sha256,
            "randomness/bytes": self._randomness.sha256,
        }
        self._text("hashes", json.dumps(content_hashes(self._file, known)))
        root = self._file[ROOT]
        root.attrs["tags"] = self._tags.n_tags
        root.attrs["tags_sha256"] = self._tags_sha256
        root.attrs["complete"] = 1

    def _rename(self, old: Path, new: Path) -> None:
        try:
            os.replace(old, new)
        except OSError as error:
            raise self._refused(error) from None

    def _refuse_if_secure(self, what: str) -> None:
        if self._key_class == "secure":
            raise UsageError(f"a run file of class secure takes no {what}")

    def abandon(self) -> None:
        """Close the part as it is; it stays readable to its last whole chunk."""
        with suppress(ResourceError):
            self._close()

    def _close(self) -> None:
        """Close the file and give back the space that was taken in advance."""
        if not self._file:
            return
        try:
            self._file.flush()
            used = self._file.id.get_filesize()
            self._file.close()
            self._space.close(used)
        except (OSError, RuntimeError) as error:
            raise self._refused(error) from None

    def _keep(self, name: str, text: str) -> None:
        self._write(lambda: self._text(self._free(name), text), len(text))

    def _free(self, name: str) -> str:
        """Return the first of ``name``, ``name.2``, ... that is not taken."""
        path, n = f"{ROOT}/{name}", 1
        while path in self._file:
            n += 1
            path = f"{ROOT}/{name}.{n}"
        return path

    def _text(self, path: str, text: str) -> None:
        path = path if path.startswith(ROOT) else f"{ROOT}/{path}"
        if path in self._file:
            del self._file[path]
        self._file.create_dataset(path, data=np.bytes_(text.encode()))

    def _grow(self, append: Callable[[], bool], n_bytes: int = 0) -> None:
        """Append rows; flush when whole chunks were written, not when they wait."""
        self._write(append, n_bytes, flush=lambda grown: grown)

    def _write(
        self,
        action: Callable[[], T],
        n_bytes: int = 0,
        flush: Callable[[T], bool] = lambda done: True,
    ) -> T:
        """Do something that adds about `n_bytes` to the file, and flush it."""
        try:
            self._space.take(self._file.id.get_filesize(), n_bytes)
            done = action()
            if flush(done):
                self._file.flush()
        except (OSError, RuntimeError) as error:
            raise self._refused(error) from None
        return done

    def _refused(self, error: Exception) -> ResourceError:
        return ResourceError(
            f"{self.part}: cannot write the run file ({reason_of(error)}); free "
            "space or choose another --output; what was recorded stays"
        )

    def __repr__(self) -> str:
        return f"RunFileWriter({str(self.path)!r})"
