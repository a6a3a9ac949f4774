"""Check that the stations have what the experiment's programs ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, Protocol

from qkdlab import plugins
from qkdlab.config.composites import COMPOSITE_FIELDS, COMPOSITE_ROLES, driver_roles
from qkdlab.config.document import Document
from qkdlab.config.plugged import EXPERIMENTS
from qkdlab.errors import ConfigError
from qkdlab.problems import KeyPath, Problem
from qkdlab.roles.needs import Needs

__all__ = ["check_needs"]


class _Experiment(Protocol):
    """What is read of a `qkdlab.session.experiment.Experiment`."""

    @property
    def programs(self) -> Mapping[str, object]: ...
    @property
    def needs(self) -> Mapping[str, Needs]: ...


def check_needs(document: Document) -> list[Problem]:
    """Check parties, roles and calibration records against the experiment.

    A document whose experiment or parties are no such things gives no problem here:
    others say so.
    """
    name, parties = document.get(("experiment",)), document.get(("parties",))
    if not isinstance(name, str) or not isinstance(parties, dict):
        return []
    try:
        experiment: _Experiment = plugins.lookup(EXPERIMENTS, name)
    except ConfigError:
        return []
    found = list(_parties(name, experiment, parties, _owners(document)))
    for party, needs in experiment.needs.items():
        if party in parties:
            found += _roles(document, party, needs)
            found += _records(document, party, needs)
    return [Problem(document.value_position(p), p, message) for p, message in found]


def _owners(document: Document) -> set[object]:
    """Return who owns a part of the wiring."""
    parts = document.get(("wiring", "parts"))
    listed = parts.values() if isinstance(parts, dict) else ()
    return {part.get("owner") for part in listed if isinstance(part, dict)}


def _parties(
    name: str,
    experiment: _Experiment,
    parties: Mapping[str, object],
    owners: Set[object],
) -> Iterator[tuple[KeyPath, str]]:
    """Find parties that are missing, and ones that neither play nor own a part.

    Who owns a part of the wiring needs no program: a facility station.
    """
    known = experiment.programs
    for party in parties:
        if party not in known and party not in owners:
            yield (
                ("parties", party),
                f"the experiment {name} has no program for '{party}'"
                f"{plugins.did_you_mean(party, known)}; it has: {', '.join(known)}; "
                "a facility station owns a part of the wiring",
            )
    for party in known:
        if party not in parties:
            yield ("parties",), f"the experiment {name} wants a station '{party}'"


def _roles(
    document: Document, party: str, needs: Needs
) -> Iterator[tuple[KeyPath, str]]:
    path: KeyPath = ("parties", party, "roles")
    given = document.get(path)
    given = given if isinstance(given, dict) else {}
    for name, kind in needs.roles.items():
        wanted = f"the experiment wants {_kind_text(kind)} here"
        if name not in given:
            yield path, f"required role '{name}' is missing; {wanted}"
        elif isinstance(given[name], dict):
            place = _wrong_kind(document, party, given[name], kind)
            if place is not None:
                yield (*path, name, place), wanted


def _kind_text(kind: str) -> str:
    composite = kind in COMPOSITE_FIELDS
    return f"the composite '{kind}'" if composite else f"an instrument with role {kind}"


def _wrong_kind(
    document: Document, party: str, role: Mapping[str, Any], kind: str
) -> str | None:
    """Return the key of a role that names something of another kind, or None."""
    composite, instrument = role.get("composite"), role.get("instrument")
    if kind in COMPOSITE_FIELDS:
        if composite in COMPOSITE_FIELDS:
            return "composite" if composite != kind else None
        return "instrument" if instrument is not None else None
    if composite in COMPOSITE_FIELDS:
        return None if COMPOSITE_ROLES.get(composite) == kind else "composite"
    roles = driver_roles(document, party, instrument)
    return "instrument" if roles is not None and kind not in roles else None


def _records(
    document: Document, party: str, needs: Needs
) -> Iterator[tuple[KeyPath, str]]:
    records = document.get(("calibration",))
    carried = [
        str(record.get("quantity"))
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and record.get("party") == party
    ]
    for quantity in needs.records:
        if quantity not in carried:
            near = plugins.suggest(quantity, set(carried) - set(needs.records))
            hint = f" (there is one of '{near}')" if near is not None else ""
            yield (
                ("calibration",),
                f"no record of {party}'s '{quantity}'{hint}; calibrate it, or add a "
                "record",
            )
