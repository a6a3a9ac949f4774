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
    from qkdlab.runfile.reader import describe

    description = describe(file)
    if as_json:
        print_json(description)
        return
    for line in _lines(description, 0):
        print(line)


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
