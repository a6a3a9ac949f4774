"""Check the parts of a configuration whose models are plug-ins.

Each function reads the raw document, so that a mistake in one part hides none in
another, and returns what it could check together with the problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from qkdlab import plugins
from qkdlab.config.document import Document
from qkdlab.config.explain import check_model
from qkdlab.errors import ConfigError
from qkdlab.problems import KeyPath, Problem

__all__ = [
    "EXPERIMENTS",
    "SECTIONS",
    "NamesConnections",
    "check_instruments",
    "check_parameters",
    "check_sections",
    "models_inside",
]

SECTIONS = "qkdlab.sections"
EXPERIMENTS = "qkdlab.experiments"


@runtime_checkable
class NamesConnections(Protocol):
    """A section that names connections, ``party.instrument`` or ``party.bus``."""

    def unknown_names(self, known: Set[str]) -> Iterable[KeyPath]:
        """Return where in the section stand names that are not among `known`."""
        ...


def check_sections(document: Document) -> tuple[dict[str, BaseModel], list[Problem]]:
    """Check the sections that other distributions know, by their models."""
    found: dict[str, BaseModel] = {}
    problems: list[Problem] = []
    for name in plugins.names(SECTIONS):
        if not isinstance(document.data, dict) or name not in document.data:
            continue
        try:
            model = plugins.lookup(SECTIONS, name)
        except ConfigError as error:
            problems.append(_problem(document, (name,), str(error)))
            continue
        section, more = check_model(model, document, (name,))
        problems += more
        if section is not None:
            found[name] = section
            problems += _check_names(document, name, section)
    return found, problems


def _check_names(document: Document, name: str, section: BaseModel) -> list[Problem]:
    if not isinstance(section, NamesConnections):
        return []
    known = _connections(document)
    problems = []
    for below in section.unknown_names(known.keys()):
        path = (name, *below)
        hint = plugins.did_you_mean(str(below[-1]), known)
        message = f"no such instrument or bus{hint}; there are: {', '.join(known)}"
        problems.append(Problem(document.key_position(path), path, message))
    return problems


def _connections(document: Document) -> dict[str, None]:
    """Return the lines of all stations; who shares a bus has none of its own."""
    return {
        f"{party}.{item.get('bus') or name}": None
        for party, station in _items(document.get(("parties",)))
        if isinstance(station, dict)
        for name, item in _items(station.get("instruments"))
        if isinstance(item, dict)
    }


def models_inside(document: Document) -> dict[str, type[BaseModel]]:
    """Return the models of parameters and sections, as far as there are any."""
    if not isinstance(document.data, dict):
        return {}
    found: dict[str, type[BaseModel]] = {}
    with suppress(ConfigError):
        name = document.get(("experiment",))
        found["parameters"] = plugins.lookup(EXPERIMENTS, str(name)).parameters
    for name in plugins.names(SECTIONS):
        if name in document.data:
            with suppress(ConfigError):
                found[name] = plugins.lookup(SECTIONS, name)
    return found


def check_parameters(document: Document) -> tuple[BaseModel | None, list[Problem]]:
    """Check the parameters by the model of the experiment."""
    name, place = document.get(("experiment",)), ("parameters",)
    if not isinstance(name, str):
        return None, []
    try:
        experiment = plugins.lookup(EXPERIMENTS, name)
    except ConfigError as error:
        return None, [_problem(document, ("experiment",), str(error))]
    if not isinstance(document.data.setdefault("parameters", {}), dict):
        return None, []
    model: type[BaseModel] = experiment.parameters
    return check_model(model, document, place)


def check_instruments(
    document: Document,
) -> tuple[dict[tuple[str, str], BaseModel], list[Problem]]:
    """Check driver, endpoints and options; options by (party, instrument)."""
    found: dict[tuple[str, str], BaseModel] = {}
    problems: list[Problem] = []
    for party, station in _items(document.get(("parties",))):
        if not isinstance(station, dict):
            continue
        for name, item in _items(station.get("instruments")):
            if not isinstance(item, dict) or not isinstance(item.get("driver"), str):
                continue
            path: KeyPath = ("parties", party, "instruments", name)
            options, more = _check_instrument(document, item, path)
            problems += more
            if options is not None:
                found[party, name] = options
    return found, problems


def _check_instrument(
    document: Document, item: dict[str, Any], path: KeyPath
) -> tuple[BaseModel | None, list[Problem]]:
    try:
        spec = plugins.driver_spec(item["driver"])
    except ConfigError as error:
        return None, [_problem(document, (*path, "driver"), str(error))]
    problems = [
        _problem(
            document,
            (*path, "address", endpoint),
            f"{spec.name} has no endpoint '{endpoint}'"
            f"{plugins.did_you_mean(endpoint, spec.endpoints)}; "
            f"it has: {', '.join(spec.endpoints)}",
        )
        for endpoint, _ in _items(item.get("address"))
        if endpoint not in spec.endpoints
    ]
    if not isinstance(item.setdefault("options", {}), dict):
        return None, problems
    options, more = check_model(spec.options, document, (*path, "options"))
    return options, problems + more


def _problem(document: Document, path: KeyPath, message: str) -> Problem:
    return Problem(document.value_position(path), path, message)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    return iter(value.items()) if isinstance(value, dict) else iter(())
