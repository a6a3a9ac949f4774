"""`qkdlab alice` and `qkdlab bob` as real processes that share the light of dice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import quick_bench
import quick_main

DEADLINE_S = 240


def start(
    folder: Path,
    party: str,
    *arguments: str,
    key_class: str = "demonstration",
    **more: Any,
) -> subprocess.Popen[str]:
    """Start a party; its files go to `folder`/`party`, one JSON object to stdout.

    more: what else `subprocess.Popen` takes
    """
    config = quick_bench.config_file(folder, key_class)
    return subprocess.Popen(
        [sys.executable, quick_main.__file__, party, str(config), "--json",
         "--set", "bench=real", "--output", str(folder / party), *arguments],
        env={**os.environ, "QUICK_LIGHT": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def until(process: subprocess.Popen[str], words: str) -> str:
    """Wait for a line on stderr; return it."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return line.rstrip()
    raise AssertionError(said)


def port_of(process: subprocess.Popen[str]) -> str:
    """Return where a party listens."""
    return until(process, "waiting for").rpartition(":")[2]
