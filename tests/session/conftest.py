"""Whole runs on the bench of dice, shared by the tests of what a run leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import quick_bench

from qkdlab.config.load import load
from qkdlab.session.run import run


@dataclass
class Made:
    """A run that has ended."""

    folder: Path
    result: dict[str, Any]
    exit_code: int


def silent(what: str, done: float, total: float) -> None:
    pass


def make_run(folder: Path, key_class: str, *overrides: str) -> Made:
    file = quick_bench.config_file(folder, key_class)
    outcome = run(load(file, overrides=overrides), folder / "run", silent)
    return Made(folder / "run", outcome.result, outcome.exit_code)


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
