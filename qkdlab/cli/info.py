"""`qkdlab info`: what is in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["NAME", "command"]

NAME = "info"


def command(
    file: Annotated[Path, typer.Argument(help="Run file of one party (HDF5).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Describe a run file."""
    from qkdlab.cli.output import print_json

    description = _describe(file)
    if as_json:
        print_json(description)
        return
    for line in _lines(description, 0):
        print(line)


def _describe(path: Path) -> dict[str, Any]:
    """Return what a run file holds; raises as `open_run`."""
    from qkdlab.runfile.reader import open_run

    with open_run(path) as run:
        return {
            "file": str(path),
            **run.meta,
            "tags": run.n_tags,
            "messages": sum(1 for _ in run.messages()),
            "monitors": {name: len(t_ps) for name, (t_ps, _) in run.monitors().items()},
            "instruments": sorted(run.snapshots()),
            "calibration": run.calibration(),
            "results": run.results(),
        }


def _lines(value: dict[str, Any], depth: int) -> list[str]:
    """Return one line per value, nested mappings indented."""
    lines: list[str] = []
    for name, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{'  ' * depth}{name}:")
            lines += _lines(item, depth + 1)
        else:
            lines.append(f"{'  ' * depth}{name}: {item}")
    return lines
