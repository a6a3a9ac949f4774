"""Find what other distributions add to qkdlab, and load it only when it is asked for.

A plug-in is an entry point of one of the groups ``qkdlab.benches``, ``.servers``,
``.drivers``, ``.experiments``, ``.configs``, ``.sections``, ``.benchmarks``. One that
cannot be imported is no trouble until somebody asks for it.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qkdlab.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

    from qkdlab.roles.spec import DriverSpec

__all__ = [
    "BrokenPlugin",
    "broken_drivers",
    "did_you_mean",
    "driver_spec",
    "driver_specs",
    "lookup",
    "names",
    "suggest",
]

DRIVERS = "qkdlab.drivers"


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plug-in that is declared but cannot be loaded."""

    group: str
    name: str
    distribution: str
    cause: str

    def __str__(self) -> str:
        return (
            f"plug-in '{self.name}' of {self.group} cannot be loaded: {self.cause}; "
            f"update or reinstall {self.distribution}"
        )


class _LoadError(Exception):
    def __init__(self, broken: BrokenPlugin) -> None:
        self.broken = broken
        super().__init__(str(broken))


def names(group: str) -> list[str]:
    """Return the names of all plug-ins of a group, sorted; nothing is imported."""
    return sorted({entry.name for entry in _entries(group)})


def lookup(group: str, name: str) -> Any:
    """Import and return one plug-in.

    Raises ConfigError when there is none of that name (with a suggestion), when it
    cannot be imported (naming distribution and cause), and when two distributions
    claim the name.
    """
    found = {e.value: e for e in _entries(group) if e.name == name}
    if not found:
        what = group.removeprefix("qkdlab.").removesuffix("s")
        known = names(group)
        raise ConfigError(
            f"no {what} is called '{name}'{did_you_mean(name, known)}; "
            f"installed: {', '.join(known) or 'none'}"
        )
    if len(found) > 1:
        owners = ", ".join(sorted(_distribution(e) for e in found.values()))
        raise ConfigError(
            f"'{name}' of {group} is offered by {owners}; uninstall all but one"
        )
    try:
        return _load(group, next(iter(found.values())))
    except _LoadError as error:
        raise ConfigError(str(error.broken)) from error.__cause__


def driver_specs() -> dict[str, DriverSpec]:
    """Return the specification of every driver that can be loaded, by its name."""
    specs: dict[str, DriverSpec] = {}
    for entry in _entries(DRIVERS):
        try:
            loaded = _load(DRIVERS, entry)
        except _LoadError:
            continue
        specs.update({spec.name: spec for spec in loaded})
    return dict(sorted(specs.items()))


def broken_drivers() -> list[BrokenPlugin]:
    """Return the vendors whose specifications cannot be loaded."""
    broken = []
    for entry in _entries(DRIVERS):
        try:
            _load(DRIVERS, entry)
        except _LoadError as error:
            broken.append(error.broken)
    return broken


def driver_spec(name: str) -> DriverSpec:
    """Return one driver's specification, importing only its vendor where possible.

    Raises ConfigError when no driver has that name, or its vendor is broken.
    """
    vendor = name.partition(".")[0]
    if vendor in names(DRIVERS):
        for spec in lookup(DRIVERS, vendor):
            if spec.name == name:
                return spec  # type: ignore[no-any-return]
    specs = driver_specs()
    if name in specs:
        return specs[name]
    raise ConfigError(
        f"no driver is called '{name}'{did_you_mean(name, specs)}; "
        "`qkdlab drivers` lists them"
    )


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was probably meant, or None."""
    by_folded = {c.casefold(): c for c in candidates}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no candidate is near."""
    found = suggest(word, candidates)
    return f" (did you mean '{found}'?)" if found is not None else ""


def _entries(group: str) -> tuple[EntryPoint, ...]:
    return _scan(importlib.metadata.entry_points, group)


@lru_cache(maxsize=32)
def _scan(find: Callable[..., EntryPoints], group: str) -> tuple[EntryPoint, ...]:
    """Read the installed distributions, once: a scan takes some 30 ms."""
    return tuple(find(group=group))


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value.partition(":")[0]


def _load(group: str, entry: EntryPoint) -> Any:
    """Import an entry point; whatever goes wrong in it becomes a _LoadError."""
    try:
        return entry.load()
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        broken = BrokenPlugin(group, entry.name, _distribution(entry), cause)
        raise _LoadError(broken) from error
