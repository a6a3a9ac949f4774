"""Whether a run file is whole and unchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qkdlab.runfile.hashes import content_hashes
from qkdlab.runfile.nodes import dataset
from qkdlab.runfile.reader import RunFile, open_run
from qkdlab.runfile.schema import CHUNK_TAGS
from qkdlab.runfile.tags import CHUNK_HASHES, chunk_hash, whole_hash
from qkdlab.runfile.unpack import Column

__all__ = ["UNFINISHED", "Findings", "TakeChunk", "examine", "verify"]

TakeChunk = Callable[[int, NDArray[Any], NDArray[Any]], None]

UNFINISHED = "the run was not finished; whole chunks are readable"


@dataclass
class Findings:
    """What a run file is worth.

    complete: the run was finished in order
    tags:     in the file, or in its whole chunks when it is unfinished
    damage:   what is not as it was recorded, one line each
    """

    complete: bool
    tags: int
    damage: list[str] = field(default_factory=list)


def verify(path: str | Path, *, read_tags: bool = True) -> list[str]:
    """Return what is wrong with a run file; nothing when it is whole.

    That a run was not finished is a finding, too. Raises as `open_run`.
    """
    found = examine(path, read_tags=read_tags)
    return found.damage if found.complete else [UNFINISHED, *found.damage]


def examine(
    path: str | Path, *, read_tags: bool = True, take: TakeChunk | None = None
) -> Findings:
    """Compare a run file with its hashes: the tags chunk by chunk, and all else.

    Of an unfinished file its whole chunks count, and only they. Without `read_tags` the
    tags themselves are not read, which takes about a second for 20 million. Raises as
    `open_run`.

    take: gets the number, times and channels of each chunk that is as it was recorded,
          in order; all else has been compared by then
    """
    with open_run(path) as run:
        found = Findings(run.complete, _whole_tags(run))
        others = _others(run) if run.complete else []
        found.damage += _shape(run)
        if read_tags:
            found.damage += _tags(run, found.tags, take)
        found.damage += others
    return found


def _hashes(run: RunFile) -> list[str]:
    if CHUNK_HASHES not in run.file:
        return []
    return [bytes(row).decode() for row in dataset(run.file, CHUNK_HASHES)[()]]


def _whole_tags(run: RunFile) -> int:
    """Return the tags that a hash covers; of an unfinished file, in whole chunks."""
    if run.complete:
        return run.n_tags
    return min(run.n_tags // CHUNK_TAGS, len(_hashes(run))) * CHUNK_TAGS


def _shape(run: RunFile) -> list[str]:
    if not run.complete:
        return []
    t, ch = (
        dataset(run.file, "/photon_data/timestamps"),
        dataset(run.file, "/photon_data/detectors"),
    )
    found = []
    if t.shape != ch.shape:
        found.append(f"{t.shape[0]} times but {ch.shape[0]} channels")
    if run.n_tags != run.meta["tags"]:
        found.append(f"{run.meta['tags']} tags were recorded, {run.n_tags} are left")
    return found


def _tags(run: RunFile, n_tags: int, take: TakeChunk | None) -> list[str]:
    """Read all tags and compare each chunk with its hash, and the cue index."""
    t, ch = (
        Column(dataset(run.file, f"/photon_data/{name}"))
        for name in ("timestamps", "detectors")
    )
    kept = _hashes(run)
    found = []
    cues = np.empty(-(-n_tags // CHUNK_TAGS), np.int64)
    for chunk, start in enumerate(range(0, n_tags, CHUNK_TAGS)):
        end = min(start + CHUNK_TAGS, n_tags)
        try:
            times, channels = t.read(start, end), ch.read(start, end)
            digest = chunk_hash(times, channels)
            cues[chunk] = times[0]
        except (OSError, ValueError):
            found.append(f"tags {start} to {end - 1} cannot be read")
            continue
        if kept[chunk : chunk + 1] != [digest]:
            found.append(f"tags {start} to {end - 1} are not those that were recorded")
        elif take is not None:
            take(chunk, times, channels)
    if not run.complete or found:
        return found
    if whole_hash(kept) != run.meta["tags_sha256"]:
        return ["the tags are not those that were recorded"]
    if not np.array_equal(run.cue_ps(), cues):
        return ["the cue index does not fit the tags"]
    return []


def _others(run: RunFile) -> list[str]:
    kept = run.hashes()
    found = [
        f"'{name}' is not what was recorded"
        for name, digest in content_hashes(run.file).items()
        if kept.pop(name, None) != digest
    ]
    return found + [f"'{name}' is missing" for name in kept]
