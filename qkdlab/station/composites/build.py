"""Composites by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qkdlab.calibration.party import PartyBook
from qkdlab.errors import ConfigError
from qkdlab.station.composites.compensator import WaveplateCompensator
from qkdlab.station.composites.receiver import Receiver
from qkdlab.station.composites.transmitter import Transmitter

__all__ = ["COMPOSITES", "build"]

Builder = Callable[[Mapping[str, Any], Mapping[str, Any], PartyBook], Any]

COMPOSITES: dict[str, Builder] = {
    "receiver": Receiver.from_config,
    "transmitter": Transmitter.from_config,
    "waveplate_compensator": WaveplateCompensator.from_config,
}


def build(
    name: str,
    fields: Mapping[str, Any],
    instruments: Mapping[str, Any],
    book: PartyBook,
) -> Any:
    """Return the composite `name` made of `instruments`.

    Raises ConfigError when there is no such composite, a field is missing, or an
    instrument that it names does not exist.
    """
    builder = COMPOSITES.get(name)
    if builder is None:
        raise ConfigError(f"no composite {name!r}; there are {', '.join(COMPOSITES)}")
    try:
        return builder(fields, instruments, book)
    except KeyError as missing:
        raise ConfigError(
            f"composite {name!r}: {missing.args[0]!r} is neither a field given nor an "
            "instrument of this party"
        ) from None
