"""Put configurations on top of each other: ``extends`` and ``--set``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from qkdlab.config.document import Document, Spot
from qkdlab.config.find import read_source
from qkdlab.config.yaml_text import parse_yaml
from qkdlab.errors import ConfigError, ResourceError
from qkdlab.problems import KeyPath, Position, Problem, path_text

__all__ = ["Override", "apply_override", "merge", "resolve_extends"]


class Override(NamedTuple):
    """A change ``a.b=c``, and the option of the command line that it comes from.

    The option stands in problems where else a file and a line would.
    """

    text: str
    option: str = "--set"


def resolve_extends(
    document: Document, file: str, seen: tuple[str, ...] = ()
) -> tuple[Document, list[Problem]]:
    """Lay a document over the one that its ``extends`` names, and so on down.

    ``extends`` is the name of a packaged configuration or a path relative to the
    document's own folder.
    """
    if not isinstance(document.data, dict) or "extends" not in document.data:
        return document, []
    base_name = document.data.pop("extends")
    place = document.value_position(("extends",))

    def refuse(message: str) -> tuple[Document, list[Problem]]:
        return document, [Problem(place, ("extends",), message)]

    if not isinstance(base_name, str):
        return refuse("must be the name or the path of one configuration")
    try:
        text, base_file = read_source(base_name, beside=Path(file).parent)
    except (ConfigError, ResourceError) as error:
        return refuse(str(error))
    if base_file in (file, *seen):
        return refuse(f"'{base_name}' extends this file in turn; remove one of the two")
    base, problems = parse_yaml(text, base_file)
    base, more = resolve_extends(base, base_file, (*seen, file))
    return merge(base, document), problems + more


def merge(base: Document, top: Document) -> Document:
    """Return `base` with `top` laid over it: mappings are joined, the rest replaced."""
    out = Document(base.data, dict(base.spots))
    out.data = _merge(out, base.data, top, ())
    return out


def _merge(out: Document, below: Any, top: Document, path: KeyPath) -> Any:
    above = top.get(path) if path else top.data
    if not (isinstance(below, dict) and isinstance(above, dict)):
        out.forget(path)
        out.graft(path, top, path)
        return above
    joined = dict(below)
    for key in above:
        joined[key] = _merge(out, below.get(key), top, (*path, key))
    return joined


def apply_override(document: Document, override: Override) -> list[Problem]:
    """Carry out one change; the value is YAML. Returns what is wrong with it.

    A key that holds dots itself is found where it exists; places in lists are
    numbers from 0. Missing mappings on the way are made, so that the check of the
    whole says what is unknown.
    """
    place = Position(override.option)
    name, equals, value_text = override.text.partition("=")
    steps = name.strip().split(".")
    if not equals or not all(steps):
        message = f"'{override.text}' must read PATH=VALUE, as in a.b=3"
        return [Problem(place, (), message)]
    value, problems = parse_yaml(value_text, override.option)
    if problems:
        return [Problem(place, tuple(steps), p.message) for p in problems]
    if not isinstance(document.data, dict):
        document.data = {}
    holder: Any = document.data
    path: KeyPath = ()
    while True:
        key, steps = _next_key(holder, steps)
        if key is None:
            what = (
                "a list: give a place in it" if isinstance(holder, list) else "a value"
            )
            message = f"cannot be set: '{path_text(path)}' is {what}"
            return [Problem(place, (*path, *steps), message)]
        path = (*path, key)
        if not steps:
            break
        if isinstance(holder, dict) and holder.get(key) is None:
            holder[key] = {}
            document.spots[path] = Spot(place, place)
        holder = holder[key]
    holder[key] = value.data
    document.forget(path)
    for below in value.spots:
        document.spots[path + below] = Spot(place, place)
    return []


def _next_key(holder: Any, steps: list[str]) -> tuple[str | int | None, list[str]]:
    """Take the next key off `steps`; None where `holder` cannot have it."""
    if isinstance(holder, list):
        if steps[0].isdecimal() and int(steps[0]) < len(holder):
            return int(steps[0]), steps[1:]
        return None, steps
    if not isinstance(holder, dict):
        return None, steps
    for n in range(len(steps), 0, -1):
        if ".".join(steps[:n]) in holder:
            return ".".join(steps[:n]), steps[n:]
    return steps[0], steps[1:]
