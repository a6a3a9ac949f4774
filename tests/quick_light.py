"""The bench of dice for two processes: the light between them is a folder.

`install` gives `qkdlab alice` and `qkdlab bob` this bench for a real one, in host time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import quick_bench
from numpy.typing import NDArray

import qkdlab.station.bench
from qkdlab.clock import RealClock


class SharedWorld(quick_bench.World):
    """A world whose light is in files: the frame, whether it is lit, how many came."""

    def __init__(self, folder: Path, parameters: quick_bench.QuickParameters) -> None:
        self._folder = folder
        self.rng = np.random.default_rng()
        self.parameters = parameters

    @property
    def frame(self) -> NDArray[np.uint8]:
        return np.frombuffer(self._folder.joinpath("frame").read_bytes(), np.uint8)

    @frame.setter
    def frame(self, symbols: NDArray[np.uint8]) -> None:
        self._put("frame", symbols.tobytes())

    @property
    def is_lit(self) -> bool:
        return self._folder.joinpath("lit").exists()

    @is_lit.setter
    def is_lit(self, is_lit: bool) -> None:
        if is_lit:
            self._put("lit", b"")
        else:
            self._folder.joinpath("lit").unlink(missing_ok=True)

    @property
    def blocks(self) -> int:
        count = self._folder.joinpath("blocks")
        return int(count.read_text()) if count.exists() else 0

    @blocks.setter
    def blocks(self, blocks: int) -> None:
        self._put("blocks", str(blocks).encode())

    def _put(self, name: str, data: bytes) -> None:
        part = self._folder / f"{name}.part"
        part.write_bytes(data)
        os.replace(part, self._folder / name)


class Bench(quick_bench.Bench):
    """One party's end of the light."""

    def __init__(self, folder: Path, config: Any) -> None:
        self.clock = RealClock()
        self.world = SharedWorld(folder, config.parameters)
        quick_bench.Bench.latest = self


def install(folder: Path, put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let `folder` be the light of all benches that are real."""
    put(
        qkdlab.station.bench,
        "open_real_bench",
        lambda config, seed=None: Bench(folder, config),
    )
