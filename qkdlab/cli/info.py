"""`qkdlab info`: what is in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "info"


def command(
    file: Annotated[Path, typer.Argument(help="Run file of one party (HDF5).")],
    as_json: Json = False,
) -> None:
    """Describe a run file, finished or not (.part), and what its party committed."""
    from qkdlab.cli.output import print_json

    description = _describe(file)
    if as_json:
        print_json(description)
        return
    for line in _lines(description, 0):
        print(line)


def _describe(path: Path) -> dict[str, Any]:
    """Return what a run file holds, finished or not; raises as `open_run`."""
    from qkdlab.runfile.reader import open_run
    from qkdlab.session.journal import records_of

    with open_run(path) as run:
        journal = run.journal() or _journal_beside(path, str(run.meta["party"]))
        return {
            "file": str(path),
            **run.meta,
            "tags": run.n_tags,
            "messages": sum(1 for _ in run.messages()),
            "monitors": {name: len(t_ps) for name, (t_ps, _) in run.monitors().items()},
            "instruments": sorted(run.snapshots()),
            "calibration": run.calibration(),
            "committed": [record.told() for record in records_of(journal)],
            "results": run.results(),
        }


def _journal_beside(path: Path, party: str) -> bytes:
    """Return the journal of a run that was not finished; empty when there is none."""
    try:
        return (path.parent / party / "journal.bin").read_bytes()
    except OSError:
        return b""


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
