"""The figures of `qkdlab benchmark`, by group.

`start` is CPU time (user and system) of fresh processes, the least of five; `run` is
wall time of runs in this process after a short one has warmed the JIT cache;
`replay` that of its replay beside the run itself, calibration included; `distill` is
input per CPU time; `security` is no time, but what exact tails gain; `physics` is link
time per CPU time of the simulators' engine, as the plug-in of that name measures it;
`published` is what that engine makes of published experiments, beside what they found.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qkdlab.cli.benchmark_distill import distill
from qkdlab.cli.benchmark_published import published
from qkdlab.cli.benchmark_runs import replay, run
from qkdlab.cli.figure import Figure

__all__ = ["GROUPS", "Figure", "machine"]

_REPEATS = 5


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    from importlib.metadata import version

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "qkdlab": version("qkdlab"),
    }


def start() -> list[Figure]:
    """Measure how long it takes until anything happens."""
    what = "python -c pass"
    baseline = _cpu_s(["-c", "pass"])
    commands = {
        "import_qkdlab": ["-c", "import qkdlab"],
        "cli_help": ["-m", "qkdlab", "--help"],
    }
    return [
        Figure("start", name, _cpu_s(arguments), "s", what, baseline)
        for name, arguments in commands.items()
    ]


def security() -> list[Figure]:
    """Tabulate what exact tails gain over closed forms, by the size of a block."""
    from qkdlab.security.gain import least_block, lengths_of_block
    from qkdlab.security.slacks import Slack

    what = "bounds in closed form"
    found = [lengths_of_block(10**power) for power in (6, 7, 8, 9)]
    fractions = [
        Figure(
            "security",
            f"secret_fraction_{block.n_key:.0e}",
            block.exact / block.n_key,
            "bit per key event",
            what,
            block.closed_form / block.n_key,
        )
        for block in found
    ]
    least, baseline = least_block(Slack.EXACT), least_block(Slack.CHERNOFF)
    name = "least_block_with_key"
    return [*fractions, Figure("security", name, least, "key events", what, baseline)]


def physics() -> list[Figure]:
    """Measure the engine of the simulated bench beside naive models.

    Raises ConfigError where no simulators are installed.
    """
    from qkdlab.plugins import lookup

    return [Figure("physics", *row) for row in lookup("qkdlab.benchmarks", "physics")()]


GROUPS: dict[str, Callable[[], list[Figure]]] = {
    "start": start,
    "run": run,
    "replay": replay,
    "distill": distill,
    "security": security,
    "physics": physics,
    "published": published,
}


def _cpu_s(arguments: list[str]) -> float:
    """Return the least CPU time in seconds of a fresh interpreter, of five."""
    return min(_cpu_once_s(arguments) for _ in range(_REPEATS))


def _cpu_once_s(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - our own interpreter with our own arguments
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user_s = after.ru_utime - before.ru_utime
    return user_s + after.ru_stime - before.ru_stime


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
