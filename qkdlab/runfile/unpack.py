"""Reading a column chunk by chunk, without the interpreter lock while it is unpacked.

HDF5 unpacks under h5py's locks, so that nothing else runs meanwhile. Chunks that
`ChunkedColumn` and HDF5's own gzip and shuffle pack are unpacked here instead; whatever
looks otherwise is left to HDF5, with its errors.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["Column", "hashable_parts"]

_PACKED = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]


class Column:
    """A one-dimensional dataset, read faster in its own chunks.

    chunk: rows of one; 0 when the dataset has none
    """

    def __init__(self, node: h5py.Dataset) -> None:
        self._node = node
        self._dtype = node.dtype
        self.chunk = int(node.chunks[0]) if node.chunks else 0
        kept = node.id.get_create_plist()
        filters = [kept.get_filter(i)[0] for i in range(kept.get_nfilters())]
        stored = int(node.id.get_num_chunks()) if self.chunk else 0
        # asked for a chunk that was never stored, h5py reads memory that is not its own
        self._is_packed = filters == _PACKED and (
            stored * self.chunk >= int(node.shape[0])
        )

    def read(self, begin: int, end: int) -> NDArray[Any]:
        """Return the rows from `begin` to `end`.

        Raises OSError or ValueError when they cannot be read.
        """
        if self._is_packed and not begin % self.chunk and end - begin <= self.chunk:
            planes = self._planes(begin)
            if len(planes) == self.chunk * self._dtype.itemsize:
                return self._unshuffled(planes)[: end - begin]
        rows: NDArray[Any] = self._node[begin:end]
        return rows

    def _planes(self, begin: int) -> bytes:
        """Return the bytes of a chunk; none when it is not packed as expected."""
        try:
            skipped, packed = self._node.id.read_direct_chunk((begin,))
            return b"" if skipped else zlib.decompress(packed)
        except (OSError, zlib.error):
            return b""

    def _unshuffled(self, planes: bytes) -> NDArray[Any]:
        """Return the rows whose first bytes, second bytes, ... are in `planes`."""
        size = self._dtype.itemsize
        flat = np.frombuffer(planes, np.uint8)
        if size == 1:
            return flat.view(self._dtype)
        rows = np.empty((self.chunk, size), np.uint8)
        # column by column: in half the time that a transposed copy takes
        for byte, plane in enumerate(flat.reshape(size, -1)):
            rows[:, byte] = plane
        return rows.reshape(-1).view(self._dtype)


def hashable_parts(node: h5py.Dataset) -> Iterator[NDArray[Any]]:
    """Yield what a dataset holds in parts that can be hashed one after the other."""
    if node.ndim == 1 and node.chunks:
        column, n_rows = Column(node), int(node.shape[0])
        for begin in range(0, n_rows, column.chunk):
            yield column.read(begin, min(begin + column.chunk, n_rows))
    else:
        yield np.ascontiguousarray(node[()])
