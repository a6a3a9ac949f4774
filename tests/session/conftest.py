"""Whole runs on the bench of dice, shared by the tests of what a run leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fake_run
import numpy as np
import pytest
import quick_bench
from numpy.typing import NDArray

from qkdlab.config.load import load
from qkdlab.link.channel import MemoryChannel
from qkdlab.session.run import run


@dataclass
class Made:
    """A run that has ended.

    sent: Alice's settings of the last block, which the bench alone knows
    wire: what passed on the classical channel: 0 from Alice or 1 from Bob, frame
    """

    folder: Path
    result: dict[str, Any]
    exit_code: int
    sent: NDArray[np.uint8] = field(repr=False)
    wire: list[tuple[int, bytes]] = field(repr=False)


def silent(what: str, done: float, total: float) -> None:
    pass


def make_run(folder: Path, key_class: str, *overrides: str) -> Made:
    file = quick_bench.config_file(folder, key_class)
    wire: list[tuple[int, bytes]] = []
    send = MemoryChannel.send

    def tapped(channel: MemoryChannel, data: bytes) -> None:
        wire.append((("alice" in repr(channel)) ^ 1, bytes(data)))
        send(channel, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryChannel, "send", tapped)
        outcome = run(load(file, overrides=overrides), folder / "run", silent)
    sent = quick_bench.Bench.latest.world.frame
    assert sent is not None
    return Made(folder / "run", outcome.result, outcome.exit_code, sent, wire)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> fake_run.World:
    """A run on fake instruments, whose programs and rules a test may change."""
    return fake_run.install(monkeypatch)


@pytest.fixture(scope="session")
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_bench.install(patch.setattr)
        yield


@pytest.fixture(scope="session")
def lab_run(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One block, randomness of the operating system, everything on record."""
    return make_run(tmp_path_factory.mktemp("lab"), "lab")


@pytest.fixture(scope="session")
def secure_run(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One block of class secure."""
    return make_run(tmp_path_factory.mktemp("secure"), "secure")


@pytest.fixture(scope="session")
def blocks_run(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three seeded blocks; the second has too many errors."""
    return make_run(
        tmp_path_factory.mktemp("blocks"),
        "demonstration",
        "seed=3",
        "parameters.blocks=3",
        "parameters.error_in_block=1",
        "parameters.error=0.15",
    )


@pytest.fixture(scope="session")
def tripped_run(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two seeded blocks; the interlock trips in the middle of the first."""
    return make_run(
        tmp_path_factory.mktemp("tripped"),
        "demonstration",
        "seed=4",
        "parameters.blocks=2",
        "parameters.alarm_in_block=0",
    )
