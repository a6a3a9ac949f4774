"""Names of parameters: ``party.role.parameter``, an instrument's name in place of it.

``alice.attenuator.attenuation_db``, ``bob.websq.bias_ua[2]`` (one element of a list),
``alice.awg.ch1.output`` (of a part of an instrument).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qkdlab.errors import UsageError
from qkdlab.plugins import did_you_mean

if TYPE_CHECKING:
    from qkdlab.config.models import RunConfig, StationConfig

__all__ = ["ParameterName", "parse_name", "unknown"]

_NAME = re.compile(r"([^.\[\]]+)\.([^.\[\]]+)\.([^\[\]]+?)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class ParameterName:
    """One parameter of one instrument.

    text:       as it was given
    party, instrument: names of the configuration
    parameter:  of the instrument, with dots for its parts
    index:      of an element of a list, or None for the whole
    """

    text: str
    party: str
    instrument: str
    parameter: str
    index: int | None = None


def parse_name(config: RunConfig, text: str) -> ParameterName:
    """Find party and instrument of a name in a configuration.

    Raises UsageError, with a suggestion and what there is.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise UsageError(
            f"'{text}' names no parameter; write party.role.parameter, for example "
            "alice.attenuator.attenuation_db"
        )
    party, role, parameter, index = found.groups()
    if party not in config.parties:
        raise unknown(text, "party", party, config.parties)
    instrument = _instrument(config.parties[party], text, role)
    return ParameterName(
        text, party, instrument, parameter, None if index is None else int(index)
    )


def unknown(text: str, what: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that does not exist among those that do."""
    known = list(known)
    return UsageError(
        f"{text}: no {what} '{name}'{did_you_mean(name, known)}; there are "
        f"{', '.join(known) or 'none'}"
    )


def _instrument(station: StationConfig, text: str, role: str) -> str:
    bound = station.roles.get(role)
    if bound is not None and bound.instrument is not None:
        return bound.instrument
    if role in station.instruments:
        return role
    instruments = list(station.instruments)
    if bound is not None:
        raise UsageError(
            f"{text}: the role '{role}' is made of several parts; name one of the "
            f"instruments: {', '.join(instruments)}"
        )
    roles = [name for name, r in station.roles.items() if r.instrument is not None]
    raise unknown(text, "role or instrument", role, dict.fromkeys(roles + instruments))
