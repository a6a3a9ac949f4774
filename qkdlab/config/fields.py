"""Which keys a pydantic model knows at a place, and which numbers it takes there."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

__all__ = ["field_names", "field_range", "paths_below"]


def field_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are known at the pydantic location `loc` inside `model`."""
    names: dict[str, None] = {}
    for found in _models(_places(model, loc)):
        names.update(dict.fromkeys(_keys(found)))
    return list(names)


def paths_below(
    model: type[BaseModel], loc: tuple[int | str, ...] = ()
) -> list[tuple[str, ...]]:
    """Return the paths from `loc` to all keys of the models inside, nearest first."""
    found = [path for m in _models(_places(model, loc)) for path in _deeper(m, (m,))]
    return sorted(found, key=len)


def field_range(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the bounds of the number at `loc`, as ``greater than 0``; lower first."""
    found: dict[str, str] = {}
    for place in _places(model, loc):
        for one in _constraints(place):
            for name, words in _BOUNDS.items():
                if (bound := getattr(one, name, None)) is not None:
                    found.setdefault(name, f"{words} {_plain(bound)}")
    return [found[name] for name in _BOUNDS if name in found]


_BOUNDS = {
    "gt": "greater than",
    "ge": "greater than or equal to",
    "lt": "less than",
    "le": "less than or equal to",
}


def _plain(bound: float) -> str:
    return f"{bound:.12g}"


def _places(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[Any]:
    """Return the annotations to which `loc` may lead."""
    places: list[Any] = [model]
    for step in loc:
        deeper = [found for place in places for found in _below(place, step)]
        places = deeper or places
    return places


def _constraints(annotation: Any) -> Iterator[Any]:
    """Yield what an annotation, or some branch of it, demands of its value."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inside, *demands = get_args(annotation)
        for one in demands:
            yield from getattr(one, "metadata", None) or (one,)
        yield from _constraints(inside)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _constraints(member)


def _keys(model: type[BaseModel]) -> dict[str, Any]:
    """Return the annotation of each field by the key that files use."""
    return {
        info.alias or name: Annotated[info.annotation, info]
        for name, info in model.model_fields.items()
    }


def _deeper(
    model: type[BaseModel], above: tuple[type[BaseModel], ...]
) -> Iterator[tuple[str, ...]]:
    """Yield the paths to keys of models inside; `above` is not entered again."""
    for name, annotation in _keys(model).items():
        for inner in _models([annotation]):
            if inner not in above:
                yield from ((name, key) for key in _keys(inner))
                yield from ((name, *path) for path in _deeper(inner, (*above, inner)))


def _branches(annotation: Any) -> Iterator[Any]:
    """Yield the members of unions and the inside of Annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _branches(member)
    else:
        yield annotation


def _models(annotations: list[Any]) -> list[type[BaseModel]]:
    return [
        branch
        for annotation in annotations
        for branch in _branches(annotation)
        if isinstance(branch, type) and issubclass(branch, BaseModel)
    ]


def _below(annotation: Any, step: int | str) -> list[Any]:
    """Return what `step` leads to; a step may also choose a branch of a union."""
    tagged = [m for m in _models([annotation]) if _has_tag(m, step)]
    if tagged:
        return list(tagged)
    found: list[Any] = []
    for branch in _branches(annotation):
        if isinstance(branch, type) and issubclass(branch, BaseModel):
            keys = _keys(branch)
            found += [keys[str(step)]] if str(step) in keys else []
        elif get_origin(branch) in (dict, list, tuple):
            arguments = get_args(branch)
            found += [arguments[-1 if get_origin(branch) is dict else 0]]
    return found


def _has_tag(model: type[BaseModel], tag: int | str) -> bool:
    """Tell whether `tag` is the only value of one of the model's literal fields."""
    return any(
        get_args(info.annotation) == (tag,) for info in model.model_fields.values()
    )
