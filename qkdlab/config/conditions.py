"""Conditions between the parts of a configuration."""

from __future__ import annotations

from pydantic import BaseModel

from qkdlab import plugins
from qkdlab.config.document import Document
from qkdlab.problems import KeyPath, Problem

__all__ = ["check_conditions"]


def check_conditions(
    document: Document, parameters: BaseModel | None, party: str | None
) -> list[Problem]:
    """Check the bench, the party asked for, and what the key class forbids."""
    found = _bench(document) + _key_class(document, parameters)
    if party is not None:
        found += _party(document, party)
    return [Problem(document.value_position(p), p, message) for p, message in found]


def _bench(document: Document) -> list[tuple[KeyPath, str]]:
    name = document.get(("bench",))
    known = plugins.names("qkdlab.benches")
    if not isinstance(name, str):
        return []
    if name not in known:
        hint = plugins.did_you_mean(name, known)
        message = f"no bench is called '{name}'{hint}; installed: {', '.join(known)}"
        return [(("bench",), message)]
    if name == "real" and document.get(("seed",)) is not None:
        return [(("seed",), "a real bench has no seed; remove it")]
    return []


def _party(document: Document, party: str) -> list[tuple[KeyPath, str]]:
    parties = document.get(("parties",))
    if not isinstance(parties, dict) or party in parties:
        return []
    hint = plugins.did_you_mean(party, parties)
    message = f"there is no party '{party}'{hint}; there are: {', '.join(parties)}"
    return [(("parties",), message)]


def _key_class(
    document: Document, parameters: BaseModel | None
) -> list[tuple[KeyPath, str]]:
    """Refuse what SECURITY rule 2 forbids a secure run."""
    found: list[tuple[KeyPath, str]] = []
    if document.get(("key_class",)) != "secure":
        return found
    if document.get(("seed",)) is not None:
        message = (
            "a secure run takes its randomness from the operating system; remove the "
            "seed, or set key_class to lab or demonstration"
        )
        found.append((("seed",), message))
    if getattr(parameters, "settings_repeat", False):
        message = (
            "a cyclic pattern repeats its settings, so nothing of it is secure; "
            "set key_class to demonstration"
        )
        found.append((("key_class",), message))
    return found
