"""The tags of a run file: times, channels, what they cover, hashes chunk by chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qkdlab.runfile.chunks import ChunkedColumn
from qkdlab.runfile.schema import CHUNK_BLOCKS, CHUNK_ROWS, CHUNK_TAGS, ROOT, TITLES

if TYPE_CHECKING:
    from qkdlab.timetags.block import TagBlock

__all__ = ["CHUNK_HASHES", "TagColumns", "chunk_hash", "whole_hash"]

COVERAGE = np.dtype(
    [
        ("t_begin", "<i8"),
        ("t_end", "<i8"),
        ("first_row", "<i8"),
        ("n_tags", "<i8"),
        ("seq", "<i8"),
    ]
)
LOST = np.dtype([("t_begin", "<i8"), ("t_end", "<i8"), ("block", "<i8")])
CHUNK_HASHES = f"{ROOT}/tags/chunk_sha256"
"""One row per chunk of `CHUNK_TAGS` tags, in hexadecimal."""


class TagColumns:
    """The columns that grow with the tags.

    n_tags: appended so far; covered_ps: time that their blocks cover
    """

    def __init__(self, file: h5py.File) -> None:
        self.n_tags = 0
        self.covered_ps = 0
        self._n_blocks = 0
        self._cues: list[int] = []
        self._hash = _ChunkHash()
        self._hashes: list[str] = []
        self._t, self._ch = (
            ChunkedColumn(file, path, kind, CHUNK_TAGS, title=TITLES[path], noisy=True)
            for path, kind in (
                ("/photon_data/timestamps", "<i8"),
                ("/photon_data/detectors", "u1"),
            )
        )
        self._coverage = ChunkedColumn(
            file, f"{ROOT}/tags/coverage", COVERAGE, CHUNK_BLOCKS
        )
        self._lost = ChunkedColumn(file, f"{ROOT}/tags/lost", LOST, CHUNK_ROWS)
        self._chunk_hashes = ChunkedColumn(file, CHUNK_HASHES, "S64", 1)

    def append(self, block: TagBlock) -> bool:
        """Append a block with its coverage; True when anything was written."""
        return self.append_tags(block.t, block.ch, self.cover(block, len(block)))

    def cover(self, block: TagBlock, n_tags: int) -> bool:
        """Append what a block covers; `n_tags` of its tags are on record."""
        row = (block.t_begin, block.t_end, self.n_tags, n_tags, block.seq)
        grown = self._coverage.append(np.array([row], COVERAGE))
        if block.lost:
            lost = [(begin, end, self._n_blocks) for begin, end in block.lost]
            grown |= self._lost.append(np.array(lost, LOST))
        self._n_blocks += 1
        self.covered_ps += block.t_end - block.t_begin
        return grown

    def append_tags(
        self, t: NDArray[np.int64], ch: NDArray[np.uint8], grown: bool = False
    ) -> bool:
        """Append tags; True when anything was written, or `grown`."""
        self._cues += t[-self.n_tags % CHUNK_TAGS :: CHUNK_TAGS].tolist()
        done = list(self._hash.add(t, ch))
        self._hashes += done
        self.n_tags += t.size
        grown |= self._ch.append(ch)
        grown |= self._t.append(t)
        if done:
            self._chunk_hashes.append(np.array(done, "S64"))
        return grown

    def finish(self, file: h5py.File) -> str:
        """Write what waits and the cue index; return the hash of all tags."""
        rest = self._hash.rest()
        if rest:
            self._hashes.append(rest)
            self._chunk_hashes.append(np.array([rest], "S64"))
        columns = (self._t, self._ch, self._coverage, self._lost, self._chunk_hashes)
        for column in columns:
            column.flush_rest()
        cues = np.array(self._cues, "<i8")
        file.create_dataset(f"{ROOT}/tags/cue_time", data=cues)
        return whole_hash(self._hashes)


def chunk_hash(t: NDArray[Any], ch: NDArray[Any]) -> str:
    """Return the SHA-256 of the tags of one chunk: of its times, then its channels."""
    hashing = _ChunkHash()
    return next(hashing.add(t, ch), None) or hashing.rest()


def whole_hash(chunks: list[str]) -> str:
    """Return the hash of all tags from those of their chunks."""
    return hashlib.sha256("".join(chunks).encode()).hexdigest()


class _ChunkHash:
    """Hashes a stream of tags chunk by chunk."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._n = 0
        self._parts = hashlib.sha256(), hashlib.sha256()

    def add(self, t: NDArray[Any], ch: NDArray[Any]) -> Iterator[str]:
        """Take tags; yield the hash of each chunk that they fill."""
        while t.size:
            n = min(t.size, CHUNK_TAGS - self._n)
            self._parts[0].update(np.ascontiguousarray(t[:n], "<i8").data)
            self._parts[1].update(np.ascontiguousarray(ch[:n], "u1").data)
            self._n += n
            t, ch = t[n:], ch[n:]
            if self._n == CHUNK_TAGS:
                yield self.rest()

    def rest(self) -> str:
        """Return the hash of what does not fill a chunk; empty when there is none."""
        if not self._n:
            return ""
        both = b"".join(part.digest() for part in self._parts)
        self._begin()
        return hashlib.sha256(both).hexdigest()
