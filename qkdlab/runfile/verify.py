"""Whether a run file is whole and unchanged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from qkdlab.errors import VerifyError
from qkdlab.runfile.hashes import content_hashes
from qkdlab.runfile.nodes import dataset
from qkdlab.runfile.reader import RunFile, open_run
from qkdlab.runfile.schema import CHUNK_TAGS

__all__ = ["require_whole", "verify"]


def verify(path: str | Path, *, read_tags: bool = True) -> list[str]:
    """Return what is wrong with a run file; nothing when it is whole.

    Checks completeness, equal columns, order of time within each block, and the hashes
    of the tags and of everything else. Without `read_tags` the tags themselves are
    not read, which takes about a second for 20 million. Raises as `open_run`.
    """
    with open_run(path) as run:
        found = _shape(run)
        if read_tags:
            found += _tags(run)
        if run.complete:
            found += _others(run)
    return found


def _shape(run: RunFile) -> list[str]:
    t, ch = (
        dataset(run.file, "/photon_data/timestamps"),
        dataset(run.file, "/photon_data/detectors"),
    )
    found = []
    if not run.complete:
        found.append("the run was not finished; whole chunks are readable")
    if t.shape != ch.shape:
        found.append(f"{t.shape[0]} times but {ch.shape[0]} channels")
    if run.complete and run.n_tags != run.meta["tags"]:
        found.append(f"{run.meta['tags']} tags were recorded, {run.n_tags} are left")
    return found


def _tags(run: RunFile) -> list[str]:
    """Read all tags and compare them with their hash and their cue index."""
    digest, cue = (
        hashlib.sha256(),
        dataset(run.file, "/photon_data/timestamps")[::CHUNK_TAGS],
    )
    try:
        for block in run.blocks():
            digest.update(block.t.astype("<i8").tobytes())
            digest.update(block.ch.tobytes())
    except (OSError, ValueError) as error:
        return [f"the tags cannot be read: {error}"]
    if not run.complete:
        return []
    if digest.hexdigest() != run.meta["tags_sha256"]:
        return ["the tags are not those that were recorded"]
    if not np.array_equal(run.cue_ps(), cue):
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


def require_whole(path: str | Path) -> None:
    """Raise VerifyError naming the first finding, if there is any."""
    found = verify(path)
    if found:
        raise VerifyError(f"{path}: {found[0]}")
