"""Load a configuration: YAML to `RunConfig`, with all problems told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from qkdlab import plugins
from qkdlab.config.composites import check_roles
from qkdlab.config.conditions import check_conditions
from qkdlab.config.document import Document, Spot
from qkdlab.config.find import read_source
from qkdlab.config.layers import Override, apply_override, resolve_extends
from qkdlab.config.models import InstrumentConfig, RunConfig, StationConfig
from qkdlab.config.needs import check_needs
from qkdlab.config.outline import Outline, StationOutline, check_outline
from qkdlab.config.plugged import (
    SECTIONS,
    check_instruments,
    check_parameters,
    check_sections,
    models_inside,
)
from qkdlab.config.yaml_text import parse_yaml
from qkdlab.errors import ConfigError
from qkdlab.problems import Position, Problem, in_file_order

__all__ = ["load", "load_resolved", "load_text"]


def load(
    source: str | Path,
    *,
    overrides: Sequence[str | Override] = (),
    party: str | None = None,
) -> RunConfig:
    """Load a configuration by path or packaged name.

    `overrides` are ``a.b=c`` as after ``--set``; `party`, when given, must be one of
    the configuration's. Raises ConfigError with all problems, one line each, and
    ResourceError when the file cannot be read.
    """
    text, file = read_source(source)
    return load_text(text, file, overrides=overrides, party=party)


def load_text(
    text: str,
    file: str,
    *,
    overrides: Sequence[str | Override] = (),
    party: str | None = None,
) -> RunConfig:
    """Load a configuration from its text; `file` is the name for positions."""
    document, problems = parse_yaml(text, file)
    if problems and document.data is None:
        raise _error(problems)
    document, more = resolve_extends(document, file)
    return _checked(document, problems + more, file, overrides, party)


def load_resolved(
    data: dict[str, Any], file: str, *, overrides: Sequence[str | Override] = ()
) -> RunConfig:
    """Load what `RunConfig.resolved` gave, such as the configuration of a record.

    `file` is the name for positions, which have no lines. Raises ConfigError.
    """
    place = Position(file)
    document = Document(data, {(): Spot(place, place)})
    return _checked(document, [], file, overrides, None)


def _checked(
    document: Document,
    problems: list[Problem],
    file: str,
    overrides: Sequence[str | Override],
    party: str | None,
) -> RunConfig:
    for change in overrides:
        override = Override(change) if isinstance(change, str) else change
        problems += apply_override(document, override)
    if not isinstance(document.data, dict):
        place = document.value_position(())
        place = place if place.file else Position(file)
        raise _error([*problems, Problem(place, (), "must be a mapping of keys")])
    sections, more = check_sections(document)
    problems += more
    names = tuple(plugins.names(SECTIONS))
    outline, more = check_outline(document, names, models_inside(document))
    problems += more
    parameters, more = check_parameters(document)
    problems += more
    options, more = check_instruments(document)
    problems += more
    problems += check_roles(document)
    problems += check_needs(document)
    problems += check_conditions(document, parameters, party)
    if problems or outline is None or parameters is None:
        raise _error(problems)
    config = _assemble(outline, parameters, options, sections, file)
    config.remember(document)
    return config


def _error(problems: list[Problem]) -> ConfigError:
    return ConfigError(in_file_order(problems))


def _assemble(
    outline: Outline,
    parameters: BaseModel,
    options: dict[tuple[str, str], BaseModel],
    sections: dict[str, BaseModel],
    file: str,
) -> RunConfig:
    return RunConfig(
        schema_version=outline.schema_version,
        name=outline.name,
        title=outline.title,
        experiment=outline.experiment,
        bench=outline.bench,
        seed=outline.seed,
        key_class=outline.key_class,
        parameters=parameters,
        parties={
            party: _station(party, station, options)
            for party, station in outline.parties.items()
        },
        calibration=outline.calibration,
        wiring=outline.wiring,
        sections=sections,
        source=file,
    )


def _station(
    party: str,
    station: StationOutline,
    options: dict[tuple[str, str], BaseModel],
) -> StationConfig:
    instruments = {
        name: InstrumentConfig(
            driver=item.driver,
            bus=item.bus,
            address=item.address,
            options=options[party, name],
        )
        for name, item in station.instruments.items()
    }
    return StationConfig(instruments=instruments, roles=station.roles)
