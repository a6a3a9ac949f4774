"""Inputs of published experiments: a TOML file with a section for each.

Checked like any configuration: names, kinds of values, lengths of lists. What is no
physics is refused by the parts that are made of it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from qkdlab.errors import ConfigError

__all__ = ["PACKAGED", "build", "packaged", "read"]

PACKAGED = Path(__file__).with_name("inputs.toml")

T = TypeVar("T")


def read(path: Path) -> dict[str, Any]:
    """Return the sections of a file.

    Raises ConfigError for a file that cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


@cache
def _own() -> dict[str, Any]:
    return read(PACKAGED)


def packaged(section: str) -> dict[str, Any]:
    """Return a section of the file that the package has."""
    found: dict[str, Any] = _own()[section]
    return found


def _refuse_no_numbers(made: object, where: str) -> None:
    """Raise ConfigError for a number that is negative, infinite or none."""
    for one in fields(made):  # type: ignore[arg-type]
        value = getattr(made, one.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float | int) and not 0 <= number < math.inf:
                raise ConfigError(
                    f"{where}.{one.name}: {number:g}, but must be 0 or more and finite"
                )


def build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """Return a dataclass made of a section, with each of its fields and nothing else.

    where: for people, as ``gobby_2004``

    Raises ConfigError.
    """
    from pydantic import TypeAdapter, ValidationError

    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    problems = [f"{where}: no '{name}'" for name in names if name not in table]
    problems += [
        f"{where}: nothing is called '{name}'; there are {', '.join(names)}"
        for name in table
        if name not in names
    ]
    if problems:
        raise ConfigError(problems)
    try:
        made = TypeAdapter(kind).validate_python(dict(table))
        _refuse_no_numbers(made, where)
        return made
    except ValidationError as error:
        raise ConfigError(
            [
                f"{where}.{'.'.join(map(str, one['loc']))}: {one['msg']}"
                for one in error.errors()
            ]
        ) from None
