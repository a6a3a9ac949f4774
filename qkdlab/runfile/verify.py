"""Whether a run file is whole and unchanged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from qkdlab.errors import VerifyError
from qkdlab.runfile.reader import open_run
from qkdlab.runfile.schema import CHUNK_TAGS

__all__ = ["require_whole", "verify"]


def verify(path: str | Path) -> list[str]:
    """Return what is wrong with a run file; nothing when it is whole.

    Checks completeness, equal columns, order of time within each block, and the hash
    of all tags. Raises as `open_run`.
    """
    found: list[str] = []
    with open_run(path) as run:
        if not run.complete:
            found.append("the run was not finished; whole chunks are readable")
        t = run.file["/photon_data/timestamps"]
        ch = run.file["/photon_data/detectors"]
        if t.shape != ch.shape:
            found.append(f"{t.shape[0]} times but {ch.shape[0]} channels")
        digest = hashlib.sha256()
        try:
            for block in run.blocks():
                digest.update(block.t.astype("<i8").tobytes())
                digest.update(block.ch.tobytes())
        except (OSError, ValueError) as error:
            found.append(f"the tags cannot be read: {error}")
        if run.complete and not found:
            if digest.hexdigest() != run.meta["tags_sha256"]:
                found.append("the tags are not those that were recorded")
            if run.n_tags != run.meta["tags"]:
                found.append("tags are missing")
            cue = run.file["/user/qkdlab/tags/cue_time"][()]
            if not np.array_equal(cue, t[::CHUNK_TAGS] if run.n_tags else cue):
                found.append("the cue index does not fit the tags")
    return found


def require_whole(path: str | Path) -> None:
    """Raise VerifyError naming the first finding, if there is any."""
    found = verify(path)
    if found:
        raise VerifyError(f"{path}: {found[0]}")
