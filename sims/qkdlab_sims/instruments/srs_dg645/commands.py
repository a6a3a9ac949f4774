"""Take a line apart: commands of four letters and their parameters.

A blank before the first parameter may be left out (``DLAY?3``, ``TSRC1``), and
semicolons part commands [seen in three public clients].
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from qkdlab_sims.instruments.srs_dg645.errors import (
    EXTRA_PARAMETERS,
    ILLEGAL_COMMAND,
    ILLEGAL_VALUE,
    INVALID_FLOAT,
    INVALID_INTEGER,
    MISSING_PARAMETERS,
    NULL_PARAMETER,
    SYNTAX_ERROR,
    Refused,
)

__all__ = ["Command", "commands_of"]

_HEADER = re.compile(r"(\*[A-Za-z]{3}|[A-Za-z]{4})(\s*\?)?\s*(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its letters in upper case, and its parameters as text."""

    name: str
    query: bool
    parameters: tuple[str, ...]

    def expect(self, n: int) -> None:
        """Check the number of parameters; raises Refused 115 or 116."""
        if len(self.parameters) < n:
            raise Refused(MISSING_PARAMETERS)
        if len(self.parameters) > n:
            raise Refused(EXTRA_PARAMETERS)

    def integer(self, at: int, low: int, high: int) -> int:
        """Return parameter `at`; raises Refused 120, or 10 outside `low` to `high`."""
        typed = self.parameters[at]
        if _INTEGER.fullmatch(typed) is None:
            raise Refused(INVALID_INTEGER)
        value = int(typed)
        if not low <= value <= high:
            raise Refused(ILLEGAL_VALUE)
        return value

    def number(self, at: int) -> float:
        """Return parameter `at`; raises Refused 118."""
        typed = self.parameters[at]
        if _FLOAT.fullmatch(typed) is None:
            raise Refused(INVALID_FLOAT)
        value = float(typed)
        if not math.isfinite(value):
            raise Refused(INVALID_FLOAT)
        return value


def commands_of(line: bytes) -> Iterator[Command]:
    """Yield the commands of a line; raises Refused at the first malformed one."""
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(SYNTAX_ERROR) from None
    for part in text.split(";"):
        if part.strip():
            yield _command(part.strip())


def _command(text: str) -> Command:
    found = _HEADER.fullmatch(text)
    if found is None:
        raise Refused(ILLEGAL_COMMAND)
    name, query, rest = found.groups()
    parameters = tuple(p.strip() for p in rest.split(",")) if rest else ()
    if "" in parameters:
        raise Refused(NULL_PARAMETER)
    return Command(name.upper(), query is not None, parameters)
