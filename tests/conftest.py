"""What all tests share: property tests repeat exactly and know no deadline."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("qkdlab", deadline=None, derandomize=True)
settings.load_profile("qkdlab")

SLOW_TIMEOUT_S = 1800
"""Of a slow test that names no other; a module's fixture may calibrate many benches."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests the time that they need on two busy cores."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))


@pytest.fixture(scope="session")
def tiny_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A whole run of bb84_tiny as users start it: its folder, and how it ended.

    Its files are below ``run``. Tests that want it are of the xdist group `runs`.
    """
    folder = tmp_path_factory.mktemp("tiny")
    command = (*("run", "bb84_tiny", "--seed", "7"), *("--json", "--output", "run"))
    done = subprocess.run(
        [sys.executable, "-m", "qkdlab", *command],
        cwd=folder, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return folder, done
