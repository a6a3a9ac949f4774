"""What every command says in the same way: JSON on stdout, warnings on stderr."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from threading import Event
from typing import Any, TextIO

__all__ = ["ANSWERED", "print_json", "say", "short_warnings"]

ANSWERED = Event()
"""Set when a command has printed its JSON object, so that no error adds another."""


def print_json(value: Mapping[str, Any], *, one_line: bool = False) -> None:
    """Print one JSON object on stdout; `one_line` for those who read line by line."""
    indent = None if one_line else 2
    print(json.dumps(value, indent=indent, allow_nan=False), flush=one_line)
    ANSWERED.set()


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
