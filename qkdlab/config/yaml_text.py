"""Read YAML 1.2 into a `Document`: safe, without duplicates, with positions.

Stricter than YAML: no tags of one's own, no merge keys, no NaN or infinity, mapping
keys are text or whole numbers (kept as text). Timestamps stay text. A document is
composed once into nodes and converted here, so that no constructor of the YAML
library ever runs.
"""

from __future__ import annotations

import math
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from qkdlab.config.document import Document, Spot
from qkdlab.problems import KeyPath, Position, Problem

__all__ = ["parse_yaml"]

MAX_NODES = 200_000
"""Bounds what aliases can blow a small file up to."""

_PREFIX = "tag:yaml.org,2002:"


def parse_yaml(text: str, file: str) -> tuple[Document, list[Problem]]:
    """Return the document in `text` and all that is wrong with its YAML.

    `file` is the name that positions carry. A text that is no YAML at all gives an
    empty document and one problem.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        return Document(None), [_syntax_problem(error, file)]
    except ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        place = Position(file, line, error.position - before.rfind("\n"))
        return Document(None), [Problem(place, (), "a character that YAML forbids")]
    except RecursionError:
        return Document(None), [Problem(Position(file), (), "nested too deeply")]
    except (YAMLError, ValueError) as error:
        return Document(None), [Problem(Position(file), (), _one_line(str(error)))]
    reader = _Reader(file)
    data = reader.convert(root, ()) if root is not None else None
    return Document(data, reader.spots), reader.problems


def _syntax_problem(error: MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Position(file)
    if mark is not None:
        place = Position(file, mark.line + 1, mark.column + 1)
    words = [str(w) for w in (error.context, error.problem) if w]
    return Problem(place, (), _one_line("not valid YAML: " + ", ".join(words)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


class _Reader:
    """Converts nodes to plain data and remembers where each stood."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.spots: dict[KeyPath, Spot] = {}
        self.problems: list[Problem] = []
        self._open: list[Node] = []
        self._n_nodes = 0

    def convert(self, node: Node, path: KeyPath, key: Node | None = None) -> Any:
        place = self._place(node)
        self.spots[path] = Spot(self._place(key) if key is not None else place, place)
        self._n_nodes += 1
        if self._n_nodes > MAX_NODES or any(n is node for n in self._open):
            if self._n_nodes <= MAX_NODES + 1:
                self._refuse(
                    node,
                    path,
                    "an alias that refers to itself or expands beyond measure",
                )
            return None
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                self._expect_tag(node, path, "seq")
                return [self.convert(n, (*path, i)) for i, n in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        self._expect_tag(node, path, "map")
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in out:
                first = self.spots[(*path, key)].key
                self._refuse(
                    key_node, (*path, key), f"given twice; first at line {first.line}"
                )
                continue
            out[key] = self.convert(value_node, (*path, key), key_node)
        return out

    def _key(self, node: Node, path: KeyPath) -> str | None:
        tag = str(node.tag).removeprefix(_PREFIX)
        if isinstance(node, ScalarNode) and tag in {"str", "int"}:
            value = self._scalar(node, path)
            return None if value is None else str(value)
        if tag == "merge":
            self._refuse(node, path, "merge keys (<<) are not YAML 1.2; use `extends`")
        else:
            self._refuse(node, path, "a key must be text or a whole number")
        return None

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        tag, text = str(node.tag).removeprefix(_PREFIX), str(node.value)
        try:
            match tag:
                case "str" | "timestamp":
                    text.encode()
                    return text
                case "int":
                    return _whole(text)
                case "float":
                    return _decimal(text)
                case "bool":
                    return text.casefold() == "true"
                case "null":
                    return None
        except ValueError:
            self._refuse(
                node,
                path,
                f"'{text[:40]}' cannot be used: NaN, infinity, "
                "a broken number or a broken character",
            )
            return None
        self._refuse(node, path, f"the tag '{node.tag}' is not allowed")
        return None

    def _expect_tag(self, node: Node, path: KeyPath, tag: str) -> None:
        if str(node.tag) != _PREFIX + tag:
            self._refuse(node, path, f"the tag '{node.tag}' is not allowed")

    def _refuse(self, node: Node, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self._place(node), path, message))

    def _place(self, node: Node) -> Position:
        mark = node.start_mark
        return Position(self.file, mark.line + 1, mark.column + 1)


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    sign, digits = (-1, digits[1:]) if digits[:1] == "-" else (1, digits.lstrip("+"))
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.casefold().startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


def _decimal(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError(text)
    return value
