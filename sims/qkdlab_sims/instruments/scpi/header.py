"""Command headers: short and long forms, optional nodes, numeric suffixes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from qkdlab_sims.instruments.scpi.status import ScpiError

__all__ = ["CommandTable", "Node", "compile_pattern", "match"]

_NODE = re.compile(r"(\[)?:?(\*?[A-Za-z]+)(#?)(\])?")

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a header pattern."""

    short: str
    long: str
    numbered: bool
    optional: bool

    def suffix(self, typed: str) -> int | None:
        """Return the numeric suffix of `typed` (1 when absent), None if it differs."""
        for name in (self.long, self.short):
            if typed == name:
                return 1
            digits = typed[len(name) :]
            if self.numbered and typed.startswith(name) and digits.isdigit():
                return int(digits)
        return None


def compile_pattern(pattern: str) -> tuple[Node, ...]:
    """Read a pattern as manuals print it, with ``#`` where a number may stand.

    ``[SOURce#]:VOLTage[:LEVel]``: capitals are the short form, brackets hold what may
    be left out.
    """
    nodes: list[Node] = []
    at = 0
    while at < len(pattern):
        found = _NODE.match(pattern, at)
        if found is None:
            raise ValueError(f"bad header pattern {pattern!r}")
        name = found.group(2)
        short = "".join(c for c in name if not c.islower())
        nodes.append(
            Node(short, name.upper(), bool(found.group(3)), bool(found.group(1)))
        )
        at = found.end()
    return tuple(nodes)


def match(nodes: Sequence[Node], typed: Sequence[str]) -> tuple[int, ...] | None:
    """Return the suffixes of all numbered nodes, or None when the header differs."""
    if not nodes:
        return None if typed else ()
    first, rest = nodes[0], nodes[1:]
    if typed:
        suffix = first.suffix(typed[0])
        if suffix is not None:
            following = match(rest, typed[1:])
            if following is not None:
                return (suffix, *following) if first.numbered else following
    if first.optional:
        following = match(rest, typed)
        if following is not None:
            return (1, *following) if first.numbered else following
    return None


class CommandTable(Generic[H]):
    """Handlers by header pattern."""

    def __init__(self) -> None:
        self._rows: list[tuple[tuple[Node, ...], H | None, H | None]] = []
        self._known: dict[tuple[tuple[str, ...], bool], tuple[H, tuple[int, ...]]] = {}

    def add(self, pattern: str, *, do: H | None = None, ask: H | None = None) -> None:
        """Let `do` serve the command and `ask` the query of `pattern`."""
        self._rows.append((compile_pattern(pattern), do, ask))

    def find(self, typed: tuple[str, ...], query: bool) -> tuple[H, tuple[int, ...]]:
        """Return the handler and the suffixes; raises ScpiError -113 when unknown."""
        known = self._known.get((typed, query))
        if known is not None:
            return known
        for nodes, do, ask in self._rows:
            handler = ask if query else do
            if handler is None:
                continue
            suffixes = match(nodes, typed)
            if suffixes is not None:
                self._known[typed, query] = (handler, suffixes)
                return handler, suffixes
        raise ScpiError(-113)
