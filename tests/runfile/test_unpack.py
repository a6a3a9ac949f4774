"""Columns read chunk by chunk give what HDF5 gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qkdlab.runfile.chunks import ChunkedColumn
from qkdlab.runfile.unpack import Column, hashable_parts

CHUNK = 256
WIDE = np.sort(np.random.default_rng(1).integers(0, 1 << 40, 1_000))
NOISE = np.random.default_rng(2).integers(0, 256, 1_000).astype(np.uint8)


def by_us(file: h5py.File) -> None:
    column = ChunkedColumn(file, "x", "<i8", CHUNK, noisy=True)
    column.append(WIDE)
    column.flush_rest()


def of_bytes(file: h5py.File) -> None:
    column = ChunkedColumn(file, "x", "u1", CHUNK)
    column.append(NOISE)
    column.flush_rest()


def by_hdf5(data: Any, **how: Any) -> Any:
    def write(file: h5py.File) -> None:
        file.create_dataset("x", data=data, **how)

    return write


def never_stored(file: h5py.File) -> None:
    rows = file.create_dataset(
        "x", (1_000,), "<i8", chunks=(CHUNK,), compression="gzip", shuffle=True
    )
    rows[:CHUNK] = 7


def left_unpacked(file: h5py.File) -> None:
    """Store a chunk whose filters are marked as skipped, as HDF5 may do."""
    never_stored(file)
    file["x"][:] = WIDE
    raw = np.arange(CHUNK, dtype="<i8").tobytes()
    file["x"].id.write_direct_chunk((CHUNK,), raw, filter_mask=3)


WRITERS = {
    "by us": by_us,
    "of bytes": of_bytes,
    "by HDF5": by_hdf5(WIDE, chunks=(CHUNK,), compression="gzip", shuffle=True),
    "without shuffle": by_hdf5(WIDE, chunks=(CHUNK,), compression="gzip"),
    "another packer": by_hdf5(WIDE, chunks=(CHUNK,), compression="lzf", shuffle=True),
    "unpacked": by_hdf5(WIDE, chunks=(CHUNK,)),
    "contiguous": by_hdf5(WIDE),
    "never stored": never_stored,
    "left unpacked": left_unpacked,
}


@pytest.fixture(params=WRITERS)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        WRITERS[request.param](file)
    with h5py.File(tmp_path / "a.h5") as file:
        yield file["x"]


@pytest.mark.parametrize(
    ("begin", "end"), [(0, CHUNK), (CHUNK, 2 * CHUNK), (768, 1_000), (5, 900), (0, 1)]
)
def test_rows_are_those_that_hdf5_reads(node: Any, begin: int, end: int) -> None:
    rows = Column(node).read(begin, end)
    assert rows.dtype == node.dtype
    assert np.array_equal(rows, node[begin:end])


def test_the_parts_make_the_whole(node: Any) -> None:
    parts = b"".join(part.tobytes() for part in hashable_parts(node))
    assert parts == node[()].tobytes()


def test_a_damaged_chunk_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        by_us(file)
        place = file["x"].id.get_chunk_info(1).byte_offset
    with path.open("r+b") as raw:
        raw.seek(place)
        raw.write(bytes(64))
    with h5py.File(path) as file, pytest.raises(OSError, match="read"):
        Column(file["x"]).read(CHUNK, 2 * CHUNK)


def test_a_single_value_is_one_part(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.bytes_("text")
        assert [part.tobytes() for part in hashable_parts(file["x"])] == [b"text"]
