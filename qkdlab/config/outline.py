"""The form that every configuration has; what plug-ins must check is left open."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.config.document import Document
from qkdlab.config.explain import Inside, check_model
from qkdlab.config.models import KeyClass, RoleConfig
from qkdlab.problems import Problem
from qkdlab.wiring.parts import Wiring

__all__ = ["InstrumentOutline", "Outline", "StationOutline", "check_outline"]


class InstrumentOutline(BaseModel):
    """An instrument whose options are not checked yet."""

    model_config = ConfigDict(extra="forbid")
    driver: str
    bus: str | None = None
    address: dict[str, str] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)


class StationOutline(BaseModel):
    """A station whose instruments are not checked yet."""

    model_config = ConfigDict(extra="forbid")
    instruments: dict[str, InstrumentOutline] = Field(default_factory=dict)
    roles: dict[str, RoleConfig] = Field(default_factory=dict)


class Outline(BaseModel):
    """A configuration without its sections."""

    model_config = ConfigDict(extra="forbid")
    schema_version: Literal[1] = Field(alias="schema")
    name: str
    title: str = ""
    experiment: str
    bench: str
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    key_class: KeyClass
    parameters: dict[str, Any] = Field(default_factory=dict)
    parties: dict[str, StationOutline]
    calibration: list[CalibrationRecord] = Field(default_factory=list)
    wiring: Wiring = Field(default_factory=lambda: Wiring(parts={}, cables=[]))


def check_outline(
    document: Document, sections: tuple[str, ...], inside: Inside
) -> tuple[Outline | None, list[Problem]]:
    """Check the form of the whole; the top-level keys `sections` are left out.

    `inside` are models of what is left open, by top-level key, for suggestions.
    """
    data = document.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in sections}
    rest = Document(data, document.spots)
    return check_model(Outline, rest, (), {**dict.fromkeys(sections), **inside})
