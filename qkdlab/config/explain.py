"""Check a part of a document by a pydantic model; explain what is wrong and where.

Values go to pydantic as strict JSON: no text for numbers, no 0 or 1 for booleans, but
lists for tuples and text for times, since YAML has no others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qkdlab.config.document import Document
from qkdlab.config.fields import field_names, field_range, paths_below
from qkdlab.config.units import number_hint, split_unit, unit_hint, unit_words
from qkdlab.plugins import did_you_mean, suggest
from qkdlab.problems import KeyPath, Problem, path_text

__all__ = ["Inside", "check_model"]

M = TypeVar("M", bound=BaseModel)

_NUMBER_ERRORS = {
    "float_type",
    "float_parsing",
    "int_type",
    "int_parsing",
    "int_from_float",
}
_BOUND_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


Inside = Mapping[str, type[BaseModel] | None]
"""What stands inside a key, by key; None where that is unknown."""


def check_model(
    model: type[M], document: Document, path: KeyPath, also: Inside | None = None
) -> tuple[M | None, list[Problem]]:
    """Return the model made of what stands at `path`, or None and the problems.

    `also` are keys that are known beside the model's own, or what is inside them where
    the model leaves that open; for suggestions.
    """
    data = document.get(path) if path else document.data
    try:
        text = json.dumps(data)
        return model.model_validate_json(text, strict=True), []
    except ValidationError as error:
        explained = _Explainer(model, document, path, also or {})
        return None, explained.problems(error.errors(include_url=False))


class _Explainer:
    def __init__(
        self,
        model: type[BaseModel],
        document: Document,
        path: KeyPath,
        also: Inside,
    ) -> None:
        self.model = model
        self.document = document
        self.path = path
        self.also = also
        self.meant: set[KeyPath] = set()
        """Required keys that an unknown one was meant to be."""

    def problems(self, errors: list[ErrorDetails]) -> list[Problem]:
        unknown = [e for e in errors if e["type"] == "extra_forbidden"]
        others = [e for e in errors if e["type"] != "extra_forbidden"]
        found = [self._unknown_key(e) for e in unknown]
        found += [p for e in others if (p := self._explain(e)) is not None]
        return found

    def _unknown_key(self, error: ErrorDetails) -> Problem:
        loc = error["loc"]
        path, key = self._in_document(loc), str(loc[-1])
        names = field_names(self.model, loc[:-1])
        if len(loc) == 1:
            names = list(dict.fromkeys([*names, *self.also]))
        message = f"unknown key '{key}'"
        right = unit_hint(key, names)
        if right is not None:
            self.meant.add((*path[:-1], right))
            unit = unit_words(split_unit(right)[1])
            message += f": this quantity is given in {unit} (did you mean '{right}'?)"
        else:
            meant = self._meant(key, names, loc[:-1])
            if meant is None:
                message += f"; known here: {', '.join(sorted(names)) or 'none'}"
            else:
                self.meant.add((*path[:-1], *meant))
                shown = meant if len(meant) == 1 else (*path[:-1], *meant)
                message += f" (did you mean '{path_text(shown)}'?)"
        return Problem(self.document.key_position(path), path, message)

    def _meant(
        self, key: str, names: list[str], loc: tuple[int | str, ...]
    ) -> KeyPath | None:
        """Return the path from `loc` to the key that was probably meant.

        The key's last word may stand deeper than it was written.
        """
        below = paths_below(self.model, loc)
        if not loc:
            for name, inside in self.also.items():
                if inside is not None:
                    below += [(name, known) for known in field_names(inside, ())]
                    below += [(name, *path) for path in paths_below(inside)]
        places: dict[str, KeyPath] = {}
        for path in [*((name,) for name in names), *below]:
            places.setdefault(path[-1], path)
        found = suggest(key, places)
        return None if found is None else places[found]

    def _explain(self, error: ErrorDetails) -> Problem | None:
        path = self._in_document(error["loc"])
        if error["type"] == "missing":
            path = (*path, str(error["loc"][-1]))
            if path in self.meant:
                return None
            place = self.document.key_position(path[:-1])
            return Problem(place, path, f"required key '{path[-1]}' is missing")
        explain = _MESSAGES.get(error["type"], _other)
        wanted = " and ".join(field_range(self.model, error["loc"]))
        if error["type"] in _BOUND_ERRORS:
            message = f"must be {wanted}, got {_with_unit(_got(error['input']), path)}"
        elif error["type"] in _NUMBER_ERRORS:
            wanted = wanted and _with_unit(wanted, path)
            message = _number(error, path_text(path[-1:]), wanted)
        else:
            message = explain(error, path_text(path[-1:]))
        return Problem(self.document.value_position(path), path, message)

    def _in_document(self, loc: tuple[int | str, ...]) -> KeyPath:
        """Drop from pydantic's location what names a branch of a union, not a key."""
        path = self.path
        for step in loc:
            here = self.document.get(path) if path else self.document.data
            if isinstance(here, dict):
                if str(step) in here:
                    path = (*path, str(step))
            elif isinstance(here, list) and isinstance(step, int):
                path = (*path, step)
        return path


def _got(value: Any) -> str:
    """Show a value as YAML would have it, shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _number(error: ErrorDetails, field: str, wanted: str) -> str:
    value = error["input"]
    kind = "whole number" if error["type"].startswith("int") else "number"
    if isinstance(value, str):
        hint = number_hint(value, field)
        if hint is not None:
            return hint
        if _is_finite(value):
            return f"must be a {kind}, got the text '{value}'; leave out the quotes"
    return f"must be a {kind}{wanted and f' {wanted}'}, got {_got(value)}"


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _with_unit(text: str, path: KeyPath) -> str:
    """Put the unit behind a text; that of a list stands in the list's key."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return f"{text} {unit_words(split_unit(key)[1])}".rstrip()


def _choice(error: ErrorDetails, field: str) -> str:
    context = error.get("ctx", {})
    expected = str(context.get("expected") or context.get("expected_tags", ""))
    value = context.get("tag", error["input"])
    hint = did_you_mean(str(value), re.findall(r"'([^']*)'", expected))
    return f"must be {expected}, got {_got(value)}{hint}"


def _no_tag(error: ErrorDetails, field: str) -> str:
    key = str(error.get("ctx", {}).get("discriminator", "'kind'")).strip("'")
    if not isinstance(error["input"], dict):
        return f"must be a mapping, got {_got(error['input'])}"
    return f"required key '{key}' is missing"


def _mapping(error: ErrorDetails, field: str) -> str:
    return f"must be a mapping, got {_got(error['input'])}"


def _list(error: ErrorDetails, field: str) -> str:
    return f"must be a list, got {_got(error['input'])}"


def _text(error: ErrorDetails, field: str) -> str:
    return f"must be text, got {_got(error['input'])}; put it in quotes"


def _truth(error: ErrorDetails, field: str) -> str:
    return f"must be true or false, got {_got(error['input'])}"


def _own(error: ErrorDetails, field: str) -> str:
    """Pass on the words of a validator of the model."""
    return error["msg"].partition(", ")[2] or error["msg"]


def _other(error: ErrorDetails, field: str) -> str:
    words = error["msg"].replace("Input should be", "must be")
    return f"{words[:1].lower()}{words[1:]}, got {_got(error['input'])}"


_MESSAGES: dict[str, Callable[[ErrorDetails, str], str]] = {
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": _choice,
    "union_tag_not_found": _no_tag,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "dict_type": _mapping,
    "list_type": _list,
    "tuple_type": _list,
    "string_type": _text,
    "bool_type": _truth,
    "value_error": _own,
    "assertion_error": _own,
}
