"""Run files made up for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qkdlab.runfile.writer import RunFileWriter
from qkdlab.timetags.block import TagBlock

STEP = 20_000_000_000


def make_writer(path: Path, key_class: str = "demonstration") -> RunFileWriter:
    return RunFileWriter(
        path,
        party="bob",
        config={"name": "test", "n": 1},
        config_hash="00" * 32,
        key_class=key_class,
        run_id="run-1",
        mode="sim",
    )


def make_blocks(n_blocks: int, n_tags: int, seed: int = 1) -> list[TagBlock]:
    rng = np.random.default_rng(seed)
    blocks = []
    for i in range(n_blocks):
        t = np.sort(rng.integers(i * STEP, (i + 1) * STEP, n_tags))
        ch = rng.integers(0, 4, n_tags).astype(np.uint8)
        lost = ((i * STEP + 5, i * STEP + 9),) if i == 1 else ()
        blocks.append(TagBlock(t, ch, i * STEP, (i + 1) * STEP, lost, i))
    return blocks
