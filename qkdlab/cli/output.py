"""What every command says in the same way: JSON on stdout, warnings on stderr."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any, TextIO

__all__ = ["print_json", "say", "short_warnings"]


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object, and nothing else, on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(*lines: str) -> None:
    """Print lines for people on stderr."""
    for line in lines:
        print(f"qkdlab: {line}", file=sys.stderr)


def short_warnings() -> None:
    """Let warnings appear as single lines on stderr, without source lines."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say(f"warning: {message}")

    warnings.showwarning = show
