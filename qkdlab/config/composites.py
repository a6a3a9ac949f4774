"""The fields of the composites that roles may name, and their check.

`qkdlab.station.composites` builds them; the fields stand here, so that a mistake is
found before anything is opened. A field of type `InstrumentName` must name an
instrument of the same station, one that `Plays` the role that the composite asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qkdlab.config.document import Document
from qkdlab.config.explain import check_model
from qkdlab.errors import ConfigError
from qkdlab.plugins import did_you_mean, driver_spec
from qkdlab.problems import KeyPath, Problem

__all__ = [
    "COMPOSITE_FIELDS",
    "COMPOSITE_ROLES",
    "ActiveReceiverFields",
    "BasisModulatorFields",
    "FixedDetectorsFields",
    "FreshTransmitterFields",
    "InstrumentName",
    "ReceiverFields",
    "TransmitterFields",
    "WaveplateCompensatorFields",
    "check_roles",
    "driver_roles",
]

InstrumentName = NewType("InstrumentName", str)


@dataclass(frozen=True, slots=True)
class Plays:
    """The role that an instrument named by a field must offer."""

    role: str


class _Composite(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    composite: str
    instrument: Any = None
    """Judged by the outline: a role is one or the other."""


class TransmitterFields(_Composite):
    """An intensity and a polarization modulator on two channels of a generator."""

    generator: Annotated[InstrumentName, Plays("PatternGenerator")]
    intensity_channel: Annotated[int, Field(ge=1, le=2)] = 1
    polarization_channel: Annotated[int, Field(ge=1, le=2)] = 2

    @model_validator(mode="after")
    def _two_channels(self) -> Self:
        if self.intensity_channel == self.polarization_channel:
            raise ValueError("the two modulators cannot share one channel")
        return self


class FreshTransmitterFields(_Composite):
    """A board with both modulators and a generator of settings."""

    board: Annotated[InstrumentName, Plays("CounterModeTransmitter")]


class WaveplateCompensatorFields(_Composite):
    """Plates in the order in which light meets them."""

    plates: Annotated[list[InstrumentName], Field(min_length=1), Plays("Rotator")]
    retardances_waves: list[float]

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.plates) != len(self.retardances_waves):
            raise ValueError("give one entry of retardances_waves per plate")
        return self


class ReceiverFields(_Composite):
    """A tagger and what its inputs, numbered from 0, stand for."""

    tagger: Annotated[InstrumentName, Plays("TimeTagger")]
    channels: dict[int, Literal["X0", "X1", "Z0", "Z1"]]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if sorted(self.channels) != list(range(len(self.channels))):
            raise ValueError("number the channels 0, 1, 2, ... without a gap")
        meanings = list(self.channels.values())
        if len(set(meanings)) < len(meanings):
            raise ValueError("two channels stand for the same basis and bit")
        return self


class BasisModulatorFields(_Composite):
    """A board whose second output drives the receiver's phase modulator."""

    board: Annotated[InstrumentName, Plays("CounterModeTransmitter")]


class ActiveReceiverFields(_Composite):
    """A tagger: inputs, from 0, of the two detectors and of the board's marks."""

    tagger: Annotated[InstrumentName, Plays("TimeTagger")]
    detectors: Annotated[list[int], Field(min_length=2, max_length=2)]
    marks: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if sorted([*self.detectors, self.marks]) != [0, 1, 2]:
            raise ValueError("detectors and marks share the inputs 0, 1 and 2")
        return self


class FixedDetectorsFields(_Composite):
    """Detectors in modules that no instrument sets, and the tagger that counts them."""

    tagger: Annotated[InstrumentName, Plays("TimeTagger")]
    n_detectors: Annotated[int, Field(ge=1, le=64)]


COMPOSITE_FIELDS: dict[str, type[BaseModel]] = {
    "active_receiver": ActiveReceiverFields,
    "basis_modulator": BasisModulatorFields,
    "fixed_detectors": FixedDetectorsFields,
    "fresh_transmitter": FreshTransmitterFields,
    "receiver": ReceiverFields,
    "transmitter": TransmitterFields,
    "waveplate_compensator": WaveplateCompensatorFields,
}

COMPOSITE_ROLES: dict[str, str] = {"fixed_detectors": "BiasSource"}
"""Composites that play a role which instruments offer as well."""


def check_roles(document: Document) -> list[Problem]:
    """Check the roles of every station against composites and instruments."""
    problems: list[Problem] = []
    parties = document.get(("parties",))
    for party, station in parties.items() if isinstance(parties, dict) else ():
        roles = station.get("roles") if isinstance(station, dict) else None
        for name, role in roles.items() if isinstance(roles, dict) else ():
            if isinstance(role, dict):
                problems += _check_role(
                    document, party, ("parties", party, "roles", name)
                )
    return problems


def driver_roles(
    document: Document, party: str, instrument: object
) -> tuple[str, ...] | None:
    """Return the roles that the driver of an instrument offers; None if unknown."""
    if not isinstance(instrument, str):
        return None
    driver = document.get(("parties", party, "instruments", instrument, "driver"))
    try:
        return driver_spec(driver).roles if isinstance(driver, str) else None
    except ConfigError:
        return None


def _check_role(document: Document, party: str, path: KeyPath) -> list[Problem]:
    role = document.get(path)
    name = role.get("composite")
    if not isinstance(name, str) or role.get("instrument") is not None:
        return _check_names(document, party, [((*path, "instrument"), None)])
    if name not in COMPOSITE_FIELDS:
        place = (*path, "composite")
        hint = did_you_mean(name, COMPOSITE_FIELDS)
        message = (
            f"no composite '{name}'{hint}; there are: {', '.join(COMPOSITE_FIELDS)}"
        )
        return [Problem(document.value_position(place), place, message)]
    fields, problems = check_model(COMPOSITE_FIELDS[name], document, path)
    if fields is None:
        return problems
    places = [((*path, *place), role) for place, role in _name_fields(fields)]
    return _check_names(document, party, places)


def _name_fields(fields: BaseModel) -> Iterator[tuple[KeyPath, str | None]]:
    """Yield where in a composite's fields instruments are named, with their role."""
    for key, info in type(fields).model_fields.items():
        role = next((m.role for m in info.metadata if isinstance(m, Plays)), None)
        if info.annotation is InstrumentName:
            yield (key,), role
        elif InstrumentName in get_args(info.annotation):
            yield from (((key, i), role) for i in range(len(getattr(fields, key))))


def _check_names(
    document: Document, party: str, places: list[tuple[KeyPath, str | None]]
) -> list[Problem]:
    known: Any = document.get(("parties", party, "instruments"))
    known = known if isinstance(known, dict) else {}
    problems = []
    for place, role in places:
        name = document.get(place)
        if not isinstance(name, str):
            continue
        message = ""
        roles = driver_roles(document, party, name)
        if name not in known:
            message = (
                f"{party} has no instrument '{name}'{did_you_mean(name, known)}; "
                f"there are: {', '.join(known) or 'none'}"
            )
        elif role is not None and roles is not None and role not in roles:
            message = f"'{name}' is no {role}; its driver offers: {', '.join(roles)}"
        if message:
            problems.append(Problem(document.value_position(place), place, message))
    return problems
