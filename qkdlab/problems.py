"""`Problem`: one thing that is wrong with a configuration, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["KeyPath", "Position", "Problem", "in_file_order", "path_text"]

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings (text) and places in lists (int)."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1, and 0 where there is none."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One line for the user: ``file:line:column: path: message``."""

    position: Position
    path: KeyPath
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        parts = [str(self.position), path_text(self.path), self.message]
        return ": ".join(part for part in parts if part)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as other programs read them; null where there is none."""
        return {
            "file": self.position.file or None,
            "line": self.position.line or None,
            "column": self.position.column or None,
            "path": path_text(self.path) or None,
            "message": self.message,
        }


def path_text(path: KeyPath) -> str:
    """Return a path as ``--set`` takes it: ``wiring.cables.3.delay_ps``."""
    return ".".join(str(step) for step in path)


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems, each once, as a reader of the files meets them."""
    return sorted(
        dict.fromkeys(problems), key=lambda p: (p.position, path_text(p.path))
    )
