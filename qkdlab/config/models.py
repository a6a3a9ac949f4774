"""The models of a configuration: a run, its stations, instruments and roles."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializeAsAny,
    model_validator,
)

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.config.document import Document
from qkdlab.problems import KeyPath, Position
from qkdlab.wiring.parts import Eavesdropper, Wiring

__all__ = ["InstrumentConfig", "KeyClass", "RoleConfig", "RunConfig", "StationConfig"]

KeyClass = Literal["secure", "lab", "demonstration"]
"""SECURITY rule 2."""


class InstrumentConfig(BaseModel):
    """One instrument of a station.

    `address` holds one address per endpoint of the driver; a simulated bench needs
    none. Instruments that share a line name it as `bus`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    driver: str
    bus: str | None = None
    address: dict[str, str] = Field(default_factory=dict)
    options: SerializeAsAny[BaseModel]


class RoleConfig(BaseModel):
    """What stands behind a role: an instrument, or a composite with its own fields.

    The fields of a composite are in `model_extra`; keys of mappings in them are text.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    instrument: str | None = None
    composite: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.instrument is None) == (self.composite is None):
            raise ValueError("give either 'instrument' or 'composite'")
        if self.instrument is not None and self.model_extra:
            extra = ", ".join(sorted(self.model_extra))
            raise ValueError(
                f"a role of one instrument has no fields of its own: {extra}"
            )
        return self


class StationConfig(BaseModel):
    """One party's instruments and roles."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    instruments: dict[str, InstrumentConfig] = Field(default_factory=dict)
    roles: dict[str, RoleConfig] = Field(default_factory=dict)


class RunConfig(BaseModel):
    """A whole run, checked.

    Made by `qkdlab.config.load.load`; `source` names the file or packaged name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    schema_version: Literal[1] = Field(
        validation_alias="schema", serialization_alias="schema"
    )
    name: str
    title: str = ""
    experiment: str
    bench: str
    seed: int | None = Field(default=None, ge=0, lt=2**63, repr=False)
    key_class: KeyClass
    parameters: SerializeAsAny[BaseModel]
    parties: dict[str, StationConfig]
    calibration: list[CalibrationRecord] = Field(default_factory=list)
    wiring: Wiring
    sections: dict[str, SerializeAsAny[BaseModel]] = Field(default_factory=dict)
    source: str = ""
    _document: Document = PrivateAttr(default_factory=lambda: Document(None))

    @property
    def hash(self) -> str:
        """SHA-256 over everything that both parties must agree on, in hexadecimal.

        In it: experiment, key class, parameters, the parties and the nominal wiring.
        Not in it: addresses, drivers, seeds, calibration, sections of the bench, and
        an eavesdropper.
        """
        wiring = self.wiring.model_dump(mode="json", by_alias=True)
        for name, part in self.wiring.parts.items():
            if isinstance(part, Eavesdropper):
                wiring["parts"][name] = {"kind": part.kind}
        agreed = {
            "schema": self.schema_version,
            "experiment": self.experiment,
            "key_class": self.key_class,
            "parameters": self.parameters.model_dump(mode="json", by_alias=True),
            "parties": sorted(self.parties),
            "wiring": wiring,
        }
        text = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def resolved(self) -> dict[str, Any]:
        """Return the whole configuration, defaults filled in, as JSON-able data.

        Written as JSON, it loads again to an equal configuration.
        """
        data: dict[str, Any] = self.model_dump(
            mode="json", by_alias=True, exclude={"source"}
        )
        sections: dict[str, Any] = data.pop("sections")
        return data | sections

    def where(self, path: KeyPath) -> Position:
        """Return where the value at `path` stands; the source when that is unknown."""
        position = self._document.value_position(path)
        return position if position.file else Position(self.source)

    def remember(self, document: Document) -> None:
        """Keep the document for the places of its values."""
        self._document = document
