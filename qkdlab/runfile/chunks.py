"""Extendable datasets that grow by whole chunks only.

Part-chunk appends corrupted 1 of 70 files whose writer was killed, whole-chunk appends
0 of 110 [measured]; so what does not fill a chunk waits in memory until it does, or
until the file is finished.

Whole chunks are packed here, as HDF5's own filters would, because zlib's strategy can
then be chosen. Any HDF5 reads them.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["ChunkedColumn", "TextHeap"]

_LEVEL = 1


class ChunkedColumn:
    """One growing one-dimensional dataset.

    noisy: bytes either repeat their neighbour or cannot be foreseen, as those of tags
           and packed codes: no time is spent on a search for other repetitions, twice
           as fast at the same length [measured]
    hashed: keep the hash of what was written
    """

    def __init__(
        self,
        file: h5py.File,
        path: str,
        dtype: Any,
        chunk: int,
        *,
        title: str = "",
        noisy: bool = False,
        hashed: bool = False,
    ) -> None:
        self._file = file
        self._dtype = np.dtype(dtype)
        self._chunk = chunk
        self._strategy = zlib.Z_RLE if noisy else zlib.Z_DEFAULT_STRATEGY
        self._digest = hashlib.sha256() if hashed else None
        self._waiting: list[NDArray[Any]] = []
        self._n_waiting = 0
        self.dataset = file.create_dataset(
            path,
            shape=(0,),
            maxshape=(None,),
            dtype=self._dtype,
            chunks=(chunk,),
            compression="gzip",
            compression_opts=_LEVEL,
            shuffle=True,
        )
        if title:
            self.dataset.attrs["TITLE"] = np.bytes_(title)

    @property
    def sha256(self) -> str:
        """Return the hash of the rows written so far, if it is kept."""
        return self._digest.hexdigest() if self._digest is not None else ""

    def append(self, rows: NDArray[Any]) -> bool:
        """Queue rows; write those that fill chunks. True when any were written."""
        self._waiting.append(rows)
        self._n_waiting += rows.size
        if self._n_waiting < self._chunk:
            return False
        joined = np.concatenate(self._waiting).astype(self._dtype, copy=False)
        whole = joined.size // self._chunk * self._chunk
        start = self._grow(joined[:whole])
        for at in range(0, whole, self._chunk):
            packed = self._pack(joined[at : at + self._chunk])
            self.dataset.id.write_direct_chunk((start + at,), packed)
        self._waiting = [joined[whole:].copy()]
        self._n_waiting = joined.size - whole
        return True

    def flush_rest(self) -> None:
        """Write what waits; only when nothing will be appended any more."""
        if self._n_waiting:
            rows = np.concatenate(self._waiting).astype(self._dtype, copy=False)
            start = self._grow(rows)
            self.dataset[start:] = rows
        self._waiting, self._n_waiting = [], 0

    def _grow(self, rows: NDArray[Any]) -> int:
        """Make room for more rows; return the number of the first."""
        start = int(self.dataset.shape[0])
        self.dataset.resize((start + rows.size,))
        if self._digest is not None:
            self._digest.update(rows.tobytes())
        return start

    def _pack(self, rows: NDArray[Any]) -> bytes:
        """Return a whole chunk as the filters shuffle and gzip leave it."""
        planes = np.ascontiguousarray(rows.view(np.uint8).reshape(rows.size, -1).T)
        packer = zlib.compressobj(_LEVEL, strategy=self._strategy)
        return packer.compress(planes.data) + packer.flush()


INDEX = np.dtype(
    [("t_ps", "<i8"), ("source", "S64"), ("start", "<i8"), ("length", "<i8")]
)


class TextHeap:
    """Timed byte strings as an index and a heap: 3 bytes a row of repetitive text."""

    def __init__(
        self,
        file: h5py.File,
        path: str,
        rows: int,
        chunk_bytes: int,
        *,
        noisy: bool = False,
    ) -> None:
        self._index = ChunkedColumn(file, f"{path}/index", INDEX, rows)
        self._heap = ChunkedColumn(
            file, f"{path}/bytes", "u1", chunk_bytes, noisy=noisy, hashed=True
        )
        self._end = 0

    @property
    def sha256(self) -> str:
        """Return the hash of the bytes written so far."""
        return self._heap.sha256

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
