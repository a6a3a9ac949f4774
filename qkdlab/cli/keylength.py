"""`qkdlab keylength`: secret key length from observed counts, no bench needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from qkdlab.cli.options import Json
from qkdlab.errors import ConfigError, ResourceError, UsageError
from qkdlab.problems import Position, Problem

__all__ = ["NAME", "command"]

NAME = "keylength"


def command(
    counts: Annotated[str, typer.Argument(help="File of counts (JSON); - for stdin.")],
    as_json: Json = False,
) -> None:
    """Compute a key length from observed counts."""
    from qkdlab.cli.output import print_json
    from qkdlab.security.keylength import keylength

    name = "stdin" if counts == "-" else counts
    try:
        answer = keylength(_read(counts, name))
    except UsageError as error:
        raise ConfigError(f"{name}: {error}") from None
    if as_json:
        print_json(answer)
        return
    width = max(len(name) for name in answer)
    for name, value in answer.items():
        for label, text in _rows(name, value):
            print(f"{label:<{width}}  {text}")


def _read(source: str, name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except OSError as error:
        raise ResourceError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: not a text file; wanted JSON") from None
    try:
        counts = json.loads(text)
    except json.JSONDecodeError as error:
        place = Position(name, error.lineno, error.colno)
        raise ConfigError([Problem(place, (), f"not JSON: {error.msg}")]) from None
    if not isinstance(counts, dict):
        raise ConfigError(f"{name}: wanted one JSON object with the counts")
    return counts


def _rows(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield label and text of each line; an assumption has a line of its own."""
    if name == "assumptions":
        for item in value:
            yield f"  {item['status']}", f"{item['name']} ({item['note']})"
    else:
        yield name, f"{value:.6g}" if isinstance(value, float) else str(value)
