"""The command language of IDQ Time Controllers.

Keywords may be cut anywhere between their short form (upper case in a pattern) and
their long form; ``;`` goes on at the node of the last command, ``;:`` at the root
[code, several clients]. Error names are those that clients look for at the end of a
reply [code]; the names of the rarer ones are those of the JPA-SCPI parser [guess].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["CommandTree", "Found", "ScpiError", "Unit", "is_keyword", "units"]

_WORD = re.compile(r"([A-Za-z]+)(\d*)")


class ScpiError(Exception):
    """A command that cannot be obeyed; carries the text of the reply."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One command of a message: absolute keywords, question or not, argument."""

    words: tuple[str, ...]
    is_query: bool
    argument: str


@dataclass(frozen=True, slots=True)
class Found:
    """A command of the tree: its pattern and the number of its block (0: none)."""

    pattern: str
    number: int


def units(message: str) -> Iterator[Unit]:
    """Cut a message into its commands."""
    node: tuple[str, ...] = ()
    for text in message.split(";"):
        text = text.strip()
        if not text:
            continue
        header, _, argument = text.partition(" ")
        is_query = header.endswith("?")
        words = header.rstrip("?").lstrip(":").split(":")
        if header.startswith("*"):
            yield Unit(tuple(words), is_query, argument.strip())
            continue
        path = (() if header.startswith(":") else node) + tuple(words)
        node = path[:-1]
        yield Unit(path, is_query, argument.strip())


def is_keyword(pattern: str, word: str) -> bool:
    """Return whether `word` is an allowed form of `pattern`, such as ``INPUt``."""
    short = "".join(c for c in pattern if not c.islower())
    is_long_enough = len(word) >= len(short)
    return is_long_enough and pattern.upper().startswith(word.upper())


class CommandTree:
    """Finds the command that given keywords mean.

    A pattern is ``DELAy{8}:INPOrt:LINK``: blocks 1 to 8; words in brackets may be
    left out.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = {pattern: _compile(pattern) for pattern in patterns}
        self._seen: dict[tuple[str, ...], Found | None] = {}

    def find(self, words: tuple[str, ...]) -> Found | None:
        """Return the command, or None."""
        if words not in self._seen:
            if len(self._seen) > 4096:
                self._seen.clear()
            self._seen[words] = self._search(words)
        return self._seen[words]

    def _search(self, words: tuple[str, ...]) -> Found | None:
        for pattern, forms in self._patterns.items():
            for form in forms:
                number = _match(form, words)
                if number is not None:
                    return Found(pattern, number)
        return None


_Form = tuple[tuple[str, int], ...]


def _compile(pattern: str) -> list[_Form]:
    """Return the forms of a pattern: with its optional words, and without."""
    full: list[tuple[str, int]] = []
    brief: list[tuple[str, int]] = []
    for word in pattern.split(":"):
        keyword, _, n_blocks = word.strip("[]").rstrip("}").partition("{")
        entry = (keyword, int(n_blocks or 0))
        full.append(entry)
        if not word.startswith("["):
            brief.append(entry)
    return [tuple(full)] if full == brief else [tuple(full), tuple(brief)]


def _match(form: _Form, words: tuple[str, ...]) -> int | None:
    """Return the number of the block (0: none) if `words` have this form."""
    if len(form) != len(words):
        return None
    number = 0
    for (keyword, n_blocks), word in zip(form, words, strict=True):
        if keyword.startswith("*"):
            if word.upper() == keyword:
                continue
            return None
        match = _WORD.fullmatch(word)
        if match is None or not is_keyword(keyword, match[1]):
            return None
        if n_blocks:
            if not match[2] or not 1 <= int(match[2]) <= n_blocks:
                return None
            number = int(match[2])
        elif match[2]:
            return None
    return number
