"""A finished run file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_files import make_blocks, make_writer


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    writer = make_writer(tmp_path / "bob.h5")
    for block in make_blocks(3, 120_000):
        writer.tags(block)
    writer.monitor("dark_rate_hz/0", 99.5, 7)
    writer.monitor("dark_rate_hz/0", 100.5, 8)
    writer.settings("pattern", np.arange(100, dtype=np.uint8))
    writer.message(5, ">", b"first")
    writer.message(6, "<", b"second")
    writer.result("sync", {"stretch": 1e-6})
    writer.log(3, "a line")
    writer.snapshot("tagger", {"parameters": {}})
    return writer.finish()
