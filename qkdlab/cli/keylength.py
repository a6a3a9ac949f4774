"""`qkdlab keylength`: secret key length from observed counts, no bench needed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qkdlab.errors import ConfigError, ResourceError

__all__ = ["NAME", "command"]

NAME = "keylength"


def command(
    counts: Annotated[str, typer.Argument(help="File of counts (JSON); - for stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute a key length from observed counts."""
    from qkdlab.cli.output import print_json
    from qkdlab.security.keylength import keylength

    answer = keylength(_read(counts))
    if as_json:
        print_json(answer)
        return
    width = max(len(name) for name in answer)
    for name, value in answer.items():
        print(f"{name:<{width}}  {_text(value)}")


def _read(source: str) -> dict[str, Any]:
    name = "stdin" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except OSError as error:
        raise ResourceError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: not a text file; wanted JSON") from None
    try:
        counts = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        ) from None
    if not isinstance(counts, dict):
        raise ConfigError(f"{name}: wanted one JSON object with the counts")
    return counts


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
